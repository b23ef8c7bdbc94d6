import { MooringError } from "../../../errors.ts"
import { type ColumnBuilder, TableBuilder } from "../../../tables/columns.ts"
import type { Schema, Table } from "../../../tables/index.ts"
import { schema as schemaOf } from "../../../tables/types.ts"
import type { ChunkHandle, Driver, ResultHandle } from "./driver.ts"
import { columnKind, fieldOf, openColumn } from "./types.ts"
import type { VectorReader } from "./vectors/reader.ts"
import type { Work } from "./work.ts"

/** What `result_return_type` tells. */
export const returnTypes = { failed: 0, changedRows: 1, nothing: 2, rows: 3 } as const

/** A result's columns, and what fills them. */
export class ResultColumns {
  readonly schema: Schema
  private readonly bindings: Driver["bindings"]
  private readonly columns: readonly ColumnBuilder[]
  private readonly readers: readonly VectorReader[]

  constructor(driver: Driver, result: ResultHandle) {
    const { bindings } = driver
    // What returns no rows has a column of its own, "Count" or "Success", that is nobody's.
    const count = bindings.result_return_type(result) === returnTypes.rows ? bindings.column_count(result) : 0
    const indexes = Array.from({ length: count }, (_, i) => i)
    const kinds = indexes.map((i) => columnKind(driver, bindings.column_logical_type(result, i)))
    const opened = kinds.map(openColumn)
    this.bindings = bindings
    this.schema = schemaOf(kinds.map((kind, i) => fieldOf(bindings.column_name(result, i), kind)))
    this.columns = opened.map(({ column }) => column)
    this.readers = opened.map(({ reader }) => reader)
  }

  /** A table of these columns, empty as yet. One at a time. */
  newTable(batchRows?: number): TableBuilder {
    return new TableBuilder(this.schema, { columns: this.columns, ...(batchRows !== undefined && { batchRows }) })
  }

  load(chunk: ChunkHandle, rows: number): void {
    this.readers.forEach((reader, i) => {
      reader.load(this.bindings.data_chunk_get_vector(chunk, i), rows, null)
    })
  }

  /** How many bytes of text and binary the loaded chunk has at least. */
  textBytes(rows: number): number {
    return this.readers.reduce((sum, reader) => sum + (reader.textBytes?.(0, rows) ?? 0), 0)
  }

  /** Adds `count` rows of the loaded chunk to the table. */
  append(table: TableBuilder, from: number, count: number): void {
    for (const reader of this.readers) reader.append(from, count)
    table.endRows(count)
  }
}

/** The next chunk that has rows. */
export interface Chunk {
  readonly chunk: ChunkHandle
  readonly rows: number
}

/**
 * Fetches the next chunk; undefined at the end.
 *
 * @throws EarlyEnd when a streamed result ended because it failed: it looks like a normal end, except to those who ask
 * for the return type before they fetch again.
 */
export async function fetchChunk({ bindings }: Driver, work: Work, result: ResultHandle): Promise<Chunk | undefined> {
  const chunk = await work.call(() => bindings.fetch_chunk(result))
  const rows = chunk === null ? 0 : bindings.data_chunk_get_size(chunk)
  if (chunk !== null && rows > 0) return { chunk, rows }
  if (bindings.result_return_type(result) === returnTypes.failed) {
    // So does an interrupt end it.
    work.throwIfAborted()
    throw new EarlyEnd()
  }
  return undefined
}

/** A stream ended before its end. DuckDB keeps the reason to itself. */
export class EarlyEnd extends Error {}

/** How large a result may be. */
export interface Limits {
  readonly maxRows: number
  readonly maxBytes: number
}

/** All rows of a result. While a chunk is copied, DuckDB makes the next one. */
export async function readTable(driver: Driver, work: Work, result: ResultHandle, limits: Limits): Promise<Table> {
  const columns = new ResultColumns(driver, result)
  const table = columns.newTable()
  let coming = fetchChunk(driver, work, result)
  for (;;) {
    const present = await coming
    if (present === undefined) return table.finish()
    coming = fetchChunk(driver, work, result)
    try {
      take(present, columns, table, limits)
    } catch (error) {
      await coming.catch(() => undefined)
      throw error
    }
  }
}

function take({ chunk, rows }: Chunk, columns: ResultColumns, table: TableBuilder, limits: Limits): void {
  if (table.numRows + rows > limits.maxRows) throw tooLarge(`more than ${limits.maxRows} rows`, "maxRows")
  columns.load(chunk, rows)
  const check = (bytes: number) => {
    if (bytes > limits.maxBytes) throw tooLarge(`more than ${limits.maxBytes} bytes`, "maxBytes")
  }
  // One text may have gigabytes: it is not copied to find that out.
  if (limits.maxBytes !== Number.POSITIVE_INFINITY) check(table.byteLength + columns.textBytes(rows))
  columns.append(table, 0, rows)
  check(table.byteLength)
}

function tooLarge(what: string, limit: string): MooringError {
  return new MooringError("TOO_LARGE", `The result has ${what}.`, {
    hint: `Raise ${limit}, select less, or read it with stream().`,
  })
}
