import type { Schema, Table } from "../../../tables/index.ts"
import { schema } from "../../../tables/index.ts"
import type { RecordStream } from "../../dialect.ts"
import type { ColumnReader } from "./columns/reader.ts"
import type { RowTaker, StatementExchange } from "./exchange.ts"
import { RowReader } from "./rows.ts"
import type { Source } from "./wire/framer.ts"

/** A statement that runs, and the link that its rows come by. */
export interface Running {
  readonly exchange: StatementExchange
  /** Settles when it has ended. */
  readonly done: Promise<void>
  /** The link no longer keeps the process alive: the server waits for the reader. */
  pause(): void
  /** Call it before anything is sent. */
  resume(): void
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * A portal that is read some rows at a time: the server makes no more than was asked for. While a batch is used, the next
 * one is on its way.
 *
 * An iterator by hand, not a generator: `return()` must free the connection before the first batch, too.
 */
export class PostgresStream implements RecordStream, AsyncIterator<Table>, RowTaker {
  schema: Schema = schema([])
  private readonly running: Running
  private rows: RowReader | undefined
  /** The batch that has come and was not taken yet. */
  private batch: Table | undefined
  private waiter: Waiter | undefined
  private state: "reading" | "suspended" | "complete" | "failed" = "reading"
  private error: unknown
  private returned = false

  constructor(start: (taker: RowTaker) => Running) {
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

  /** Waits for the first rows, which tell how deep arrays are. */
  async open(): Promise<void> {
    await this.arrival()
    this.schema = this.rows?.schema ?? this.schema
  }

  [Symbol.asyncIterator](): AsyncIterator<Table> {
    return this
  }

  async next(): Promise<IteratorResult<Table, undefined>> {
    if (this.returned) return { done: true, value: undefined }
    await this.arrival()
    // What came before somebody gave up is not given any more, and nothing more is asked for.
    if (this.running.exchange.failed) await this.running.done
    const { batch } = this
    this.batch = undefined
    if (this.state === "suspended") {
      this.state = "reading"
      this.running.resume()
      this.running.exchange.more()
    }
    if (batch !== undefined && batch.numRows > 0) return { done: false, value: batch }
    await this.running.done
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Table, undefined>> {
    this.returned = true
    this.batch = undefined
    if (this.state === "suspended") {
      this.running.resume()
      this.running.exchange.end()
    } else if (this.state === "reading") this.running.exchange.fail(new Error("Nobody reads on."))
    await this.running.done.catch(() => undefined)
    return { done: true, value: undefined }
  }

  describe(columns: readonly ColumnReader[] | undefined): void {
    this.rows = columns && new RowReader(columns)
  }

  row(source: Source, start: number, end: number): void {
    this.rows!.take(source, start, end)
  }

  release(): void {
    this.rows?.copy()
  }

  suspended(): void {
    this.running.pause()
    this.arrive("suspended")
  }

  complete(): void {
    this.arrive("complete")
  }

  private arrive(state: "suspended" | "complete"): void {
    this.batch = this.rows?.finish()
    this.state = state
    this.waiter?.resolve()
  }

  private async arrival(): Promise<void> {
    if (this.state === "failed") throw this.error
    if (this.state !== "reading") return
    await new Promise<void>((resolve, reject) => {
      this.waiter = { resolve, reject }
    })
    this.waiter = undefined
  }
}
