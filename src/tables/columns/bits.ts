import { bool, type DataType, nullType } from "@uwdata/flechette"
import { type Batch, batch } from "../batch.ts"
import { BitmapBuilder, ValidityBuilder } from "../bitmap.ts"
import type { ColumnBuilder } from "../columns.ts"

/** Booleans: one bit a row. */
export class BoolColumn implements ColumnBuilder {
  readonly type: DataType = bool()
  length = 0
  private bits = new BitmapBuilder(64)
  private readonly validity = new ValidityBuilder()

  get byteLength(): number {
    return ((this.length + 7) >> 3) + this.validity.byteLength
  }

  append(value: boolean): void {
    this.bits.push(value)
    this.validity.valid(1)
    this.length++
  }

  /** Rows that are a byte each: 0 is false. */
  appendBytes(bytes: Uint8Array, count: number, validity: Uint8Array | null = null): void {
    this.bits.appendBytes(bytes, count)
    this.validity.append(validity, count)
    this.length += count
  }

  /** Rows that are a bit each, least significant first. */
  appendBits(bits: Uint8Array, count: number, validity: Uint8Array | null = null): void {
    this.bits.append(bits, count)
    this.validity.append(validity, count)
    this.length += count
  }

  appendNull(count = 1): void {
    this.bits.fill(false, count)
    this.validity.nulls(count)
    this.length += count
  }

  finish(): Batch<unknown> {
    const made = batch(this.type, { length: this.length, ...this.validity.finish(), values: this.bits.finish() })
    this.bits = new BitmapBuilder(0)
    this.length = 0
    return made
  }
}

/** Nothing but NULL: what `select null` gives where the database has no better type. */
export class NullColumn implements ColumnBuilder {
  readonly type: DataType = nullType()
  readonly byteLength = 0
  length = 0

  appendNull(count = 1): void {
    this.length += count
  }

  finish(): Batch<unknown> {
    const { length } = this
    this.length = 0
    return batch(this.type, { length, nullCount: length })
  }
}
