import type { Schema, Table } from "../../../tables/index.ts"
import type { RecordStream } from "../../dialect.ts"
import type { Driver, ResultHandle } from "./driver.ts"
import { type Chunk, fetchChunk, ResultColumns } from "./results.ts"
import type { Work } from "./work.ts"

interface StreamParts {
  readonly driver: Driver
  readonly work: Work
  readonly result: ResultHandle
  readonly batchRows: number
  /** Frees the connection. */
  close(): Promise<void>
  /** What it really failed with; asked once the connection is free. */
  failure(error: unknown): Promise<unknown>
}

/**
 * A streamed result in batches. DuckDB makes rows as fast as they are fetched, and only so: memory stays bounded.
 *
 * An iterator by hand, not a generator: `return()` must free the connection before the first batch, too.
 */
export class DuckDBStream implements RecordStream, AsyncIterator<Table> {
  readonly schema: Schema
  readonly #parts: StreamParts
  readonly #columns: ResultColumns
  #loaded: (Chunk & { taken: number }) | undefined
  #exhausted = false
  #ended: Promise<void> | undefined

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#columns = new ResultColumns(parts.driver, parts.result)
    this.schema = this.#columns.schema
    this.#exhausted = this.schema.fields.length === 0
  }

  [Symbol.asyncIterator](): AsyncIterator<Table> {
    return this
  }

  async next(): Promise<IteratorResult<Table, undefined>> {
    if (this.#ended !== undefined) return { done: true, value: undefined }
    try {
      const table = await this.#batch()
      if (table.numRows > 0) return { done: false, value: table }
    } catch (error) {
      await this.#end()
      throw await this.#parts.failure(error)
    }
    await this.#end()
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Table, undefined>> {
    await this.#end()
    return { done: true, value: undefined }
  }

  async #batch(): Promise<Table> {
    const { driver, work, result, batchRows } = this.#parts
    const table = this.#columns.newTable(batchRows)
    while (!this.#exhausted && table.numRows < batchRows) {
      if (this.#loaded === undefined) {
        const next = await fetchChunk(driver, work, result)
        if (next === undefined) {
          // To fetch again would look like a failure.
          this.#exhausted = true
          break
        }
        this.#columns.load(next.chunk, next.rows)
        this.#loaded = { ...next, taken: 0 }
      }
      const { rows, taken } = this.#loaded
      const count = Math.min(rows - taken, batchRows - table.numRows)
      this.#columns.append(table, taken, count)
      this.#loaded.taken += count
      if (this.#loaded.taken === rows) this.#loaded = undefined
    }
    return table.finish()
  }

  #end(): Promise<void> {
    return (this.#ended ??= this.#parts.close())
  }
}
