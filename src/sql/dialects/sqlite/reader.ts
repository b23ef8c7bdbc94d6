import type { SQLInputValue, StatementSync } from "node:sqlite"
import { MooringError } from "../../../errors.ts"
import { schema, Table } from "../../../tables/index.ts"
import { tooLongError } from "../../../tables/long-text.ts"
import { SqliteColumn } from "./column.ts"
import { arrowField, declaredAs } from "./kinds.ts"

/** Rows that are taken from the engine before they are written into columns: small enough to die young in the heap. */
const chunkRows = 256
const chunkBytes = 2 ** 22
const batchRows = 131_072
/** Text offsets in Arrow are 32 bits wide. */
const batchBytes = 2 ** 30
/** A stream's batches are in memory two at a time. */
const streamBytes = 2 ** 26
/** How many rows a stream's first batch may have in order to find the type of a column that begins with NULLs. */
const lookahead = 65_536

/** Reads the rows of one statement into columns. Call `close()` when done, whatever happened. */
export class RowReader {
  private readonly rows: Iterator<unknown, unknown>
  private readonly columns: readonly SqliteColumn[]
  private readonly isStopped: () => boolean
  private next: IteratorResult<unknown, unknown>
  /** Rows and bytes since the last batch was sealed. */
  private openRows = 0
  private openBytes = 0

  /**
   * @param statement gives arrays and bigints.
   * @param isStopped is asked at every row whether the rows are not wanted any more.
   */
  constructor(statement: StatementSync, values: readonly SQLInputValue[], isStopped: () => boolean) {
    this.isStopped = isStopped
    this.rows = statement.iterate(...values)
    try {
      // Only the first step notices that the schema has changed; the columns are right after it.
      this.next = this.step()
      this.columns = statement.columns().map(({ name, type }) => new SqliteColumn(name, declaredAs(type)))
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** All rows, in columns whose types hold for the whole result. */
  readAll(maxRows: number, maxBytes: number): Table<never> {
    let rows = 0
    let sealedBytes = 0
    while (!this.next.done) {
      rows += this.readChunk(maxRows - rows + 1, maxBytes - sealedBytes - this.openBytes)
      if (rows > maxRows) throw tooLarge(`more than ${maxRows} rows`, "maxRows")
      if (sealedBytes + this.openBytes > maxBytes) throw tooLarge(`more than ${maxBytes} bytes`, "maxBytes")
      if (this.openRows < batchRows && this.openBytes < batchBytes) continue
      sealedBytes += this.openBytes
      this.seal()
    }
    for (const column of this.columns) column.fix()
    this.seal()
    return this.takeTable()
  }

  /**
   * The next rows of a stream; none after the last.
   *
   * @param mixedTypes whether a column may get a wider type for what comes later.
   */
  readBatch(size: number, first: boolean, mixedTypes = false): Table<never> {
    const wantsMore = () => this.openRows < size || (first && this.openRows < lookahead && this.isUnsettled())
    while (!this.next.done && this.openBytes < streamBytes && wantsMore()) {
      this.readChunk(this.openRows < size ? size - this.openRows : chunkRows)
    }
    if (first) for (const column of this.columns) column.fix(mixedTypes)
    this.seal()
    return this.takeTable()
  }

  get done(): boolean {
    return this.next.done === true
  }

  close(): void {
    this.rows.return?.()
  }

  private step(): IteratorResult<unknown, unknown> {
    const next = this.rows.next() as IteratorResult<unknown, unknown> | undefined
    // Where JavaScript cannot hold a text, the driver gives neither a row nor an error.
    if (next !== undefined) return next
    throw tooLongError("A text of the result", "Cast it to blob in the query, or select a part of it.")
  }

  /** @param room rows are taken from the engine no further than so many bytes of text and binary. */
  private readChunk(most: number, room = Number.POSITIVE_INFINITY): number {
    const size = Math.min(most, this.chunkSize())
    const chunk: unknown[][] = []
    let { next } = this
    let left = room
    while (!next.done && chunk.length < size && left >= 0) {
      if (this.isStopped()) throw new MooringError("ABORTED", "The statement was stopped.")
      const row = next.value as unknown[]
      if (room !== Number.POSITIVE_INFINITY)
        for (const value of row) left -= (value as { length?: number } | null)?.length ?? 0
      chunk.push(row)
      next = this.step()
    }
    this.next = next
    let bytes = 0
    for (let i = 0; i < this.columns.length; i++) {
      const column = this.columns[i]!
      column.append(chunk, i)
      bytes += column.byteLength
    }
    this.openRows += chunk.length
    this.openBytes = bytes
    return chunk.length
  }

  /** Fewer rows where they are large, so that limits are noticed before memory is full. */
  private chunkSize(): number {
    if (this.openRows === 0) return 1
    return Math.max(1, Math.min(chunkRows, Math.floor((chunkBytes * this.openRows) / Math.max(1, this.openBytes))))
  }

  private seal(): void {
    if (this.openRows > 0) for (const column of this.columns) column.seal()
    this.openRows = 0
    this.openBytes = 0
  }

  private takeTable(): Table<never> {
    const fields = this.columns.map(({ name, kind, classes }) => arrowField(name, kind, classes))
    return new Table(
      schema(fields),
      this.columns.map((column) => column.takeBatches()),
    )
  }

  private isUnsettled(): boolean {
    return this.columns.some((column) => column.isUnsettled)
  }
}

function tooLarge(what: string, limit: string): MooringError {
  return new MooringError("TOO_LARGE", `The result has ${what}.`, {
    hint: `Raise ${limit}, select less, or read it with stream().`,
  })
}
