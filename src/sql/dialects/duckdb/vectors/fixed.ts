import { MooringError } from "../../../../errors.ts"
import type { BoolColumn, FixedColumn, NullColumn } from "../../../../tables/columns.ts"
import type { Bindings, VectorHandle } from "../driver.ts"
import { isValid, type Validity, type VectorReader, validityOf, validityRange } from "./reader.ts"

/** Values that Arrow lays out as DuckDB does: copied as they are. */
export class FixedReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: FixedColumn
  private bytes: Uint8Array = new Uint8Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: FixedColumn) {
    this.bindings = bindings
    this.column = column
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    this.bytes = this.bindings.vector_get_data(vector, rows * this.column.width)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    const { width } = this.column
    const bytes = from === 0 ? this.bytes : this.bytes.subarray(from * width)
    this.column.appendBytes(bytes, count, validityRange(this.validity, from, count))
  }
}

/** Writes `count` rows from `from` on: `source` and `target` are the 32-bit halves of the values, `at` the place. */
export type Widen = (source: Int32Array, from: number, target: Int32Array, at: number, count: number) => void

/** Values that are wider in Arrow: `sourceWidth` bytes become the column's. */
export class WideningReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: FixedColumn
  private readonly sourceWidth: number
  private readonly widen: Widen
  private source: Int32Array = new Int32Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: FixedColumn, sourceWidth: number, widen: Widen) {
    this.bindings = bindings
    this.column = column
    this.sourceWidth = sourceWidth
    this.widen = widen
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const bytes = this.bindings.vector_get_data(vector, rows * this.sourceWidth)
    this.source =
      this.sourceWidth === 2
        ? Int32Array.from(new Int16Array(bytes.buffer, bytes.byteOffset, rows))
        : new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    const { column } = this
    column.reserve(count)
    const target = new Int32Array(column.bytes.buffer, column.bytes.byteOffset, column.bytes.length >> 2)
    this.widen(this.source, from, target, column.length * (column.width >> 2), count)
    column.commit(count, this.validity, from)
  }
}

/** DECIMAL of up to 9 digits: one word to 128 bits. */
export const wordTo128: Widen = (source, from, target, at, count) => {
  for (let i = 0, place = at; i < count; i++, place += 4) {
    const word = source[from + i]!
    target[place] = word
    target[place + 1] = target[place + 2] = target[place + 3] = word >> 31
  }
}

/** DECIMAL of up to 18 digits: two words to 128 bits. */
export const doubleWordTo128: Widen = (source, from, target, at, count) => {
  for (let i = 0, place = at; i < count; i++, place += 4) {
    const high = source[(from + i) * 2 + 1]!
    target[place] = source[(from + i) * 2]!
    target[place + 1] = high
    target[place + 2] = target[place + 3] = high >> 31
  }
}

/** UHUGEINT: four words, unsigned, to 256 bits. */
export const unsigned128To256: Widen = (source, from, target, at, count) => {
  for (let i = 0, place = at; i < count; i++, place += 8) {
    for (let word = 0; word < 4; word++) target[place + word] = source[(from + i) * 4 + word]!
    target.fill(0, place + 4, place + 8)
  }
}

/** INTERVAL: months, days and microseconds; Arrow counts nanoseconds. */
export class IntervalReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: FixedColumn
  private source = new DataView(new ArrayBuffer(0))
  private validity: Validity = null

  constructor(bindings: Bindings, column: FixedColumn) {
    this.bindings = bindings
    this.column = column
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const bytes = this.bindings.vector_get_data(vector, rows * 16)
    this.source = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    const { column, source, validity } = this
    column.reserve(count)
    for (let i = 0; i < count; i++) {
      const at = (from + i) * 16
      const place = (column.length + i) * 16
      column.view.setInt32(place, source.getInt32(at, true), true)
      column.view.setInt32(place + 4, source.getInt32(at + 4, true), true)
      const nanoseconds = isValid(validity, from + i) ? source.getBigInt64(at + 8, true) * 1000n : 0n
      if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) throw tooLong()
      column.view.setBigInt64(place + 8, nanoseconds, true)
    }
    column.commit(count, validity, from)
  }
}

function tooLong(): MooringError {
  return new MooringError("BAD_VALUE", "An INTERVAL has more than 292 years of hours, minutes and seconds.", {
    hint: "Arrow counts them in 64 bits of nanoseconds. Cast the column to VARCHAR.",
  })
}

/** BOOLEAN: a byte each in DuckDB, a bit each in Arrow. */
export class BoolReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: BoolColumn
  private bytes: Uint8Array = new Uint8Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: BoolColumn) {
    this.bindings = bindings
    this.column = column
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    this.bytes = this.bindings.vector_get_data(vector, rows)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    const bytes = from === 0 ? this.bytes : this.bytes.subarray(from)
    this.column.appendBytes(bytes, count, validityRange(this.validity, from, count))
  }
}

/** The type of NULL: nothing to read. */
export class NullReader implements VectorReader {
  private readonly column: NullColumn

  constructor(column: NullColumn) {
    this.column = column
  }

  load(): void {}

  append(_from: number, count: number): void {
    this.column.appendNull(count)
  }
}
