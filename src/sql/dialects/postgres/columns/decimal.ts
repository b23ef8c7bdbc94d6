import { decimal128, decimal256 } from "@uwdata/flechette"
import type { FixedColumn } from "../../../../tables/columns.ts"
import { FixedReader } from "./fixed.ts"
import { badField, cannotHold, type FieldPlaces } from "./reader.ts"

/** Precision and scale of `numeric(p, s)`. */
export interface Precision {
  readonly precision: number
  readonly scale: number
}

/**
 * What stands in brackets behind `numeric`, where Arrow has a decimal of it. Without brackets a numeric may have 131,072
 * digits before the point, and from PostgreSQL 15 on the scale may be negative or beyond the precision.
 *
 * Source: `numeric_typmod_precision` and `numeric_typmod_scale` in PostgreSQL's numeric.c.
 */
export function decimalPrecision(modifier: number): Precision | undefined {
  if (modifier < 4) return undefined
  const precision = ((modifier - 4) >> 16) & 0xffff
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
  return precision <= 76 && scale >= 0 && scale <= precision ? { precision, scale } : undefined
}

const negative = 0x4000
const special = 0xc000
const limbBase = 4_294_967_296
const largestSafe = 2 ** 53 / 20_000

/**
 * `numeric(p, s)` as a decimal: digits in base 10,000 become one integer in two's complement.
 *
 * On the wire: how many digits, the weight of the first (its power of 10,000), the sign, the scale, the digits.
 */
export class DecimalReader extends FixedReader {
  private readonly scale: number
  /** The absolute value of one number, 32 bits each, the least first. */
  private readonly limbs: Uint32Array

  constructor(name: string, { precision, scale }: Precision) {
    const wide = precision > 38
    super(name, wide ? decimal256(precision, scale) : decimal128(precision, scale), -1)
    this.scale = scale
    this.limbs = new Uint32Array(wide ? 8 : 4)
  }

  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const size = this.limbs.length
    const words = new Int32Array(target.bytes.buffer)
    let to = target.length * size
    for (let i = 0, at = column; i < count; i++, at += stride, to += size) {
      const place = places[at]!
      if (place < 0) continue
      const length = view.getInt32(place - 4)
      const digits = length < 8 ? -1 : view.getUint16(place)
      if (length !== 8 + digits * 2) throw badField(this.field.name, `a numeric of ${length} bytes`)
      const sign = view.getUint16(place + 4)
      if (sign >= special) throw cannotHold(this.field.name, "NaN, which a decimal cannot be")
      this.readDigits(view, place + 8, digits, view.getInt16(place + 2))
      this.store(words, to, sign === negative)
    }
  }

  /** The absolute value, times ten to the scale. */
  private readDigits(view: DataView, place: number, digits: number, weight: number): void {
    const { limbs } = this
    limbs.fill(0)
    if (digits === 0) return
    // Decimal places of the last digit beyond the scale, which are zeros; negative where places are missing.
    const excess = (digits - weight - 1) * 4 - this.scale
    const lastPower = 10 ** Math.max(0, excess)
    const last = view.getUint16(place + digits * 2 - 2)
    if (excess > 3 || last % lastPower !== 0) throw badField(this.field.name, "more digits than the column's scale")
    let small = 0
    let i = 0
    for (; i < digits - 1 && small < largestSafe; i++) small = small * 10_000 + view.getUint16(place + i * 2)
    limbs[0] = small
    limbs[1] = small / limbBase
    for (; i < digits - 1; i++) this.multiplyAdd(10_000, view.getUint16(place + i * 2))
    this.multiplyAdd(10_000 / lastPower, last / lastPower)
    for (let missing = -excess; missing > 0; missing -= 4) this.multiplyAdd(10 ** Math.min(missing, 4), 0)
  }

  private multiplyAdd(factor: number, addend: number): void {
    const { limbs } = this
    let carry = addend
    for (let i = 0; i < limbs.length; i++) {
      const product = limbs[i]! * factor + carry
      limbs[i] = product
      carry = Math.floor(product / limbBase)
    }
    if (carry !== 0) throw badField(this.field.name, "more digits than the column's precision")
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
