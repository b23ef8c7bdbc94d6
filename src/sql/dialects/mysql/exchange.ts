import { MooringError } from "../../../errors.ts"
import type { Answered, ColumnDefinition, Command, OkPacket, Prepared, RowPacket, RowParser } from "./driver.ts"
import type { RowSink, Wire } from "./wire/wire.ts"

/** Who gets the rows of a statement. What it throws fails the exchange. */
export interface RowTaker {
  /** Called before the first row, for a statement that has rows. */
  describe(fields: readonly ColumnDefinition[]): void
  /** One row's packet: the bytes from `start` to `end`, which are only good until {@link release}. */
  row(buffer: Buffer, start: number, end: number): void
  /** The bytes of the rows so far are about to change. */
  release(): void
  /** All rows have come. */
  complete(): void
}

/** Takes no rows. */
export const ignored: RowTaker = {
  describe() {},
  row() {},
  release() {},
  complete() {},
}

/** `text` for what cannot be prepared, or is not worth it. */
export type Protocol = "binary" | "text"

/** What is run, and how. */
export interface ExchangeStatement {
  readonly text: string
  /** As `mysql2` binds them. */
  readonly values: readonly unknown[]
  readonly protocol: Protocol
}

/**
 * One statement on a connection, until the server is ready for the next, whatever happens.
 *
 * A procedure may give several results. The first one with columns is taken, the others are read and dropped.
 */
export class Exchange {
  readonly statement: ExchangeStatement
  /** Settles when the server has answered, or the link is broken. */
  readonly done: Promise<OkPacket | undefined>
  /** Whether the server gave the error. */
  refused = false
  /** Whether the server has answered. */
  private finished = false
  private readonly taker: RowTaker
  private readonly cancel: (exchange: Exchange) => void
  private wire: Wire | undefined
  private failed = false
  private error: unknown
  private settled = false
  private results = 0
  private resolve!: (ok: OkPacket | undefined) => void
  private reject!: (error: unknown) => void

  /** @param cancel asks the server to stop: nobody waits for what it does. */
  constructor(statement: ExchangeStatement, taker: RowTaker, cancel: (exchange: Exchange) => void) {
    this.statement = statement
    this.taker = taker
    this.cancel = cancel
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    // It may be given up before anybody waits for it.
    this.done.catch(() => undefined)
  }

  get isFailed(): boolean {
    return this.failed
  }

  /** Whether the server has done what it was asked. */
  get completed(): boolean {
    return this.finished && !this.refused
  }

  begin(wire: Wire): void {
    if (this.settled) return
    this.wire = wire
    const { raw } = wire
    const { text: sql, protocol } = this.statement
    try {
      if (protocol === "text") this.takeOverText(raw.query({ sql }, this.answered))
      else raw.prepare(sql, (error, prepared) => (prepared ? this.execute(prepared) : this.answered(error)))
    } catch (error) {
      this.end(error)
    }
  }

  /** Gives up: the rest is not read, and `done` rejects with this error once the server is ready again. */
  fail(error: unknown): void {
    if (this.failed || this.settled) return
    this.failed = true
    this.error = error
    if (this.wire === undefined) this.settle()
    else if (!this.finished) {
      // Rows may wait in a reader that stands still.
      this.wire.resume()
      this.cancel(this)
    }
  }

  /** The link is of no use any more. */
  end(error: unknown): void {
    if (!this.failed) this.error = error
    this.failed = true
    this.settle()
  }

  private execute(prepared: Prepared): void {
    const { values } = this.statement
    const placeholders = prepared.parameters.length
    // The server would take bytes of one value for another's.
    if (placeholders !== values.length && !this.failed) {
      this.failed = true
      this.error = wrongCount(placeholders, values.length)
    }
    this.finished = this.failed
    if (this.failed) this.settle()
    else this.takeOver(prepared.execute([...values], this.answered))
  }

  /** `mysql2` makes the parser of a result's rows once it knows the columns. */
  private takeOver(command: TakenCommand): void {
    command[taking] = this
    command.buildParserFromFields = binaryParser
  }

  /** For the text protocol it has no such place: the parser that it makes is put aside. */
  private takeOverText(command: TakenCommand): void {
    command[taking] = this
    ;(command as unknown as NodeJS.EventEmitter).on("fields", makeTextParser)
    Object.defineProperty(command, "_rowParser", textParser)
  }

  /**
   * What `mysql2` gives rows to. Those of the first result come past it, as far as the wire can tell what a row is.
   *
   * @param eofs how many EOFs come before the rows.
   */
  parserFor(fields: readonly ColumnDefinition[], eofs: number): new () => RowParser {
    if (this.results++ > 0) return Nobody
    this.guarded(() => this.taker.describe(fields))
    const sink = this.sink()
    this.wire?.takeRows(sink, eofs)
    return SinkParser.bind(undefined, sink)
  }

  /** What is thrown inside of `mysql2` would end the link. */
  private sink(): RowSink {
    const { taker } = this
    return {
      row: (buffer, start, end) => {
        if (this.failed) return
        try {
          taker.row(buffer, start, end)
        } catch (error) {
          this.fail(error)
        }
      },
      release: () => {
        if (!this.failed) this.guarded(() => taker.release())
      },
    }
  }

  /** Always there: without a callback `mysql2` tells nobody that the link broke. */
  private readonly answered: Answered = (error, rows) => {
    if (this.settled) return
    if (error) {
      this.refused = (error as { sqlState?: unknown }).sqlState !== undefined
      this.finished = this.refused
      this.end(error)
      return
    }
    this.finished = true
    if (!this.failed) this.guarded(() => this.taker.complete())
    this.settle(okOf(rows))
  }

  private guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.fail(error)
    }
  }

  private settle(ok?: OkPacket): void {
    if (this.settled) return
    this.settled = true
    if (this.failed) this.reject(this.error)
    else this.resolve(ok)
  }
}

function wrongCount(placeholders: number, values: number): MooringError {
  const [marks, given] = [counted(placeholders, "placeholder"), counted(values, "value")]
  return new MooringError(
    "BAD_PARAMS",
    `The statement has ${marks}, and ${given} for ${placeholders === 1 ? "it" : "them"}.`,
    {
      hint: "Give one value for each placeholder.",
    },
  )
}

function counted(count: number, what: string): string {
  return `${count === 0 ? "no" : count} ${what}${count === 1 ? "" : "s"}`
}

/**
 * Where a command has its exchange and, for the text protocol, its parser. What is put on commands are the same functions
 * for all: V8 keeps classes and methods that are made for one object, with all that they close over, until its next
 * great collection of garbage.
 */
const taking = Symbol("exchange")
const parsing = Symbol("parser")

interface TakenCommand extends Command {
  [taking]?: Exchange
  [parsing]?: RowParser
}

/** Rows are not kept by `mysql2`. */
const nowhere: NonNullable<Command["_currentRows"]> = { push: () => 0 }

function binaryParser(this: TakenCommand, fields: readonly ColumnDefinition[]): new () => RowParser {
  this._currentRows = nowhere
  return this[taking]!.parserFor(fields, 0)
}

/** Called without columns for a statement without rows. */
function makeTextParser(this: TakenCommand, fields?: readonly ColumnDefinition[]): void {
  if (fields === undefined) return
  this._currentRows = nowhere
  this[parsing] = new (this[taking]!.parserFor(fields, 1))()
}

const textParser = {
  get(this: TakenCommand): RowParser | undefined {
    return this[parsing]
  },
  set(): void {},
}

/** Takes the rows that the wire leaves to `mysql2`. */
class SinkParser implements RowParser {
  private readonly sink: RowSink

  constructor(sink: RowSink) {
    this.sink = sink
  }

  next({ buffer, offset, end }: RowPacket): null {
    this.sink.row(buffer, offset, end)
    return null
  }
}

/** Takes the rows that nobody wants. */
class Nobody implements RowParser {
  next(): null {
    return null
  }
}

/** The answer without rows, which a procedure gives behind its results. */
function okOf(rows: unknown): OkPacket | undefined {
  const answers: readonly unknown[] = Array.isArray(rows) ? rows : [rows]
  return answers.findLast(
    (answer): answer is OkPacket => (answer as Partial<OkPacket> | null)?.affectedRows !== undefined,
  )
}
