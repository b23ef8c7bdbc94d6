import type { RawBatch } from "../batch.ts"
import { Reader } from "./reader.ts"

/** Reads the unscaled integers of a decimal column, two's complement of 32 to 256 bits, all bits exact. */
export function decimalIntegers(batch: RawBatch, bitWidth: number, signed = true): (index: number) => bigint {
  if (bitWidth === 32) {
    const numbers = batch.values as Int32Array
    return (index) => BigInt(numbers[index]!)
  }
  const { buffer, byteOffset, byteLength } = batch.values
  const words = new BigUint64Array(buffer, byteOffset, byteLength >> 3)
  const count = bitWidth >> 6
  return (index) => {
    let value = 0n
    for (let i = count - 1; i >= 0; i--) value = (value << 64n) | words[index * count + i]!
    return signed ? BigInt.asIntN(bitWidth, value) : value
  }
}

/** Decimals as exact text of the column's scale (`"1.50"`), or as the nearest number. */
export class DecimalReader extends Reader<string | number> {
  private readonly halves: Int32Array
  private readonly halfCount: number
  private readonly wide: (index: number) => bigint
  private readonly scale: number
  private readonly asNumber: boolean

  constructor(batch: RawBatch, bitWidth: number, scale: number, as: "string" | "number") {
    super(batch)
    const { buffer, byteOffset, byteLength } = batch.values
    this.halves = new Int32Array(buffer, byteOffset, byteLength >> 2)
    this.halfCount = bitWidth >> 5
    this.wide = decimalIntegers(batch, bitWidth)
    this.scale = scale
    this.asNumber = as === "number"
  }

  value(index: number): string | number {
    const integer = this.narrow(index)
    const text = Number.isNaN(integer) ? this.wide(index).toString() : `${integer}`
    const decimal = withPoint(text, this.scale)
    return this.asNumber ? Number(decimal) : decimal
  }

  /** The integer as a number where that is exact, as it nearly always is; NaN otherwise. */
  private narrow(index: number): number {
    const { halves, halfCount } = this
    const place = index * halfCount
    const low = halves[place]!
    if (halfCount === 1) return low
    const high = halves[place + 1]!
    for (let i = 2; i < halfCount; i++) if (halves[place + i] !== high >> 31) return Number.NaN
    const value = high * 4_294_967_296 + (low >>> 0)
    return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? value : Number.NaN
  }
}

/** `withPoint("150", 2)` is `"1.50"`, `withPoint("-5", 2)` is `"-0.05"`, `withPoint("3", -2)` is `"300"`. */
export function withPoint(digits: string, scale: number): string {
  if (scale === 0) return digits
  if (scale < 0) return digits === "0" ? digits : digits + "0".repeat(-scale)
  const negative = digits.charCodeAt(0) === 45
  const unsigned = negative ? digits.slice(1) : digits
  const padded = unsigned.length > scale ? unsigned : unsigned.padStart(scale + 1, "0")
  const point = padded.length - scale
  return `${negative ? "-" : ""}${padded.slice(0, point)}.${padded.slice(point)}`
}
