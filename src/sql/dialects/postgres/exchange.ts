import { MooringError } from "../../../errors.ts"
import type { TypeCatalog } from "./catalog.ts"
import type { ColumnReader } from "./columns/reader.ts"
import type { Submittable, Wire } from "./driver.ts"
import { encodeValues } from "./params.ts"
import type { Control, Prepared, Statements } from "./statements.ts"
import { columnReader, formatOf } from "./types.ts"
import { type FieldDescription, readFields, readParameters, readTag } from "./wire/descriptions.ts"
import { ProtocolError, type Source } from "./wire/framer.ts"
import { backend, MessageWriter, type WireValue } from "./wire/messages.ts"
import type { ColumnarWire, Conversation } from "./wire/wire.ts"

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  readonly statements: Statements
  readonly catalog: TypeCatalog
  /** Asks the server to stop what it does. */
  cancel(exchange: Exchange): void
}

/** What is run. */
export interface ExchangeStatement {
  readonly text: string
  readonly values: readonly unknown[]
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
  /** The rows so far have to be copied now. */
  release(): void
  /** `rowLimit` rows were sent: the server waits for {@link Exchange.more} or {@link Exchange.end}. */
  suspended(): void
  complete(tag: string): void
}

type Command = Control | "lookup" | "statement"

/** Names of the statements around a reading one. */
const controls: Readonly<Record<Control, readonly [name: string, text: string]>> = {
  begin: ["mooring_begin", "BEGIN READ ONLY"],
  commit: ["mooring_commit", "COMMIT"],
  rollback: ["mooring_rollback", "ROLLBACK"],
}

/**
 * One statement by the extended query protocol, which never takes two statements in one text.
 *
 * A prepared one takes one write: Bind, Execute, Sync. Another is first described, so that its parameters can be written
 * by their types and its columns asked for in the format that is read best. Flush instead of Sync in between keeps both
 * halves in one transaction, which is what makes it right behind a pooler.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export class Exchange implements Submittable, Conversation {
  /** Settles when the server is ready for the next one, or the link is broken. */
  readonly done: Promise<void>
  readonly statement: ExchangeStatement
  /** What it failed with. */
  error: unknown
  /** Whether that came from the server. */
  refused = false
  private readonly host: ExchangeHost
  private readonly taker: RowTaker
  private resolve!: () => void
  private reject!: (error: unknown) => void
  private wire: ColumnarWire | undefined
  private name = ""
  private parameters: readonly number[] = []
  /** The columns, while the server is asked about their types. */
  private fields: readonly FieldDescription[] | undefined
  private unknown: readonly number[] = []
  private encoded: readonly WireValue[] = []
  private describing = false
  private readonly commands: Command[] = []
  private failed = false
  private expectsError = false
  private synced = false
  private settled = false

  constructor(host: ExchangeHost, statement: ExchangeStatement, taker: RowTaker) {
    this.host = host
    this.statement = statement
    this.taker = taker
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** True from the first message sent to ReadyForQuery. */
  get running(): boolean {
    return this.wire !== undefined && !this.settled
  }

  /** True while the server works, or may send something. */
  get busy(): boolean {
    return this.running && (this.synced || this.describing || this.commands.length > 0)
  }

  submit(wire: Wire): Error | null {
    // Returned errors come back by handleError.
    if (this.failed) return this.error as Error
    this.wire = wire as ColumnarWire
    this.wire.conversation = this
    try {
      this.begin()
    } catch (error) {
      this.fail(error)
    }
    return null
  }

  /** Gives up: the rest is not read, and `done` rejects with this error once the server is ready again. */
  fail(error: unknown): void {
    if (this.failed || this.settled) return
    this.failed = true
    this.error = error
    if (this.wire === undefined) return
    const { busy } = this
    this.sync(new MessageWriter())
    if (busy) this.host.cancel(this)
  }

  /** Asks for the next rows after a suspension. */
  more(): void {
    this.commands.push("statement")
    this.send(new MessageWriter().execute(this.statement.rowLimit).flush())
  }

  /** Ends a suspended statement. */
  end(): void {
    const writer = new MessageWriter().closePortal()
    if (this.statement.readOnly) this.control(writer, this.ending)
    this.sync(writer)
  }

  take(code: number, source: Source, start: number, end: number): boolean {
    try {
      return this.handle(code, source, start, end)
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof RangeError) throw error
      this.fail(error)
      return true
    }
  }

  release(): void {
    if (this.failed) return
    try {
      this.taker.release()
    } catch (error) {
      this.fail(error)
    }
  }

  failing(): void {
    this.expectsError = true
  }

  handleError(error: Error): void {
    if (!this.expectsError) {
      this.broken(error)
      return
    }
    this.expectsError = false
    if (!this.failed) {
      this.failed = true
      this.refused = true
      this.error = error
    }
    this.commands.length = 0
    if (!this.synced) this.sync(new MessageWriter())
  }

  /** `pg` says so as well; the wire's own word comes also after errors. */
  handleReadyForQuery(): void {}

  ready(): void {
    this.settle()
  }

  broken(error: Error): void {
    if (!this.failed) {
      this.failed = true
      this.error = error
    }
    this.settle()
  }

  private settle(): void {
    if (this.settled) return
    this.settled = true
    if (this.failed) this.reject(this.error)
    else this.resolve()
  }

  private begin(): void {
    const { statements } = this.host
    const { text, readOnly, values } = this.statement
    const known = statements.find(text)
    if (known !== undefined) this.encoded = encodeValues(values, known.parameters)
    const writer = new MessageWriter()
    for (const name of statements.takeLeaving()) writer.closeStatement(name)
    if (readOnly) this.control(writer, "begin")
    if (known !== undefined) {
      this.run(writer, known)
      return
    }
    this.name = statements.nameFor(text)
    this.describing = true
    this.send(writer.parse(this.name, text).describeStatement(this.name).flush())
  }

  private handle(code: number, source: Source, start: number, end: number): boolean {
    switch (code) {
      case backend.dataRow:
        if (this.failed) return true
        if (this.commands[0] === "statement") this.taker.row(source, start, end)
        else if (this.commands[0] === "lookup") this.host.catalog.row(source, start, end)
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
        this.complete("")
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
      default:
        return false
    }
  }

  private described(fields: readonly FieldDescription[] | undefined): void {
    this.describing = false
    if (this.failed) return
    this.fields = fields
    this.encoded = encodeValues(this.statement.values, this.parameters)
    const { catalog } = this.host
    this.unknown = catalog.unknownOf(fields ?? [])
    if (this.unknown.length === 0) {
      this.runDescribed(new MessageWriter())
      return
    }
    this.commands.push("lookup")
    this.send(catalog.ask(new MessageWriter(), this.unknown).flush())
  }

  private runDescribed(writer: MessageWriter): void {
    const { catalog, statements } = this.host
    const { fields } = this
    const formats = (fields ?? []).map((field) => formatOf(field, catalog.find(field.typeId)))
    const asked = fields?.map((field, i) => ({ ...field, format: formats[i]! }))
    const prepared = { name: this.name, parameters: this.parameters, fields: asked, formats }
    statements.keep(this.statement.text, prepared)
    this.run(writer, prepared)
  }

  private run(writer: MessageWriter, { name, fields, formats }: Prepared): void {
    const { readOnly, rowLimit } = this.statement
    this.taker.describe(fields?.map((field) => columnReader(field, this.host.catalog.find(field.typeId))))
    writer.bind(name, this.encoded, formats).execute(rowLimit)
    this.commands.push("statement")
    if (rowLimit > 0) {
      this.send(writer.flush())
      return
    }
    if (readOnly) this.control(writer, this.ending)
    this.sync(writer)
  }

  private complete(tag: string): void {
    const command = this.commands.shift()
    if (this.failed) return
    switch (command) {
      case "begin":
      case "commit":
      case "rollback":
        this.host.statements.controls.add(command)
        return
      case "lookup": {
        this.host.catalog.answered(this.unknown)
        const writer = new MessageWriter()
        // The unnamed statement is now that of the lookup.
        if (this.name === "") writer.parse("", this.statement.text)
        this.runDescribed(writer)
        return
      }
      case "statement":
        if (/^(DISCARD|DEALLOCATE) ALL$/.test(tag)) this.host.statements.clear()
        this.taker.release()
        this.taker.complete(tag)
        if (!this.synced) this.endCompleted()
        return
      default:
        throw new ProtocolError("the end of a statement that nobody began")
    }
  }

  private endCompleted(): void {
    const writer = new MessageWriter()
    if (this.statement.readOnly) this.control(writer, this.ending)
    this.sync(writer)
  }

  /** EXPLAIN ANALYZE CREATE TABLE AS makes its table in a read-only transaction, too: rolled back, it does not. */
  private get ending(): Control {
    return /\bexplain\b/i.test(this.statement.text) ? "rollback" : "commit"
  }

  private control(writer: MessageWriter, command: Control): void {
    const { statements } = this.host
    const [name, text] = controls[command]
    const used = statements.keeps ? name : ""
    if (used === "" || !statements.controls.has(command)) {
      if (used !== "") writer.closeStatement(used)
      writer.parse(used, text)
    }
    writer.bind(used, [], []).execute()
    this.commands.push(command)
  }

  private sync(writer: MessageWriter): void {
    if (this.synced) return
    this.synced = true
    this.send(writer.sync())
  }

  private send(writer: MessageWriter): void {
    this.wire!.stream.write(writer.take())
  }
}

function noCopy(direction: string): MooringError {
  return new MooringError("UNSUPPORTED", `COPY ${direction} is not something that a query can do.`, {
    hint: "Use select and insert, or connect() and a package for COPY.",
  })
}
