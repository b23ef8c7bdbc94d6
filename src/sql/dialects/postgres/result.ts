import { Table } from "../../../tables/index.ts"
import type { RunOptions, RunResult } from "../../dialect.ts"
import type { ColumnReader } from "./columns/reader.ts"
import type { RowTaker } from "./exchange.ts"
import { checkComing, checkLimits, RowReader } from "./rows.ts"
import { rowsOfTag } from "./wire/descriptions.ts"
import type { Source } from "./wire/framer.ts"

/** How often progress is told; milliseconds. */
const progressEvery = 100

/** The result of one statement, as it comes. */
export class ResultTaker implements RowTaker {
  private readonly options: RunOptions
  private rows: RowReader | undefined
  private rowCount = 0
  private told = 0

  constructor(options: RunOptions) {
    this.options = options
  }

  describe(columns: readonly ColumnReader[] | undefined): void {
    this.rows = columns && new RowReader(columns)
  }

  row(source: Source, start: number, end: number): void {
    this.rows!.take(source, start, end)
  }

  coming(size: number): void {
    if (this.rows !== undefined) checkComing(this.rows, size, this.options)
  }

  release(): void {
    const { rows, options } = this
    if (rows === undefined) return
    rows.copy()
    checkLimits(rows, options)
    const now = options.onProgress === undefined ? 0 : performance.now()
    if (now - this.told < progressEvery) return
    this.told = now
    options.onProgress!({ rows: rows.count })
  }

  suspended(): void {}

  complete(tag: string): void {
    this.rowCount = rowsOfTag(tag)
  }

  finish(): RunResult {
    return { table: this.rows?.finish() ?? Table.empty, rowCount: this.rowCount }
  }
}

/** For a statement whose result is of no interest. */
export const ignored: RowTaker = {
  describe() {},
  row() {},
  release() {},
  suspended() {},
  complete() {},
}
