import { Buffer } from "node:buffer"
import { type DataType, Type } from "@uwdata/flechette"
import { MooringError } from "../../errors.ts"
import { type Batch, batch } from "../batch.ts"
import { grown, grownOffsets, noBytes, roomAfter, trimmed, trimmedOffsets, ValidityBuilder } from "../bitmap.ts"
import type { ColumnBuilder } from "../columns.ts"
import { typeName } from "../types.ts"

const maxBytes = 2 ** 31 - 1

/**
 * Text (as UTF-8) and binary: the bytes of all rows one after the other, and where each begins.
 *
 * A hot loop writes rows itself: `let end = reserve(rows, bytes)`, then for each row its bytes into `values` at `end` and
 * `offsets[length + i + 1] = end += size` (a NULL has size 0), then `commit(rows, end, validity)`.
 */
export class VariableColumn implements ColumnBuilder {
  readonly type: DataType
  length = 0
  /** Where the bytes of all rows end. */
  end = 0
  /** Row `i` is `values` from `offsets[i]` to `offsets[i + 1]`. */
  offsets: Int32Array<ArrayBuffer>
  values: Uint8Array<ArrayBuffer>
  private readonly validity = new ValidityBuilder()
  /** The same memory as `values`: Node writes text into a Buffer without an array in between. */
  private text: Buffer<ArrayBuffer> | undefined
  /** Rows and bytes that the next batch probably has. */
  private room = { rows: 0, bytes: 0 }

  constructor(type: DataType, capacity = 0) {
    if (type.typeId !== Type.Utf8 && type.typeId !== Type.Binary) {
      throw new TypeError(`${typeName(type)} is neither text nor binary.`)
    }
    this.type = type
    this.offsets = new Int32Array(capacity + 1)
    this.values = capacity === 0 ? noBytes : new Uint8Array(capacity * 8)
  }

  get byteLength(): number {
    return this.end + (this.length + 1) * 4 + this.validity.byteLength
  }

  /** Makes room for `rows` more rows of `bytes` bytes in all. Gives the place of their first byte. */
  reserve(rows: number, bytes: number): number {
    const offsets = this.length + rows + 1
    if (offsets > this.offsets.length) {
      this.offsets = grownOffsets(this.offsets, Math.max(offsets, this.offsets.length * 2, this.room.rows + 1))
    }
    const needed = this.end + bytes
    if (needed > this.values.length) {
      if (needed > maxBytes) throw this.tooLarge()
      this.values = grown(this.values, Math.min(maxBytes, Math.max(needed, this.values.length * 2, this.room.bytes)))
      this.text = undefined
    }
    return this.end
  }

  /** Makes `rows` rows that were written directly part of the column. */
  commit(rows: number, end: number, validity: Uint8Array | null = null): void {
    this.length += rows
    this.end = end
    this.validity.append(validity, rows)
  }

  /** One row: `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const size = end - start
    let place = this.reserve(1, size)
    const values = this.values
    if (size < 32) for (let i = start; i < end; i++) values[place++] = bytes[i]!
    else values.set(bytes.subarray(start, end), place)
    this.endRow(this.end + size)
  }

  /** One row of text. Half of a surrogate pair becomes U+FFFD, as UTF-8 has no bytes for it. */
  appendString(text: string): void {
    const { length } = text
    // At most three bytes for each UTF-16 unit; counted only where the guess would cost memory.
    const place = this.reserve(1, length > 65_536 ? Buffer.byteLength(text) : length * 3)
    if (length < 24) {
      const values = this.values
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 127) break
        values[place + i] = code
      }
      if (i === length) {
        this.endRow(place + length)
        return
      }
    }
    this.text ??= Buffer.from(this.values.buffer, this.values.byteOffset, this.values.length)
    this.endRow(place + this.text.write(text, place))
  }

  appendNull(count = 1): void {
    this.reserve(count, 0)
    this.offsets.fill(this.end, this.length + 1, this.length + 1 + count)
    this.length += count
    this.validity.nulls(count)
  }

  finish(): Batch<unknown> {
    const { length, end } = this
    const made = batch(this.type, {
      length,
      ...this.validity.finish(),
      offsets: trimmedOffsets(this.offsets, length + 1),
      values: trimmed(this.values, end),
    })
    this.room = { rows: roomAfter(length), bytes: roomAfter(end) }
    this.length = 0
    this.end = 0
    this.offsets = new Int32Array(1)
    this.values = noBytes
    this.text = undefined
    return made
  }

  private endRow(end: number): void {
    this.end = end
    this.offsets[++this.length] = end
    this.validity.valid(1)
  }

  private tooLarge(): MooringError {
    return new MooringError("TOO_LARGE", `One batch of rows holds more than 2 GiB of ${typeName(this.type)}.`, {
      hint: "Select fewer columns, or fewer rows at a time.",
    })
  }
}
