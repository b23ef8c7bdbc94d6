import { MooringError } from "../../../errors.ts"
import { TableBuilder } from "../../../tables/columns.ts"
import { type Schema, schema, type Table } from "../../../tables/index.ts"
import { fromText } from "./columns/from-text.ts"
import { lengthSize, longLength } from "./columns/lengths.ts"
import { type ColumnReader, type FieldPlaces, lengthByte, ProtocolError } from "./columns/reader.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { ColumnDefinition } from "./driver.ts"
import { columnReader } from "./types.ts"

/** How large a result may be, and how it is read. */
export interface RowOptions {
  readonly maxRows: number
  readonly maxBytes: number
  /** Default: `error`. */
  readonly zeroDates?: ZeroDates
}

/** In the text protocol, the byte that stands where a length would. */
const nullField = 251

/** Rows are copied column by column after so many at the latest. */
const mostPending = 4096

/**
 * Turns the packets of rows into columns. A row is only looked through when it comes; its fields are copied when the
 * chunk that it lies in is let go, one column after the other, so that each loop does one thing. Until then the chunk
 * must not change.
 *
 * After an error it gives that error again.
 */
abstract class Rows {
  protected readonly columns: readonly ColumnReader[]
  protected places: Int32Array
  protected sizes: Int32Array
  private readonly options: RowOptions
  private table: TableBuilder | undefined
  private chunk: Buffer | undefined
  private pending = 0
  private pendingBytes = 0
  private count = 0
  private failure: unknown

  constructor(columns: readonly ColumnReader[], options: RowOptions) {
    this.columns = columns
    this.options = options
    this.places = new Int32Array(columns.length)
    this.sizes = new Int32Array(columns.length)
  }

  /** Rows since the last {@link take}. */
  get rowCount(): number {
    return this.count
  }

  /** Bytes of the columns, and of the packets that are not yet in them, since the last {@link take}. */
  get bytes(): number {
    return (this.table?.byteLength ?? 0) + this.pendingBytes
  }

  get schema(): Schema {
    return schema(this.columns.map(({ field }) => field))
  }

  /**
   * One row: what is in its packet, which may be an error of an earlier row.
   *
   * @throws ProtocolError if its fields are not what it says.
   * @throws MooringError `TOO_LARGE`; `BAD_VALUE` for a value that its column cannot hold.
   */
  read(buffer: Buffer, start: number, end: number): void {
    if (this.failure !== undefined) throw this.failure
    if (this.pending > 0 && (this.chunk !== buffer || this.pending === mostPending)) this.copy()
    this.chunk = buffer
    const at = this.pending * this.columns.length
    if (at + this.columns.length > this.places.length) this.grow()
    if (!this.find(buffer, start, end, at))
      throw this.fail(new ProtocolError("a row that is not as long as its fields"))
    if (++this.count > this.options.maxRows)
      throw this.fail(tooLarge(`more than ${this.options.maxRows} rows`, "maxRows"))
    this.pending++
    this.pendingBytes += end - start
  }

  /** The chunk of the last row is about to change. @throws as {@link read} does. */
  release(): void {
    if (this.failure !== undefined) throw this.failure
    if (this.pending > 0) this.copy()
  }

  /** The rows so far; the next one begins a new table. @throws as {@link read} does. */
  take(): Table {
    this.release()
    const table = this.table ?? this.newTable()
    this.table = undefined
    this.count = 0
    return table.finish()
  }

  /** Notes where the row's fields are, at `at` and after. False if they do not end where the row does. */
  protected abstract find(buffer: Buffer, start: number, end: number, at: number): boolean

  private copy(): void {
    const bytes = this.chunk!
    const rows: FieldPlaces = {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      places: this.places,
      sizes: this.sizes,
      count: this.pending,
      stride: this.columns.length,
    }
    try {
      for (let i = 0; i < this.columns.length; i++) this.columns[i]!.read(rows, i)
      this.table ??= this.newTable()
      this.table.endRows(this.pending)
    } catch (error) {
      throw this.fail(error)
    }
    this.pending = 0
    this.pendingBytes = 0
    this.chunk = undefined
    const { maxBytes } = this.options
    if (maxBytes !== Number.POSITIVE_INFINITY && this.table.byteLength > maxBytes) {
      throw this.fail(tooLarge(`more than ${maxBytes} bytes`, "maxBytes"))
    }
  }

  private fail(error: unknown): unknown {
    this.failure = error
    return error
  }

  private newTable(): TableBuilder {
    return new TableBuilder(this.schema, { columns: this.columns.map(({ builder }) => builder) })
  }

  private grow(): void {
    const { places, sizes } = this
    this.places = new Int32Array(places.length * 4)
    this.places.set(places)
    this.sizes = new Int32Array(sizes.length * 4)
    this.sizes.set(sizes)
  }
}

/**
 * Rows of the binary protocol, which statements give that were prepared: a byte 0, a bit for each column that is NULL
 * (two bits are left free before them), then the values of the others.
 *
 * @see https://mariadb.com/kb/en/resultset-row/#binary-resultset-row
 */
export class RowReader extends Rows {
  private readonly widths: Int32Array

  constructor(fields: readonly ColumnDefinition[], options: RowOptions) {
    const columns = fields.map((field) => columnReader(field, options.zeroDates))
    super(columns, options)
    this.widths = Int32Array.from(columns, ({ width }) => width)
  }

  protected find(buffer: Buffer, start: number, end: number, first: number): boolean {
    const { widths, places, sizes } = this
    const columns = widths.length
    const nulls = start + 1
    let place = nulls + ((columns + 9) >> 3)
    if (place > end || buffer[start] !== 0) return false
    // Most rows have no NULL: then it need not be looked for in each column.
    let someNulls = 0
    for (let i = nulls; i < place; i++) someNulls |= buffer[i]!
    for (let i = 0, at = first; i < columns; i++, at++) {
      if (someNulls !== 0 && (buffer[nulls + ((i + 2) >> 3)]! & (1 << ((i + 2) & 7))) !== 0) {
        places[at] = -1
        continue
      }
      const width = widths[i]!
      if (width > 0) {
        places[at] = place
        place += width
        continue
      }
      if (place >= end) return false
      let size = buffer[place++]!
      if (size > 250 && width !== lengthByte) {
        place += lengthSize(size)
        size = longLength(buffer, place, end, size)
      }
      if (size > end - place) return false
      places[at] = place
      sizes[at] = size
      place += size
    }
    return place === end
  }
}

/**
 * Rows of the text protocol, for statements that cannot be prepared. Values are those that {@link RowReader} gives,
 * except that the server writes a `float` with six digits.
 */
export class TextRowReader extends Rows {
  constructor(fields: readonly ColumnDefinition[], options: RowOptions) {
    super(
      fields.map((field) => fromText(columnReader(field, options.zeroDates))),
      options,
    )
  }

  protected find(buffer: Buffer, start: number, end: number, first: number): boolean {
    const { places, sizes } = this
    const last = first + this.columns.length
    let place = start
    for (let at = first; at < last; at++) {
      if (place >= end) return false
      let size = buffer[place++]!
      if (size === nullField) {
        places[at] = -1
        continue
      }
      if (size > 250) {
        place += lengthSize(size)
        size = longLength(buffer, place, end, size)
      }
      if (size > end - place) return false
      places[at] = place
      sizes[at] = size
      place += size
    }
    return place === end
  }
}

function tooLarge(what: string, limit: string): MooringError {
  return new MooringError("TOO_LARGE", `The result has ${what}.`, {
    hint: `Raise ${limit}, select less, or read it with stream().`,
  })
}
