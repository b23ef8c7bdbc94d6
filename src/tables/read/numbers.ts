import type { RawBatch } from "../batch.ts"
import { bit } from "../bitmap.ts"
import { misfit, type ReadContext, Reader } from "./reader.ts"

/** Values that are in the buffer as JavaScript has them: integers to 32 bits, floats of 32 and 64. */
export class DirectReader extends Reader<number> {
  private readonly numbers: Float64Array

  constructor(batch: RawBatch) {
    super(batch)
    // Any array of numbers; the name of one of them is enough for the compiler.
    this.numbers = batch.values as Float64Array
  }

  value(index: number): number {
    return this.numbers[index]!
  }

  override fill(out: unknown[], place: number, start: number, end: number): void {
    const { numbers, validity } = this
    if (this.nullCount === 0) for (let i = start; i < end; i++) out[place++] = numbers[i]
    else for (let i = start; i < end; i++) out[place++] = bit(validity, i) ? numbers[i] : null
  }
}

/** IEEE 754 half precision. */
export class Float16Reader extends Reader<number> {
  private readonly halves: Uint16Array

  constructor(batch: RawBatch) {
    super(batch)
    this.halves = batch.values as Uint16Array
  }

  value(index: number): number {
    const half = this.halves[index]!
    const exponent = (half >> 10) & 31
    const fraction = half & 1023
    const sign = half & 0x8000 ? -1 : 1
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25)
  }
}

/** Floats of 32 bits for text: the number with the fewest digits that is no other float. 0.1, not 0.10000000149011612. */
export class Float32TextReader extends Reader<number> {
  private readonly floats: Float32Array

  constructor(batch: RawBatch) {
    super(batch)
    this.floats = batch.values as Float32Array
  }

  value(index: number): number {
    const exact = this.floats[index]!
    if (exact === 0) return exact
    // Six digits are never too many, but for the smallest floats of all. Nine are always enough.
    for (let digits = Math.abs(exact) < 1.2e-38 ? 1 : 6; digits <= 9; digits++) {
      const short = Number(exact.toPrecision(digits))
      if (Math.fround(short) === exact) return short
    }
    return exact
  }
}

export class BoolReader extends Reader<boolean> {
  private readonly bits: Uint8Array

  constructor(batch: RawBatch) {
    super(batch)
    this.bits = batch.values as Uint8Array
  }

  value(index: number): boolean {
    return bit(this.bits, index)
  }

  override fill(out: unknown[], place: number, start: number, end: number): void {
    const { bits, validity } = this
    if (this.nullCount === 0) for (let i = start; i < end; i++) out[place++] = bit(bits, i)
    else for (let i = start; i < end; i++) out[place++] = bit(validity, i) ? bit(bits, i) : null
  }
}

export class NullReader extends Reader<null> {
  value(): null {
    return null
  }
}

/** 64-bit integers as numbers, read as two halves: a bigint for each value would cost several times as much. */
export class Int64Reader extends Reader<number | string> {
  private readonly halves: Int32Array
  private readonly signed: boolean
  private readonly context: ReadContext

  constructor(batch: RawBatch, signed: boolean, context: ReadContext) {
    super(batch)
    this.halves = halvesOf(batch)
    this.signed = signed
    this.context = context
  }

  value(index: number): number | string {
    const low = this.halves[index * 2]! >>> 0
    const high = this.halves[index * 2 + 1]!
    const value = (this.signed ? high : high >>> 0) * 4_294_967_296 + low
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      return tooWide(this.context, readInt64(this.halves, index, this.signed))
    }
    return value
  }

  override fill(out: unknown[], place: number, start: number, end: number): void {
    const { halves, validity, signed } = this
    const nullable = this.nullCount > 0
    for (let i = start; i < end; i++) {
      if (nullable && !bit(validity, i)) {
        out[place++] = null
        continue
      }
      const high = halves[i * 2 + 1]!
      const value = (signed ? high : high >>> 0) * 4_294_967_296 + (halves[i * 2]! >>> 0)
      out[place++] = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? value : this.value(i)
    }
  }
}

/** Integers of any width, as `values.bigint` says. */
export class BigIntReader extends Reader<number | bigint | string> {
  private readonly read: (index: number) => bigint
  private readonly context: ReadContext

  constructor(batch: RawBatch, read: (index: number) => bigint, context: ReadContext) {
    super(batch)
    this.read = read
    this.context = context
  }

  value(index: number): number | bigint | string {
    const value = this.read(index)
    switch (this.context.values.bigint) {
      case "bigint":
        return value
      case "string":
        return value.toString()
      case "number":
        if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) return tooWide(this.context, value)
        return Number(value)
    }
  }
}

/** Reads 64-bit integers exactly. */
export function int64Of(batch: RawBatch, signed: boolean): (index: number) => bigint {
  const halves = halvesOf(batch)
  return (index) => readInt64(halves, index, signed)
}

/** The same memory as 32-bit halves, low half first. */
export function halvesOf(batch: RawBatch): Int32Array {
  const { buffer, byteOffset, byteLength } = batch.values
  return new Int32Array(buffer, byteOffset, byteLength >> 2)
}

function readInt64(halves: Int32Array, index: number, signed: boolean): bigint {
  const high = halves[index * 2 + 1]!
  return (BigInt(signed ? high : high >>> 0) << 32n) | BigInt(halves[index * 2]! >>> 0)
}

function tooWide(context: ReadContext, value: bigint): string {
  return misfit(
    context,
    value.toString(),
    `the integer ${value}, which is beyond 2^53 and not exact as a number`,
    'Pass values: { bigint: "string" } or { bigint: "bigint" } to get it exactly.',
  )
}
