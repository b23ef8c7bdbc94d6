import { type DataType, Type, type TypedArray } from "@uwdata/flechette"
import { MooringError } from "../../errors.ts"
import { type Batch, batch } from "../batch.ts"
import { grown, noBytes, roomAfter, trimmed, ValidityBuilder } from "../bitmap.ts"
import type { ColumnBuilder } from "../columns.ts"
import { typeName } from "../types.ts"

/** Bytes a value takes, and the array that holds values. */
export interface FixedLayout {
  readonly width: number
  readonly ArrayType: new (buffer: ArrayBuffer) => TypedArray
}

/** The layout of a type whose values all have one width; undefined for others. Booleans are bits and have none. */
export function fixedLayout(type: DataType): FixedLayout | undefined {
  switch (type.typeId) {
    case Type.Int:
      return { width: type.bitWidth >> 3, ArrayType: type.values }
    case Type.Float:
      return { width: 2 << type.precision, ArrayType: type.values }
    case Type.Decimal:
      return { width: type.bitWidth >> 3, ArrayType: type.values }
    case Type.Date:
      return { width: type.unit === 0 ? 4 : 8, ArrayType: type.values }
    case Type.Time:
      return { width: type.bitWidth >> 3, ArrayType: type.values }
    case Type.Timestamp:
    case Type.Duration:
      return { width: 8, ArrayType: type.values }
    case Type.Interval:
      return { width: [4, 8, 16][type.unit]!, ArrayType: type.values ?? Uint8Array }
    case Type.FixedSizeBinary:
      return { width: type.stride, ArrayType: Uint8Array }
    default:
      return undefined
  }
}

/**
 * Numbers, decimals, dates, times, timestamps, intervals, fixed-size binary: `width` bytes a row, little-endian.
 *
 * A hot loop writes rows itself: `reserve(n)`, then `values[length + i]`, `bytes` or `view`, then `commit(n, validity)`.
 * The three show the same memory and change whenever `reserve` makes more of it.
 */
export class FixedColumn implements ColumnBuilder {
  readonly type: DataType
  readonly width: number
  length = 0
  bytes: Uint8Array<ArrayBuffer>
  /** In the array type of the column's type: decimals of 128 and 256 bits take two and four elements a row. */
  values: TypedArray
  private readonly validity = new ValidityBuilder()
  private readonly layout: FixedLayout
  private window: DataView<ArrayBuffer> | undefined
  /** Bytes that the next batch probably needs. */
  private room = 0

  constructor(type: DataType, capacity = 0) {
    const layout = fixedLayout(type)
    if (layout === undefined) throw new TypeError(`${typeName(type)} has no fixed width.`)
    this.type = type
    this.layout = layout
    this.width = layout.width
    this.bytes = noBytes
    this.values = noValues(layout)
    this.reserve(capacity)
  }

  get view(): DataView<ArrayBuffer> {
    return (this.window ??= new DataView(this.bytes.buffer))
  }

  get byteLength(): number {
    return this.length * this.width + this.validity.byteLength
  }

  reserve(count: number): void {
    const needed = (this.length + count) * this.width
    if (needed <= this.bytes.length) return
    this.bytes = grown(this.bytes, Math.max(needed, this.bytes.length * 2, this.room))
    this.values = new this.layout.ArrayType(this.bytes.buffer)
    this.window = undefined
  }

  /** Makes `count` rows that were written directly part of the column. */
  commit(count: number, validity: Uint8Array | null = null, from = 0): void {
    this.validity.append(validity, count, from)
    this.length += count
  }

  /** `count` values as they lie in memory. A NULL's bytes may be anything. */
  appendBytes(bytes: Uint8Array, count: number, validity: Uint8Array | null = null): void {
    this.reserve(count)
    const size = count * this.width
    this.bytes.set(bytes.length === size ? bytes : bytes.subarray(0, size), this.length * this.width)
    this.commit(count, validity)
  }

  /** One value, in the unit of the type: a bigint where it has 64 bits or more. */
  append(value: number | bigint): void {
    this.reserve(1)
    if (this.width > 8) this.writeWide(BigInt(value))
    else this.values[this.length] = value as never
    this.commit(1)
  }

  appendNull(count = 1): void {
    this.reserve(count)
    this.validity.nulls(count)
    this.length += count
  }

  finish(): Batch<unknown> {
    const { length, width } = this
    const { buffer } = trimmed(this.bytes, length * width)
    const whole = buffer === this.bytes.buffer ? this.values : new this.layout.ArrayType(buffer)
    const count = (length * width) / whole.BYTES_PER_ELEMENT
    const values = whole.length === count ? whole : (whole.subarray(0, count) as TypedArray)
    const made = batch(this.type, { length, ...this.validity.finish(), values })
    this.length = 0
    this.room = roomAfter(length) * width
    this.bytes = noBytes
    this.values = noValues(this.layout)
    this.window = undefined
    return made
  }

  private writeWide(value: bigint): void {
    if (BigInt.asIntN(this.width * 8, value) !== value && BigInt.asUintN(this.width * 8, value) !== value) {
      throw new MooringError("BAD_VALUE", `${value} does not fit in a ${typeName(this.type)}.`)
    }
    for (let place = this.length * this.width, word = value; place < (this.length + 1) * this.width; place += 8) {
      this.view.setBigUint64(place, BigInt.asUintN(64, word), true)
      word >>= 64n
    }
  }
}

/** By array type, because most results are small: making arrays is then what reading them costs. */
const empty = new Map<FixedLayout["ArrayType"], TypedArray>()

function noValues({ ArrayType }: FixedLayout): TypedArray {
  let values = empty.get(ArrayType)
  if (values === undefined) empty.set(ArrayType, (values = new ArrayType(new ArrayBuffer(0))))
  return values
}
