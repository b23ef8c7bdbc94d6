/** Bits in Arrow's layout: least significant first, eight rows to a byte. */

/** Whether bit `index` is set. */
export function bit(bits: Uint8Array, index: number): boolean {
  return (bits[index >> 3]! & (1 << (index & 7))) !== 0
}

/** How many of the `count` bits from `start` on are set. */
export function countBits(bits: Uint8Array, start: number, count: number): number {
  let set = 0
  let index = start
  const end = start + count
  while (index < end && (index & 7) !== 0) set += (bits[index >> 3]! >> (index++ & 7)) & 1
  for (; index + 8 <= end; index += 8) set += ones[bits[index >> 3]!]!
  while (index < end) set += (bits[index >> 3]! >> (index++ & 7)) & 1
  return set
}

const ones = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1
  return count
})

/** Copies `count` bits. The target's bits there must be 0. */
export function copyBits(target: Uint8Array, at: number, source: Uint8Array, from: number, count: number): void {
  let done = 0
  if ((at & 7) === 0 && (from & 7) === 0) {
    const bytes = count >> 3
    target.set(source.subarray(from >> 3, (from >> 3) + bytes), at >> 3)
    done = bytes << 3
  } else if ((from & 7) === 0) {
    const shift = at & 7
    for (; done + 8 <= count; done += 8) {
      const byte = source[(from + done) >> 3]!
      const place = (at + done) >> 3
      target[place]! |= byte << shift
      target[place + 1]! |= byte >> (8 - shift)
    }
  }
  for (; done < count; done++) {
    const index = from + done
    if ((source[index >> 3]! & (1 << (index & 7))) !== 0) setBit(target, at + done)
  }
}

export function setBit(bits: Uint8Array, index: number): void {
  bits[index >> 3]! |= 1 << (index & 7)
}

/** Sets `count` bits from `start` on. */
export function setBits(bits: Uint8Array, start: number, count: number): void {
  let index = start
  const end = start + count
  while (index < end && (index & 7) !== 0) setBit(bits, index++)
  const whole = (end - index) >> 3
  bits.fill(255, index >> 3, (index >> 3) + whole)
  index += whole << 3
  while (index < end) setBit(bits, index++)
}

/** A growing bitmap. */
export class BitmapBuilder {
  bits: Uint8Array<ArrayBuffer>
  length = 0

  constructor(capacity: number) {
    this.bits = new Uint8Array((capacity + 7) >> 3)
  }

  push(set: boolean): void {
    this.reserve(1)
    if (set) setBit(this.bits, this.length)
    this.length++
  }

  fill(set: boolean, count: number): void {
    this.reserve(count)
    if (set) setBits(this.bits, this.length, count)
    this.length += count
  }

  append(bits: Uint8Array, count: number, from = 0): void {
    this.reserve(count)
    copyBits(this.bits, this.length, bits, from, count)
    this.length += count
  }

  /** One bit for each byte: 0 is false. */
  appendBytes(bytes: Uint8Array, count: number): void {
    this.reserve(count)
    const { bits, length } = this
    for (let i = 0; i < count; i++) if (bytes[i] !== 0) setBit(bits, length + i)
    this.length += count
  }

  finish(): Uint8Array<ArrayBuffer> {
    return trimmed(this.bits, (this.length + 7) >> 3)
  }

  private reserve(count: number): void {
    const bytes = (this.length + count + 7) >> 3
    // One byte more than needed, because an unaligned copy touches it.
    if (bytes >= this.bits.length) this.bits = grown(this.bits, Math.max(bytes + 1, this.bits.length * 2))
  }
}

/** Which rows are not NULL. Costs nothing until the first NULL. */
export class ValidityBuilder {
  nullCount = 0
  private bitmap: BitmapBuilder | undefined
  private length = 0

  valid(count: number): void {
    this.length += count
    this.bitmap?.fill(true, count)
  }

  nulls(count: number): void {
    this.materialize().fill(false, count)
    this.length += count
    this.nullCount += count
  }

  /** @param bits 1 = valid; null where all are valid, as DuckDB and Arrow have it. */
  append(bits: Uint8Array | null, count: number, from = 0): void {
    const nulls = bits === null ? 0 : count - countBits(bits, from, count)
    if (bits === null || nulls === 0) {
      this.valid(count)
      return
    }
    this.materialize().append(bits, count, from)
    this.length += count
    this.nullCount += nulls
  }

  /** Bytes in use. */
  get byteLength(): number {
    return this.bitmap === undefined ? 0 : (this.length + 7) >> 3
  }

  finish(): { nullCount: number; validity: Uint8Array<ArrayBuffer> } {
    const result = { nullCount: this.nullCount, validity: this.bitmap?.finish() ?? noBytes }
    this.nullCount = 0
    this.length = 0
    this.bitmap = undefined
    return result
  }

  private materialize(): BitmapBuilder {
    if (this.bitmap === undefined) {
      this.bitmap = new BitmapBuilder(Math.max(64, this.length + 1))
      this.bitmap.fill(true, this.length)
    }
    return this.bitmap
  }
}

/** What a batch has for a buffer that it does not need. */
export const noBytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)

/** Below so many bytes, copying them is faster than taking their memory along. */
const worthMoving = 4096

/**
 * The same bytes with more room behind them. No other array may show this memory: it may be taken along, so that what was
 * used up goes at once instead of with the garbage.
 */
export function grown(bytes: Uint8Array<ArrayBuffer>, capacity: number): Uint8Array<ArrayBuffer> {
  if (bytes.length >= worthMoving) return new Uint8Array(bytes.buffer.transfer(capacity))
  const larger = new Uint8Array(capacity)
  larger.set(bytes)
  return larger
}

/** The same offsets with more room behind them, likewise. */
export function grownOffsets(offsets: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  if (offsets.byteLength >= worthMoving) return new Int32Array(offsets.buffer.transfer(capacity * 4))
  const larger = new Int32Array(capacity)
  larger.set(offsets)
  return larger
}

/** Room for as much as the last batch had, and a little more: few are exactly as large, and growing copies everything. */
export function roomAfter(size: number): number {
  return size + (size >> 5)
}

/**
 * The first `length` bytes, in a buffer of their own if the room behind them would be a waste of memory. No other array
 * may show this memory.
 */
export function trimmed(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (bytes.length === length) return bytes
  if (bytes.length - length <= Math.max(64, length >> 3)) return bytes.subarray(0, length)
  return bytes.length < worthMoving ? bytes.slice(0, length) : new Uint8Array(bytes.buffer.transfer(length))
}

/** The first `length` offsets, likewise. */
export function trimmedOffsets(offsets: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (offsets.length === length) return offsets
  return new Int32Array(trimmed(new Uint8Array(offsets.buffer), length * 4).buffer, 0, length)
}
