import { MooringError } from "../errors.ts"

/**
 * Lets the maker of a connection dispose of it, and explains itself where `using` is of no use. Runtimes look for
 * `Symbol.dispose` after `Symbol.asyncDispose`, which a shared connection does not have.
 */
export function makeDisposable(connection: object, name: string, close: () => Promise<void>): void {
  Object.defineProperty(connection, Symbol.asyncDispose, { value: close, configurable: true })
  const get = (): never => {
    throw notDisposable(name, Symbol.asyncDispose in connection)
  }
  Object.defineProperty(connection, Symbol.dispose, { get })
}

function notDisposable(connection: string, own: boolean): MooringError {
  const what = own ? "is closed asynchronously" : "is shared by the whole process: there is nothing to close"
  const hint = own
    ? 'Write "await using" instead of "using".'
    : 'Write "const" instead of "await using", which is for what one caller owns: a session, connect(), a stream.'
  return new MooringError("SESSION_STATE", `Connection "${connection}" ${what}.`, { connection, hint })
}
