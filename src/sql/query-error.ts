import { type ErrorDetails, isMooringError, MooringError, type Outcome, QueryError } from "../errors.ts"
import { permissionHint } from "../util/permission-model.ts"
import type { Dialect, Failure, Statement } from "./dialect.ts"
import { redactValues } from "./redact-values.ts"
import { serverText } from "./server-text.ts"

/** Where and how a statement failed. */
export interface FailedStatement {
  readonly connection: string
  readonly attempts?: number
  readonly outcome?: Outcome
  /** Its values are taken out of what the database says. */
  readonly statement?: Statement | undefined
}

/** What drivers' errors meant, by the error that was made of each: their codes are not on it any more. */
const actions = new WeakMap<object, Failure["action"]>()

/** What an error means for the connection: a driver's, or one that was made of a driver's here. */
export function actionOf(error: unknown, dialect: Dialect): Failure["action"] {
  if (!isMooringError(error)) return dialect.classify(error).action
  return actions.get(error) ?? "fatal"
}

/**
 * The error of a driver as one of ours: a sentence that names the connection, the kind of mistake, and what to do.
 *
 * The driver's error is the `cause`, reduced to its message and stack: drivers hang statements, values and passwords on
 * their errors.
 */
export function toQueryError(error: unknown, dialect: Dialect, failed: FailedStatement): MooringError {
  if (isMooringError(error)) return located(error, failed.connection)
  const failure = dialect.classify(error)
  const { kind, sqlState, driverCode, about } = failure
  const { statement } = failed
  const shown = statement && statement.values.length > 0 ? (said: string) => redactValues(said, statement) : asItIs
  const details = {
    ...detailsOf(error, failure, failed.connection, shown),
    kind,
    ...(about !== undefined && { about }),
    ...(sqlState !== undefined && { sqlState }),
    ...(driverCode !== undefined && {
      driverCode: typeof driverCode === "string" ? serverText(driverCode) : driverCode,
    }),
    outcome: failure.neverRan ? "notRun" : (failed.outcome ?? "failed"),
    attempts: failed.attempts ?? 1,
  }
  const code = failure.code ?? (kind === "readOnly" ? "READ_ONLY" : "QUERY")
  if (code === "READ_ONLY") details.hint = "Use execute(), or a session, for statements that change something."
  const made = new QueryError(shown(sentence(error, failure, failed.connection)), details, code)
  if (statement !== undefined) Object.assign(made, { sql: statement.text })
  return remembered(made, failure)
}

/** The same for a connection that could not be made: its `code` is `CONNECT` where the dialect knows no better. */
export function toConnectError(error: unknown, dialect: Dialect, connection: string): MooringError {
  if (isMooringError(error)) return located(error, connection)
  const failure = dialect.classify(error)
  const { code = "CONNECT" } = failure
  const said = sentence(error, failure, connection)
  return remembered(new MooringError(code, said, detailsOf(error, failure, connection)), failure)
}

/** The error for a function among the options that failed; `action` is what its own error means. */
export function toProviderError(
  { key, error }: { readonly key: string; readonly error: unknown },
  action: Failure["action"],
  connection: string,
): MooringError {
  const message = `Connection "${connection}": the function given as ${key} failed: ${messageOf(error)}`
  const hint = "It is called for each connect. The error that it threw is the cause."
  const made = new MooringError("CONNECT", message, { connection, hint, cause: bare(error, asItIs) })
  actions.set(made, action)
  return made
}

function detailsOf(
  error: unknown,
  failure: Failure,
  connection: string,
  shown: (said: string) => string = asItIs,
): ErrorDetails {
  const hint = permissionHint(error) ?? failure.hint
  return { cause: bare(error, shown), connection, ...(hint !== undefined && { hint: shown(serverText(hint)) }) }
}

function asItIs(said: string): string {
  return said
}

function sentence(error: unknown, { message }: Failure, connection: string): string {
  return `Connection "${connection}": ${message === undefined ? messageOf(error) : serverText(message)}`
}

function remembered<E extends MooringError>(error: E, { action }: Failure): E {
  actions.set(error, action)
  return error
}

/** The same error for another caller: what is added to one is not on the other. */
export function copyOf(error: MooringError, stack: string | undefined): MooringError {
  const copy = Object.setPrototypeOf(new Error(error.message), Object.getPrototypeOf(error)) as MooringError
  const own = { value: stack, enumerable: false, configurable: true, writable: true }
  // In some engines a stack is a getter that only works on the error that it was made for.
  Object.defineProperties(copy, { ...Object.getOwnPropertyDescriptors(error), stack: own })
  const action = actions.get(error)
  if (action !== undefined) actions.set(copy, action)
  return copy
}

/** An error that was made where the connection's name is not known, with it. */
function located(error: MooringError, connection: string): MooringError {
  if (error.connection !== undefined) return error
  const named = error.message.includes(`"${connection}"`)
  const message = named ? error.message : `Connection "${connection}": ${error.message}`
  return Object.assign(error, { connection, message })
}

/** Runs `work`; an error of ours that does not name the connection does so afterwards. */
export function locating<T>(connection: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isMooringError(error) ? located(error, connection) : error
  }
}

function messageOf(error: unknown): string {
  return (
    serverText(error instanceof Error ? error.message : String(error)) || "The database gave an error without a text."
  )
}

function bare(error: unknown, shown: (said: string) => string): Error {
  const message = shown(messageOf(error))
  const copy = new Error(message)
  if (error instanceof Error && error.stack !== undefined) {
    copy.stack = serverText(error.stack.replace(error.message, () => message))
  }
  return copy
}
