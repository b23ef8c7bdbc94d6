import { endsWithTrue } from "./wire/descriptions.ts"
import { Exchange } from "./wire/exchange.ts"
import { ProtocolError, type Source } from "./wire/framer.ts"
import { backend, MessageWriter } from "./wire/messages.ts"

/** Statements of our own, without parameters, in one write and one transaction. */
export class ControlExchange extends Exchange {
  /** Whether a row came that ends with true. */
  found = false
  private readonly texts: readonly string[]

  constructor(texts: readonly string[]) {
    super()
    this.texts = texts
  }

  protected begin(): void {
    const writer = new MessageWriter()
    for (const text of this.texts) writer.parse("", text).bind("", [], []).execute()
    this.sync(writer)
  }

  protected handle(code: number, source: Source, _start: number, end: number): boolean {
    switch (code) {
      case backend.dataRow:
        this.found ||= endsWithTrue(source, end)
        return true
      case backend.parseComplete:
      case backend.bindComplete:
      case backend.commandComplete:
        return true
      case backend.error:
      case backend.notice:
      case backend.notification:
      case backend.parameterStatus:
        return false
      default:
        throw new ProtocolError(`a message of the unknown kind ${code}`)
    }
  }

  protected keep(): void {}

  protected get waiting(): boolean {
    return false
  }

  protected cancel(): void {}
}

/** The role that the connection was configured with comes back last: the line before it takes every role away. */
const resetRole = ["SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE"] as const

/**
 * What makes a session fresh and leaves our prepared statements: the parts of DISCARD ALL but for DEALLOCATE ALL, the
 * cached plans, and the advisory locks, which the clearing gives back.
 *
 * @see https://www.postgresql.org/docs/current/sql-discard.html
 */
export const freshSession: readonly string[] = [
  "CLOSE ALL",
  "RESET ALL",
  ...resetRole,
  "UNLISTEN *",
  "DISCARD TEMP",
  "DISCARD SEQUENCES",
]
