import { decimal128, decimal256 } from "@uwdata/flechette"
import type { FixedColumn } from "../../../../tables/columns.ts"
import { FixedReader } from "./fixed.ts"
import { badField, type FieldPlaces, lengthCoded } from "./reader.ts"

/** Digits before and behind the point, as in `decimal(p, s)`. */
export interface Precision {
  readonly precision: number
  readonly scale: number
}

const limbBase = 4_294_967_296
const zero = 0x30
const minus = 0x2d
const point = 0x2e
/** As many digits as a double holds exactly. */
const exactDigits = 15
/** So many digits are added to the limbs at a time: a limb times their power of ten is below 2^53. */
const stepDigits = 6
const powers: readonly number[] = Array.from({ length: exactDigits + 1 }, (_, i) => 10 ** i)

/** `decimal(p, s)`, which both protocols send as text, as one integer in two's complement. */
export class DecimalReader extends FixedReader {
  private readonly precision: number
  private readonly scale: number
  private readonly smallLimit: number
  /** The absolute value of one number, 32 bits each, the least first. */
  private readonly limbs: Uint32Array

  constructor(name: string, { precision, scale }: Precision) {
    const wide = precision > 38
    super(name, wide ? decimal256(precision, scale) : decimal128(precision, scale), lengthCoded)
    this.precision = precision
    this.scale = scale
    this.smallLimit = powers[Math.min(precision, exactDigits)]!
    this.limbs = new Uint32Array(wide ? 8 : 4)
  }

  protected copy(rows: FieldPlaces, column: number, target: FixedColumn): void {
    const { bytes, places, sizes, count, stride } = rows
    const size = this.limbs.length
    const words = new Int32Array(target.bytes.buffer)
    let to = target.length * size
    for (let i = 0, at = column; i < count; i++, at += stride, to += size) {
      const place = places[at]!
      if (place < 0) continue
      const end = place + sizes[at]!
      const isNegative = place < end && bytes[place] === minus
      const start = isNegative ? place + 1 : place
      const small = this.smallNumber(bytes, start, end)
      if (small >= 0) storeNumber(words, to, isNegative ? -small : small, size)
      else {
        this.readDigits(bytes, start, end)
        this.store(words, to, isNegative)
      }
    }
  }

  /** The same for the usual case, digits that a double holds and as many decimals as the scale says; else -1. */
  private smallNumber(bytes: Buffer, start: number, end: number): number {
    if (end - start > exactDigits + 1 || start === end || bytes[end - 1] === point) return -1
    let value = 0
    let decimals = -1
    for (let place = start; place < end; place++) {
      const digit = bytes[place]! - zero
      if (digit >= 0 && digit <= 9) {
        value = value * 10 + digit
        if (decimals >= 0) decimals++
      } else if (digit === point - zero && decimals < 0) decimals = 0
      else return -1
    }
    return Math.max(decimals, 0) === this.scale && value < this.smallLimit ? value : -1
  }

  /** The absolute value, times ten to the scale. */
  private readDigits(bytes: Buffer, start: number, end: number): void {
    const { limbs, scale } = this
    let place = start
    while (place < end && bytes[place] === zero) place++
    limbs.fill(0)
    let small = 0
    let waiting = 0
    let most = exactDigits
    let digits = 0
    let decimals = -1
    for (; place < end; place++) {
      const digit = bytes[place]! - zero
      if (digit < 0 || digit > 9) {
        if (bytes[place] !== point || decimals >= 0) throw badField(this.field.name, "a decimal that cannot be read")
        decimals = 0
        continue
      }
      if (decimals >= 0 && ++decimals > scale) {
        if (digit !== 0) throw badField(this.field.name, "more digits than the column's scale")
        continue
      }
      small = small * 10 + digit
      if (digit > 0 || digits > 0) digits++
      if (++waiting < most) continue
      // The limbs are empty the first time: nothing is multiplied then, so that there may be more digits.
      if (most === exactDigits) this.begin(small)
      else this.add(small, waiting)
      small = 0
      waiting = 0
      most = stepDigits
    }
    const missing = scale - Math.max(0, Math.min(decimals, scale))
    if (start === end || bytes[end - 1] === point) throw badField(this.field.name, "a decimal that ends early")
    if (digits > 0 && digits + missing > this.precision) {
      throw badField(this.field.name, "more digits than the column's precision")
    }
    if (most === exactDigits) this.begin(small)
    else this.add(small, waiting)
    for (let rest = missing; rest > 0; rest -= stepDigits) this.add(0, Math.min(rest, stepDigits))
  }

  private begin(value: number): void {
    this.limbs[0] = value
    this.limbs[1] = value / limbBase
  }

  /** Moves what the limbs hold `digits` places to the left, and puts these there. */
  private add(value: number, digits: number): void {
    const { limbs } = this
    const factor = powers[digits]!
    let carry = value
    for (let i = 0; i < limbs.length; i++) {
      const product = limbs[i]! * factor + carry
      limbs[i] = product
      carry = Math.floor(product / limbBase)
    }
  }

  private store(words: Int32Array, to: number, isNegative: boolean): void {
    const { limbs } = this
    let carry = 1
    for (let i = 0; i < limbs.length; i++) {
      const limb = limbs[i]!
      if (!isNegative) words[to + i] = limb
      else {
        const word = (~limb >>> 0) + carry
        words[to + i] = word
        carry = word > 0xffff_ffff ? 1 : 0
      }
    }
  }
}

/** An integer below 2^53 in `size` words. */
function storeNumber(words: Int32Array, to: number, value: number, size: number): void {
  words[to] = value
  words[to + 1] = Math.floor(value / limbBase)
  const sign = value < 0 ? -1 : 0
  for (let i = 2; i < size; i++) words[to + i] = sign
}
