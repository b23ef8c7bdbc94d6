import { Table } from "../../../tables/index.ts"
import type { RunOptions, RunResult } from "../../dialect.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { ColumnDefinition, OkPacket } from "./driver.ts"
import type { Protocol, RowTaker } from "./exchange.ts"
import { RowReader, TextRowReader } from "./rows.ts"
import type { Zone } from "./zone.ts"

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
  /** The session's clock; undefined where only the server knows it. */
  clock(): "UTC" | Zone | undefined
}

/** Readers of the rows of one protocol. */
export function readerFor(protocol: Protocol, { maxRows, maxBytes, zeroDates, clock }: ReaderOptions): ReaderFor {
  const options = { maxRows, maxBytes, ...(zeroDates !== undefined && { zeroDates }) }
  const Reader = protocol === "binary" ? RowReader : TextRowReader
  return (fields) => new Reader(byClock(fields, clock()), options)
}

/**
 * In a session of another zone, a `timestamp` shows that zone's time, and so does a `datetime` that was written there: both
 * are instants. In one that nobody here knows, a `timestamp` is read as a `datetime`, which has none.
 */
function byClock(fields: readonly ColumnDefinition[], clock: "UTC" | Zone | undefined): readonly ColumnDefinition[] {
  if (clock === "UTC") return fields
  return fields.map((field) => (clock === undefined ? withoutZone(field) : inZone(field, clock)))
}

function inZone(field: ColumnDefinition, zone: Zone): ColumnDefinition {
  if (field.columnType !== timestampType && field.columnType !== datetimeType) return field
  return Object.create(field, { columnType: { value: timestampType }, zone: { value: zone } }) as ColumnDefinition
}

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
