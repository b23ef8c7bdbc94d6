import type { TypedText } from "./typing.ts"
import { Exchange } from "./wire/exchange.ts"
import { ProtocolError } from "./wire/framer.ts"
import { backend, MessageWriter } from "./wire/messages.ts"

const savepoint = "mooring_types"

/** Takes back what a {@link Probe} that the server refused has done to its transaction. */
export const undoProbe: readonly string[] = [`ROLLBACK TO SAVEPOINT ${savepoint}`, `RELEASE SAVEPOINT ${savepoint}`]

/**
 * Asks the server whether it understands a statement, inside the caller's transaction, which a statement that it does not
 * understand would end: behind a savepoint. Nothing is run.
 */
export class Probe extends Exchange {
  private readonly statement: TypedText

  private readonly stop: () => void

  constructor(statement: TypedText, stop: () => void) {
    super()
    this.statement = statement
    this.stop = stop
  }

  protected begin(): void {
    const { text, types } = this.statement
    const writer = new MessageWriter()
    this.command(writer, `SAVEPOINT ${savepoint}`)
    writer.parse("", text, types).describeStatement("")
    this.command(writer, `RELEASE SAVEPOINT ${savepoint}`)
    this.sync(writer)
  }

  protected handle(code: number): boolean {
    switch (code) {
      case backend.parseComplete:
      case backend.bindComplete:
      case backend.commandComplete:
      case backend.parameterDescription:
      case backend.rowDescription:
      case backend.noData:
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

  protected cancel(): void {
    this.stop()
  }

  private command(writer: MessageWriter, text: string): void {
    writer.parse("", text).bind("", [], []).execute()
  }
}
