import { Table } from "../../../tables/index.ts"
import type { RunOptions, RunResult } from "../../dialect.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { ColumnDefinition, OkPacket } from "./driver.ts"
import type { Protocol, RowTaker } from "./exchange.ts"
import { RowReader, TextRowReader } from "./rows.ts"

/** What turns packets into columns. */
export type Rows = RowReader | TextRowReader

/** Makes the reader of a result's rows once its columns are known. */
export type ReaderFor = (fields: readonly ColumnDefinition[]) => Rows

/** How large a result may be. */
export interface Limits {
  readonly maxRows: number
  readonly maxBytes: number
}

interface ReaderOptions extends Limits {
  readonly zeroDates: ZeroDates | undefined
  /** Whether the session's clock is UTC. */
  isUtc(): boolean
}

/** Readers of the rows of one protocol. */
export function readerFor(protocol: Protocol, { maxRows, maxBytes, zeroDates, isUtc }: ReaderOptions): ReaderFor {
  const options = { maxRows, maxBytes, ...(zeroDates !== undefined && { zeroDates }) }
  const Reader = protocol === "binary" ? RowReader : TextRowReader
  return (fields) => new Reader(isUtc() ? fields : fields.map(withoutZone), options)
}

/** In a session of another zone, what a `timestamp` shows is no time of UTC: then it is read as a `datetime`. */
function withoutZone(field: ColumnDefinition): ColumnDefinition {
  if (field.columnType !== timestampType) return field
  return Object.create(field, { columnType: { value: datetimeType } }) as ColumnDefinition
}

const timestampType = 7
const datetimeType = 12

/** How often progress is told; milliseconds. */
const progressEvery = 100

/** After how many rows the clock is looked at. */
const rowsBetweenLooks = 1024

/** The result of one statement, as it comes. */
export class ResultTaker implements RowTaker {
  private readonly readerFor: ReaderFor
  private readonly onProgress: RunOptions["onProgress"]
  private reader: Rows | undefined
  private table: Table | undefined
  private told = 0

  constructor(readerFor: ReaderFor, { onProgress }: RunOptions) {
    this.readerFor = readerFor
    this.onProgress = onProgress
  }

  describe(fields: readonly ColumnDefinition[]): void {
    this.reader = this.readerFor(fields)
  }

  row(buffer: Buffer, start: number, end: number): void {
    const reader = this.reader!
    reader.read(buffer, start, end)
    if (this.onProgress !== undefined && reader.rowCount % rowsBetweenLooks === 0) this.tell(reader.rowCount)
  }

  release(): void {
    this.reader?.release()
  }

  complete(): void {
    this.table = this.reader?.take()
  }

  finish(ok: OkPacket | undefined): RunResult {
    const { table } = this
    if (table !== undefined) return { table, rowCount: table.numRows, ...lastInsertId(ok) }
    return { table: Table.empty, rowCount: Number(ok?.affectedRows ?? 0), ...lastInsertId(ok) }
  }

  private tell(rows: number): void {
    const now = performance.now()
    if (now - this.told < progressEvery) return
    this.told = now
    this.onProgress?.({ rows })
  }
}

/** The server says 0 where nothing was counted up. */
function lastInsertId(ok: OkPacket | undefined): Pick<RunResult, "lastInsertId"> {
  const id = ok?.insertId ?? 0
  if (id === 0) return {}
  return { lastInsertId: typeof id === "string" ? BigInt(id) : id }
}
