import { Exchange } from "./wire/exchange.ts"
import { ProtocolError } from "./wire/framer.ts"
import { backend, MessageWriter } from "./wire/messages.ts"

/** Statements of our own, without parameters and rows, in one write and one transaction. */
export class ControlExchange extends Exchange {
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

  protected handle(code: number): boolean {
    switch (code) {
      case backend.parseComplete:
      case backend.bindComplete:
      case backend.dataRow:
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

/** Gives back the advisory locks of the session. */
export const releaseLocks = "SELECT pg_catalog.pg_advisory_unlock_all()"

/**
 * What makes a session fresh and leaves our prepared statements: the parts of DISCARD ALL but for DEALLOCATE ALL and
 * the cached plans.
 *
 * @see https://www.postgresql.org/docs/current/sql-discard.html
 */
export const freshSession: readonly string[] = [
  "CLOSE ALL",
  "RESET ALL",
  ...resetRole,
  "UNLISTEN *",
  releaseLocks,
  "DISCARD TEMP",
  "DISCARD SEQUENCES",
]

/** The same where the session has prepared statements that are not ours. */
export const forgottenStatements: readonly string[] = ["DEALLOCATE ALL"]
