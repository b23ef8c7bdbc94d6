import type { StatementSync } from "node:sqlite"
import { MooringError } from "../../../errors.ts"
import { schema, Table } from "../../../tables/index.ts"
import { SqliteColumn } from "./column.ts"
import { arrowField, declaredAs } from "./kinds.ts"
import type { SqliteValue } from "./protocol.ts"

/** Rows that are taken from the engine before they are written into columns: small enough to die young in the heap. */
const chunkRows = 256
const batchRows = 131_072
/** Text offsets in Arrow are 32 bits wide. */
const batchBytes = 2 ** 30
/** How many rows a stream's first batch may have in order to find the type of a column that begins with NULLs. */
const lookahead = 65_536

/** Reads the rows of one statement into columns. Call `close()` when done, whatever happened. */
export class RowReader {
  private readonly rows: Iterator<unknown, unknown>
  private readonly columns: readonly SqliteColumn[]
  private readonly checkStop: () => void
  private next: IteratorResult<unknown, unknown>

  /**
   * @param statement gives arrays and bigints.
   * @param checkStop is called every few hundred rows, and throws if they are not wanted any more.
   */
  constructor(statement: StatementSync, values: readonly SqliteValue[], checkStop: () => void) {
    this.checkStop = checkStop
    this.rows = statement.iterate(...values)
    try {
      // Only the first step notices that the schema has changed; the columns are right after it.
      this.next = this.rows.next()
      this.columns = statement.columns().map(({ name, type }) => new SqliteColumn(name, declaredAs(type)))
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** All rows, in columns whose types hold for the whole result. */
  readAll(maxRows: number, maxBytes: number): Table<never> {
    let rows = 0
    let inBatch = 0
    let sealedBytes = 0
    while (!this.next.done) {
      const count = this.readChunk(Math.min(chunkRows, maxRows - rows + 1))
      rows += count
      inBatch += count
      if (rows > maxRows) throw tooLarge(`more than ${maxRows} rows`, "maxRows")
      const bytes = this.byteLength()
      if (sealedBytes + bytes > maxBytes) throw tooLarge(`more than ${maxBytes} bytes`, "maxBytes")
      if (inBatch < batchRows && !this.isLarge()) continue
      for (const column of this.columns) column.seal()
      sealedBytes += bytes
      inBatch = 0
    }
    for (const column of this.columns) {
      column.fix()
      if (inBatch > 0) column.seal()
    }
    return this.takeTable()
  }

  /** The next rows of a stream; none after the last. */
  readBatch(size: number, first: boolean): Table<never> {
    let rows = 0
    while (!this.next.done && (rows < size || (first && rows < lookahead && this.isUnsettled())) && !this.isLarge()) {
      rows += this.readChunk(rows < size ? Math.min(chunkRows, size - rows) : chunkRows)
    }
    if (first) for (const column of this.columns) column.fix()
    if (rows > 0) for (const column of this.columns) column.seal()
    return this.takeTable()
  }

  get done(): boolean {
    return this.next.done === true
  }

  close(): void {
    this.rows.return?.()
  }

  private readChunk(size: number): number {
    this.checkStop()
    const chunk: unknown[][] = []
    const { rows } = this
    let { next } = this
    while (!next.done && chunk.length < size) {
      chunk.push(next.value as unknown[])
      next = rows.next()
    }
    this.next = next
    for (let i = 0; i < this.columns.length; i++) this.columns[i]!.append(chunk, i)
    return chunk.length
  }

  private takeTable(): Table<never> {
    const fields = this.columns.map(({ name, kind, classes }) => arrowField(name, kind, classes))
    return new Table(
      schema(fields),
      this.columns.map((column) => column.takeBatches()),
    )
  }

  private byteLength(): number {
    return this.columns.reduce((sum, column) => sum + column.byteLength, 0)
  }

  private isLarge(): boolean {
    return this.columns.some((column) => column.byteLength >= batchBytes)
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
