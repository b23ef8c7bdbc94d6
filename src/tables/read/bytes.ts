import { Buffer, isAscii } from "node:buffer"
import type { RawBatch } from "../batch.ts"
import { bit } from "../bitmap.ts"
import { longestText, utf8Text } from "../long-text.ts"
import { Reader } from "./reader.ts"

/** Where a row's bytes are. */
export interface Spans {
  bytes(index: number): Uint8Array
}

/** Rows one after the other, with 32-bit or 64-bit offsets. */
export class OffsetSpans implements Spans {
  readonly values: Uint8Array
  readonly start: (index: number) => number

  constructor(batch: RawBatch) {
    this.values = batch.values as Uint8Array
    this.start = offsetsOf(batch.offsets)
  }

  bytes(index: number): Uint8Array {
    return this.values.subarray(this.start(index), this.start(index + 1))
  }
}

/** 16 bytes a row: the length, then up to 12 bytes, or where in which of the data buffers the bytes are. */
export class ViewSpans implements Spans {
  private readonly views: Uint8Array
  private readonly words: DataView
  private readonly data: readonly Uint8Array[]

  constructor(batch: RawBatch) {
    this.views = batch.values as Uint8Array
    this.words = new DataView(this.views.buffer, this.views.byteOffset, this.views.byteLength)
    this.data = batch.data ?? []
  }

  bytes(index: number): Uint8Array {
    const place = index * 16
    const length = this.words.getInt32(place, true)
    if (length <= 12) return this.views.subarray(place + 4, place + 4 + length)
    const start = this.words.getInt32(place + 12, true)
    return this.data[this.words.getInt32(place + 8, true)]!.subarray(start, start + length)
  }
}

/** Rows of one width. */
export class FixedSpans implements Spans {
  private readonly values: Uint8Array
  private readonly stride: number

  constructor(batch: RawBatch, stride: number) {
    this.values = batch.values as Uint8Array
    this.stride = stride
  }

  bytes(index: number): Uint8Array {
    return this.values.subarray(index * this.stride, (index + 1) * this.stride)
  }
}

/** Binary, as a copy: a caller who writes into it must not change what others have. */
export class BinaryReader extends Reader<Uint8Array> {
  private readonly spans: Spans

  constructor(batch: RawBatch, spans: Spans) {
    super(batch)
    this.spans = spans
  }

  value(index: number): Uint8Array {
    return this.spans.bytes(index).slice()
  }
}

/** UTF-8 text. Bytes that are not UTF-8 become U+FFFD; a byte order mark stays. */
export class TextReader extends Reader<string> {
  private readonly spans: Spans
  private readonly column: string

  constructor(batch: RawBatch, spans: Spans, column: string) {
    super(batch)
    this.spans = spans
    this.column = column
  }

  value(index: number): string {
    const { buffer, byteOffset, length } = this.spans.bytes(index)
    return utf8Text(Buffer.from(buffer as ArrayBuffer, byteOffset, length), 0, length, this.column)
  }
}

/** How many bytes are decoded at once. */
const blockBytes = 65_536

/**
 * UTF-8 text with offsets. Neighbouring rows are decoded together and cut apart: one call into the runtime for many rows
 * is several times faster than one for each.
 */
export class OffsetTextReader extends Reader<string> {
  private readonly bytes: Buffer
  private readonly start: (index: number) => number
  private readonly column: string

  constructor(batch: RawBatch, column: string) {
    super(batch)
    this.column = column
    const { buffer, byteOffset, length } = batch.values as Uint8Array
    this.bytes = Buffer.from(buffer as ArrayBuffer, byteOffset, length)
    this.start = offsetsOf(batch.offsets)
  }

  value(index: number): string {
    return utf8Text(this.bytes, this.start(index), this.start(index + 1), this.column)
  }

  override fill(out: unknown[], place: number, start: number, end: number): void {
    for (let from = start; from < end; ) {
      const to = this.blockEnd(from, end)
      if (this.start(to) - this.start(from) > longestText) out[place] = this.at(from)
      else this.fillBlock(out, place, from, to)
      place += to - from
      from = to
    }
  }

  /** The row before which a block of about `blockBytes` ends; always one row at least. */
  private blockEnd(from: number, end: number): number {
    const limit = this.start(from) + blockBytes
    if (this.start(end) <= limit) return end
    let low = from + 1
    let high = end
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.start(middle) <= limit) low = middle
      else high = middle - 1
    }
    return low
  }

  private fillBlock(out: unknown[], place: number, from: number, to: number): void {
    const base = this.start(from)
    const block = this.bytes.subarray(base, this.start(to))
    const text = block.toString("latin1")
    const ascii = isAscii(block)
    const nullable = this.nullCount > 0
    let begin = 0
    for (let i = from; i < to; i++) {
      const end = this.start(i + 1) - base
      if (nullable && !bit(this.validity, i)) out[place++] = null
      else if (ascii || isAsciiBetween(block, begin, end)) out[place++] = text.slice(begin, end)
      else out[place++] = block.toString("utf8", begin, end)
      begin = end
    }
  }
}

function isAsciiBetween(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 127) return false
  return true
}

/** Offsets as numbers, whatever their width. */
export function offsetsOf(offsets: Int32Array | BigInt64Array): (index: number) => number {
  if (offsets instanceof BigInt64Array) return (index) => Number(offsets[index])
  return (index) => offsets[index]!
}
