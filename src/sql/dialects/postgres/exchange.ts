import type { TypeCatalog } from "./catalog.ts"
import type { ColumnReader } from "./columns/reader.ts"
import { NotReading } from "./failures.ts"
import { type Control, controls, type Guard } from "./guard.ts"
import { encodeValues } from "./params.ts"
import type { Prepared, Statements } from "./statements.ts"
import { columnReader, formatOf } from "./types.ts"
import type { TypedText } from "./typing.ts"
import { noCopy } from "./unsupported.ts"
import { endsWithTrue, type FieldDescription, readFields, readParameters, readTag } from "./wire/descriptions.ts"
import { Exchange } from "./wire/exchange.ts"
import { ProtocolError, type Source } from "./wire/framer.ts"
import { backend, MessageWriter, type WireValue } from "./wire/messages.ts"

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  readonly statements: Statements
  readonly catalog: TypeCatalog
  /** What stands around statements that read. */
  readonly guard: Guard
  /** Whether texts may come in another encoding than UTF-8. */
  readonly checksText: boolean
  /** Asks the server to stop what it does. */
  cancel(exchange: StatementExchange): void
}

/** What is run. */
export interface ExchangeStatement extends TypedText {
  /** @throws UnfitValue where a value does not fit the type that the server inferred for its place. */
  check?(types: readonly number[]): void
  /** In a transaction of its own that refuses changes. */
  readonly readOnly: boolean
  /** After how many rows the server waits; 0: never. */
  readonly rowLimit: number
}

/** Who gets the rows. What it throws fails the exchange. */
export interface RowTaker {
  /** Called before the first row; without columns there are none. */
  describe(columns: readonly ColumnReader[] | undefined): void
  row(source: Source, start: number, end: number): void
  /** A row of so many bytes is coming, and is not all there yet. */
  coming?(size: number): void
  /** The rows so far have to be copied now. */
  release(): void
  /** `rowLimit` rows were sent: the server waits for {@link StatementExchange.more} or {@link StatementExchange.end}. */
  suspended(): void
  complete(tag: string): void
}

type Command = Control | "lookup" | "statement"

/**
 * One statement by the extended query protocol, which never takes two statements in one text.
 *
 * A prepared one takes one write: Bind, Execute, Sync. Another is first described, so that its parameters can be written
 * by their types and its columns asked for in the format that is read best. Flush instead of Sync in between keeps both
 * halves in one transaction, which is what makes it right behind a pooler.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export class StatementExchange extends Exchange {
  readonly statement: ExchangeStatement
  /** Whether the statement was sent to be executed. */
  ran = false
  /** Whether the session has prepared statements that are not ours. */
  leftStatements = false
  private readonly host: ExchangeHost
  private readonly taker: RowTaker
  /** What was sent and not yet answered. */
  private readonly commands: Command[] = []
  private describing = false
  private hasColumns = false
  private name = ""
  private parameters: readonly number[] = []
  private encoded: readonly WireValue[] = []
  /** The columns, while the server is asked about their types. */
  private fields: readonly FieldDescription[] | undefined
  private unknown: readonly number[] = []

  constructor(host: ExchangeHost, statement: ExchangeStatement, taker: RowTaker) {
    super()
    this.host = host
    this.statement = statement
    this.taker = taker
  }

  /** The statement of our own that the server refused. */
  get refusedControl(): Control | undefined {
    const [command] = this.commands
    return this.refused && command !== "lookup" && command !== "statement" ? command : undefined
  }

  /** Asks for the next rows after a suspension. */
  more(): void {
    this.commands.push("statement")
    this.send(new MessageWriter().execute(this.statement.rowLimit).flush())
  }

  /** Ends a suspended statement. */
  end(): void {
    const writer = new MessageWriter().closePortal()
    this.finish(writer)
  }

  protected keep(): void {
    this.taker.release()
  }

  protected override announce(size: number): void {
    if (this.commands[0] === "statement" && this.hasColumns) this.taker.coming?.(size)
  }

  protected get waiting(): boolean {
    return this.describing || this.commands.length > 0
  }

  protected cancel(): void {
    this.host.cancel(this)
  }

  protected begin(): void {
    const { statements, guard } = this.host
    const { text, types, key, readOnly } = this.statement
    const known = statements.find(key)
    if (known !== undefined) {
      this.refuseWriting(known.fields)
      this.encode(known.parameters)
    }
    const writer = new MessageWriter()
    for (const name of statements.takeLeaving()) writer.closeStatement(name)
    if (readOnly) this.control(writer, guard.before)
    if (known !== undefined) {
      this.run(writer, known)
      return
    }
    this.name = statements.nameFor(key)
    this.describing = true
    this.send(writer.parse(this.name, text, types).describeStatement(this.name).flush())
  }

  protected handle(code: number, source: Source, start: number, end: number): boolean {
    switch (code) {
      case backend.dataRow:
        if (this.failed) return true
        if (this.commands[0] === "statement" && this.hasColumns) this.taker.row(source, start, end)
        else if (this.commands[0] === "lookup") this.host.catalog.row(source, start, end)
        else if (this.commands[0] === "leftovers") this.leftStatements = endsWithTrue(source, end)
        else if (this.commands[0] === "unlock") return true
        else throw new ProtocolError("a row that nobody asked for")
        return true
      case backend.parseComplete:
      case backend.bindComplete:
      case backend.closeComplete:
        return true
      case backend.parameterDescription:
        this.parameters = readParameters(source, start, end)
        return true
      case backend.rowDescription:
        this.described(readFields(source, start, end))
        return true
      case backend.noData:
        this.described(undefined)
        return true
      case backend.commandComplete:
        this.complete(readTag(source, start, end))
        return true
      case backend.emptyQuery:
        // QuestDB says so already when it is asked to describe an empty statement.
        if (this.commands.length > 0) this.complete("")
        return true
      case backend.portalSuspended:
        this.commands.shift()
        if (!this.failed) this.taker.suspended()
        return true
      case backend.copyIn:
        // The Sync that was sent before is ignored while the server waits for data.
        this.synced = false
        this.send(new MessageWriter().copyFail("Not supported."))
        this.fail(noCopy("from STDIN"))
        return true
      case backend.copyOut:
        this.fail(noCopy("to STDOUT"))
        return true
      case backend.copyData:
      case backend.copyDone:
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

  private described(fields: readonly FieldDescription[] | undefined): void {
    this.describing = false
    const { catalog, statements } = this.host
    if (this.failed) {
      statements.abandon(this.name)
      return
    }
    this.refuseWriting(fields)
    this.fields = fields
    this.unknown = catalog.unknownOf(fields ?? [])
    if (this.unknown.length === 0) {
      this.runDescribed(new MessageWriter())
      return
    }
    this.commands.push("lookup")
    this.send(catalog.ask(new MessageWriter(), this.unknown).flush())
  }

  /**
   * What reads has columns, if only none: the server's own word, before anything runs. A read-only transaction lets SET,
   * COPY … TO, PREPARE, NOTIFY, BEGIN and COMMIT pass, which have no columns.
   */
  private refuseWriting(fields: readonly FieldDescription[] | undefined): void {
    if (!this.statement.readOnly || fields !== undefined) return
    this.host.statements.abandon(this.name)
    throw new NotReading()
  }

  private runDescribed(writer: MessageWriter): void {
    const { catalog, statements } = this.host
    const { fields } = this
    const formats = (fields ?? []).map((field) => formatOf(field, catalog.find(field.typeId)))
    const asked = fields?.map((field, i) => ({ ...field, format: formats[i]! }))
    const prepared = { name: this.name, parameters: this.parameters, fields: asked, formats }
    statements.keep(this.statement.key, prepared)
    this.encode(this.parameters)
    this.run(writer, prepared)
  }

  private encode(types: readonly number[]): void {
    this.statement.check?.(types)
    this.encoded = encodeValues(this.statement.values, types)
  }

  private run(writer: MessageWriter, { name, fields, formats }: Prepared): void {
    const { rowLimit } = this.statement
    const { catalog, checksText: checkText } = this.host
    this.hasColumns = fields !== undefined
    this.taker.describe(fields?.map((field) => columnReader(field, catalog.find(field.typeId), { checkText })))
    writer.bind(name, this.encoded, formats).execute(rowLimit)
    this.commands.push("statement")
    this.ran = true
    if (rowLimit > 0) {
      this.send(writer.flush())
      return
    }
    this.finish(writer)
  }

  private complete(tag: string): void {
    const command = this.commands.shift()
    if (this.failed) return
    switch (command) {
      case "begin":
      case "rollback":
      case "leftovers":
      case "unlock":
        this.host.statements.controls.add(command)
        return
      case "lookup": {
        this.host.catalog.answered(this.unknown)
        const writer = new MessageWriter()
        // The unnamed statement is now that of the lookup.
        if (this.name === "") writer.parse("", this.statement.text, this.statement.types)
        this.runDescribed(writer)
        return
      }
      case "statement":
        this.host.statements.note(this.statement.text, tag)
        this.taker.release()
        this.taker.complete(tag)
        if (!this.synced) this.finish(new MessageWriter())
        return
      default:
        throw new ProtocolError("the end of a statement that nobody began")
    }
  }

  private finish(writer: MessageWriter): void {
    if (this.statement.readOnly) for (const command of this.host.guard.after) this.control(writer, command)
    this.sync(writer)
  }

  private control(writer: MessageWriter, command: Control): void {
    const { statements } = this.host
    const name = statements.nameOfControl(command)
    if (name === "") writer.parse("", controls[command])
    // One that was prepared in an exchange that failed may be there already.
    else if (!statements.controls.has(command)) writer.closeStatement(name).parse(name, controls[command])
    writer.bind(name, [], []).execute()
    this.commands.push(command)
  }
}
