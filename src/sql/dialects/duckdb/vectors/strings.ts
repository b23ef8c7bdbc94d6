import type { VariableColumn } from "../../../../tables/columns.ts"
import type { Bindings, VectorHandle } from "../driver.ts"
import { isValid, type Validity, type VectorReader, validityOf, validityRange } from "./reader.ts"

/** `duckdb_string_t`: a length of 4 bytes, then the bytes themselves if they are 12 or fewer, else 4 and a pointer. */
const stringBytes = 16
const inlineBytes = 12

/** How much one call fetches at most: what is fetched exists twice for a moment. */
const runBytes = 4 << 20

/**
 * Text and bytes.
 *
 * Each pointer that is followed is a native call of some microseconds, but neighbours in a chunk are nearly always
 * neighbours in memory: where one string ends the next begins. So a whole run of them is read by one call. Strings of
 * up to 12 bytes lie in the vector itself and do not interrupt a run.
 */
export class StringReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: VariableColumn
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  private words: Uint32Array = new Uint32Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: VariableColumn) {
    this.bindings = bindings
    this.column = column
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    this.bytes = this.bindings.vector_get_data(vector, rows * stringBytes)
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, rows * 4)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    const { column, validity } = this
    let end = column.reserve(count, this.textBytes(from, count))
    for (let i = from; i < from + count; ) {
      const run = this.runFrom(i, from + count)
      end = run.bytes === 0 ? this.copyInline(i, run.next, from, end) : this.copyRun(i, run, from, end)
      i = run.next
    }
    column.commit(count, end, validityRange(validity, from, count))
  }

  textBytes(from: number, count: number): number {
    const { words, validity } = this
    let total = 0
    for (let i = from; i < from + count; i++) if (isValid(validity, i)) total += words[i * 4]!
    return total
  }

  /** The rows from `start` on whose bytes outside the vector follow each other without a gap. */
  private runFrom(start: number, limit: number): Run {
    const { words, validity } = this
    let bytes = 0
    let first = start
    let expected = 0
    let plain = true
    let i = start
    for (; i < limit; i++) {
      const length = words[i * 4]!
      if (!isValid(validity, i)) continue
      if (length <= inlineBytes) {
        if (length > 0) plain = false
        continue
      }
      const address = words[i * 4 + 2]! + words[i * 4 + 3]! * 2 ** 32
      if (bytes === 0) first = i
      else if (address !== expected || bytes + length > runBytes) break
      bytes += length
      expected = address + length
    }
    return { bytes, first, next: i, plain }
  }

  private copyInline(start: number, next: number, from: number, at: number): number {
    const { column, words, bytes, validity } = this
    const { values, offsets } = column
    const row = column.length + 1 - from
    let end = at
    for (let i = start; i < next; i++) {
      if (isValid(validity, i)) {
        const source = i * stringBytes + 4
        const length = words[i * 4]!
        for (let k = 0; k < length; k++) values[end + k] = bytes[source + k]!
        end += length
      }
      offsets[row + i] = end
    }
    return end
  }

  private copyRun(start: number, run: Run, from: number, at: number): number {
    const { column, words, bytes, validity } = this
    const { values, offsets } = column
    const row = column.length + 1 - from
    const pointer = bytes.byteOffset + run.first * stringBytes + 8
    const fetched = this.bindings.get_data_from_pointer(bytes.buffer, pointer, run.bytes)
    if (run.plain) values.set(fetched, at)
    let end = at
    let taken = 0
    for (let i = start; i < run.next; i++) {
      if (isValid(validity, i)) {
        const length = words[i * 4]!
        if (!run.plain) {
          const inline = length <= inlineBytes
          const source = inline ? bytes : fetched
          const first = inline ? i * stringBytes + 4 : taken
          if (length < 48) for (let k = 0; k < length; k++) values[end + k] = source[first + k]!
          else values.set(source.subarray(first, first + length), end)
          if (!inline) taken += length
        }
        end += length
      }
      offsets[row + i] = end
    }
    return end
  }
}

interface Run {
  /** Bytes outside the vector. */
  readonly bytes: number
  /** The row whose pointer is the run's beginning. */
  readonly first: number
  readonly next: number
  /** Without strings that lie in the vector: all bytes can be copied at once. */
  readonly plain: boolean
}

/** Values that are bytes in DuckDB and text in Arrow: BIT, BIGNUM. */
export class BytesAsTextReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: VariableColumn
  private readonly toText: (bytes: Uint8Array) => string
  private bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: VariableColumn, toText: (bytes: Uint8Array) => string) {
    this.bindings = bindings
    this.column = column
    this.toText = toText
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    this.bytes = this.bindings.vector_get_data(vector, rows * stringBytes)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    for (let i = from; i < from + count; i++) {
      if (isValid(this.validity, i)) this.column.appendString(this.toText(this.value(i)))
      else this.column.appendNull()
    }
  }

  private value(row: number): Uint8Array {
    const { bytes } = this
    const at = bytes.byteOffset + row * stringBytes
    const length = new DataView(bytes.buffer).getUint32(at, true)
    if (length <= inlineBytes) return new Uint8Array(bytes.buffer, at + 4, length)
    return this.bindings.get_data_from_pointer(bytes.buffer, at + 8, length)
  }
}
