import { type Schema, schema, type Table } from "../../../tables/index.ts"
import type { RecordStream } from "../../dialect.ts"
import type { ColumnDefinition } from "./driver.ts"
import type { Exchange, RowTaker } from "./exchange.ts"
import type { ReaderFor, Rows } from "./results.ts"

/** A statement that runs, and the link that its rows come by. */
export interface Running {
  readonly exchange: Exchange
  /** Settles when it has ended. */
  readonly done: Promise<unknown>
  pause(): void
  resume(): void
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Rows as they come from the server, some at a time. When a batch is full nothing more is read from the socket until it
 * was taken: then the socket's buffers fill, and the server waits. While a batch is used, the next one is on its way.
 *
 * An iterator by hand, not a generator: `return()` must free the connection before the first batch, too.
 */
export class MysqlStream implements RecordStream, AsyncIterator<Table>, RowTaker {
  schema: Schema = schema([])
  private readonly running: Running
  private readonly readerFor: ReaderFor
  private readonly batchRows: number
  private reader: Rows | undefined
  /** The batch that has come and was not taken yet. */
  private batch: Table | undefined
  private waiter: Waiter | undefined
  private state: "opening" | "reading" | "full" | "complete" | "failed" = "opening"
  private error: unknown
  private returned = false

  constructor(readerFor: ReaderFor, batchRows: number, start: (taker: RowTaker) => Running) {
    this.readerFor = readerFor
    this.batchRows = batchRows
    this.running = start(this)
    this.running.done.then(
      () => this.waiter?.resolve(),
      (error) => {
        this.error = error
        this.state = "failed"
        this.waiter?.reject(error)
      },
    )
  }

  /** Waits for the columns, or for the end of a statement that has none. */
  async open(): Promise<void> {
    if (this.state === "opening") await this.arrival()
    if (this.state === "failed") throw this.error
    this.schema = this.reader?.schema ?? this.schema
  }

  [Symbol.asyncIterator](): AsyncIterator<Table> {
    return this
  }

  async next(): Promise<IteratorResult<Table, undefined>> {
    if (this.returned) return { done: true, value: undefined }
    if (this.state === "reading") await this.arrival()
    // What came before somebody gave up is not given any more.
    if (this.running.exchange.isFailed) await this.running.done
    const { batch } = this
    this.batch = undefined
    if (this.state === "full") {
      this.state = "reading"
      this.running.resume()
    }
    if (batch !== undefined && batch.numRows > 0) return { done: false, value: batch }
    await this.running.done
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Table, undefined>> {
    this.returned = true
    this.batch = undefined
    this.running.exchange.fail(new Error("Nobody reads on."))
    await this.running.done.catch(() => undefined)
    return { done: true, value: undefined }
  }

  describe(fields: readonly ColumnDefinition[]): void {
    this.reader = this.readerFor(fields)
    this.arrived("reading")
  }

  row(buffer: Buffer, start: number, end: number): void {
    const reader = this.reader!
    reader.read(buffer, start, end)
    if (reader.rowCount < this.batchRows) return
    this.batch = reader.take()
    this.running.pause()
    this.arrived("full")
  }

  release(): void {
    this.reader?.release()
  }

  complete(): void {
    this.batch = this.reader?.take()
    this.arrived("complete")
  }

  private arrived(state: "reading" | "full" | "complete"): void {
    this.state = state
    this.waiter?.resolve()
  }

  private async arrival(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.waiter = { resolve, reject }
    })
    this.waiter = undefined
  }
}
