import { MooringError } from "../../../errors.ts"
import { TableBuilder } from "../../../tables/columns.ts"
import { type Schema, schema, type Table } from "../../../tables/index.ts"
import type { ColumnReader, FieldPlaces } from "./columns/reader.ts"
import { headerBytes, ProtocolError, type Source } from "./wire/framer.ts"

/** Rows are copied column by column after so many at the latest. */
const mostPending = 4096

/**
 * Turns DataRows into columns. A row is only looked through when it comes; its fields are copied when the chunk that it
 * lies in ends, one column after the other, so that each loop does one thing.
 */
export class RowReader {
  /** Rows that have come, those not yet copied included. */
  count = 0
  private readonly columns: readonly ColumnReader[]
  private table: TableBuilder | undefined
  private source: Source | undefined
  private places: Int32Array
  private pending = 0

  constructor(columns: readonly ColumnReader[]) {
    this.columns = columns
    this.places = new Int32Array(columns.length)
  }

  get schema(): Schema {
    return schema(this.columns.map(({ field }) => field))
  }

  /** Bytes of the columns so far. */
  get byteLength(): number {
    return this.table?.byteLength ?? 0
  }

  /** Takes one DataRow. @throws ProtocolError if its fields are not what it says. */
  take(source: Source, start: number, end: number): void {
    const { columns } = this
    const { view } = source
    const stride = columns.length
    if (this.pending > 0 && (this.source !== source || this.pending === mostPending)) this.copy()
    this.source = source
    if ((this.pending + 1) * stride > this.places.length) this.grow()
    const { places } = this
    let at = this.pending * stride
    let place = start + headerBytes + 2
    if (place > end || view.getUint16(start + headerBytes) !== stride) throw new ProtocolError("a row of other columns")
    for (let i = 0; i < stride; i++) {
      if (place + 4 > end) throw new ProtocolError("a row that ends early")
      const length = view.getInt32(place)
      place += 4
      if (length < 0) {
        if (length !== -1) throw new ProtocolError("a field of negative length")
        places[at++] = -1
      } else {
        places[at++] = place
        place += length
        if (place > end) throw new ProtocolError("a row that ends early")
      }
    }
    if (place !== end) throw new ProtocolError("a row that ends late")
    this.pending++
    this.count++
  }

  /** Copies what is pending into the columns. */
  copy(): void {
    if (this.pending === 0) return
    const rows: FieldPlaces = {
      source: this.source!,
      places: this.places,
      count: this.pending,
      stride: this.columns.length,
    }
    for (let i = 0; i < this.columns.length; i++) this.columns[i]!.read(rows, i)
    this.table ??= this.newTable()
    this.table.endRows(this.pending)
    this.pending = 0
    this.source = undefined
  }

  /** All rows since the last call. */
  finish(): Table {
    this.copy()
    const table = this.table ?? this.newTable()
    this.table = undefined
    return table.finish(this.schema)
  }

  private newTable(): TableBuilder {
    return new TableBuilder(this.schema, { columns: this.columns.map(({ builder }) => builder) })
  }

  private grow(): void {
    const larger = new Int32Array(this.places.length * 4)
    larger.set(this.places)
    this.places = larger
  }
}

/** How large a result may be. */
export interface Limits {
  readonly maxRows: number
  readonly maxBytes: number
}

/** @throws MooringError `TOO_LARGE`. */
export function checkLimits(rows: RowReader, { maxRows, maxBytes }: Limits): void {
  if (rows.count > maxRows) throw tooLarge(`more than ${maxRows} rows`, "maxRows")
  if (maxBytes !== Number.POSITIVE_INFINITY && rows.byteLength > maxBytes) {
    throw tooLarge(`more than ${maxBytes} bytes`, "maxBytes")
  }
}

/**
 * For a row that is not all there yet: one that is much larger than its limit need not be held to find that out. On the
 * link a value may be some times as large as in its column, as bytes are that come as text.
 *
 * @throws MooringError `TOO_LARGE`.
 */
export function checkComing(rows: RowReader, size: number, { maxBytes }: Limits): void {
  if (size > 2 ** 20 && size / 4 > maxBytes - rows.byteLength) throw tooLarge(`more than ${maxBytes} bytes`, "maxBytes")
}

function tooLarge(what: string, limit: string): MooringError {
  return new MooringError("TOO_LARGE", `The result has ${what}.`, {
    hint: `Raise ${limit}, select less, or read it with stream().`,
  })
}
