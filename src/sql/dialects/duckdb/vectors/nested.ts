import { MooringError } from "../../../../errors.ts"
import type { FixedListColumn, ListColumn, StructColumn, UnionColumn } from "../../../../tables/columns.ts"
import type { Bindings, VectorHandle } from "../driver.ts"
import { isValid, type Validity, type VectorReader, validityOf, validityRange } from "./reader.ts"

/** LIST, and MAP, which is a list of key-value structs: 16 bytes a row say where in the child's vector its part lies. */
export class ListReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: ListColumn
  private readonly child: VectorReader
  private words: Uint32Array = new Uint32Array(0)
  private validity: Validity = null

  constructor(bindings: Bindings, column: ListColumn, child: VectorReader) {
    this.bindings = bindings
    this.column = column
    this.child = child
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const bytes = this.bindings.vector_get_data(vector, rows * 16)
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, rows * 4)
    this.validity = validityOf(this.bindings, vector, rows, outer)
    this.child.load(this.bindings.list_vector_get_child(vector), this.bindings.list_vector_get_size(vector), null)
  }

  append(from: number, count: number): void {
    const { column, words, validity } = this
    column.reserve(count)
    let end = column.child.length
    // Neighbouring rows nearly always have neighbouring parts: those are taken together.
    let start = 0
    let next = 0
    for (let i = 0; i < count; i++) {
      const at = (from + i) * 4
      const length = words[at + 2]!
      if (isValid(validity, from + i) && length > 0) {
        const offset = words[at]! + words[at + 1]! * 2 ** 32
        if (offset !== next) {
          this.child.append(start, next - start)
          start = offset
        }
        next = offset + length
        end += length
      }
      column.offsets[column.length + i + 1] = end
    }
    if (end >= 2 ** 31) throw tooLong()
    this.child.append(start, next - start)
    column.commit(count, validityRange(validity, from, count))
  }
}

function tooLong(): MooringError {
  return new MooringError("TOO_LARGE", "The lists of one batch of rows hold more than 2,147,483,647 values.", {
    hint: "Select fewer rows at a time.",
  })
}

/** ARRAY: lists of one length, in the child's vector one after the other. */
export class ArrayReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: FixedListColumn
  private readonly child: VectorReader
  private validity: Validity = null

  constructor(bindings: Bindings, column: FixedListColumn, child: VectorReader) {
    this.bindings = bindings
    this.column = column
    this.child = child
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const { stride } = this.column
    this.validity = validityOf(this.bindings, vector, rows, outer)
    const inner = this.validity === null ? null : repeatBits(this.validity, rows, stride)
    this.child.load(this.bindings.array_vector_get_child(vector), rows * stride, inner)
  }

  append(from: number, count: number): void {
    const { stride } = this.column
    this.child.append(from * stride, count * stride)
    this.column.commit(count, validityRange(this.validity, from, count))
  }
}

function repeatBits(bits: Uint8Array, rows: number, times: number): Uint8Array {
  // Whole words, as the driver's bitmaps have.
  const repeated = new Uint8Array(((rows * times + 63) >> 6) * 8)
  for (let i = 0; i < rows * times; i++) {
    if (isValid(bits, Math.floor(i / times))) repeated[i >> 3]! |= 1 << (i & 7)
  }
  return repeated
}

/** STRUCT: a vector for each field. */
export class StructReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: StructColumn
  private readonly children: readonly VectorReader[]
  private validity: Validity = null

  constructor(bindings: Bindings, column: StructColumn, children: readonly VectorReader[]) {
    this.bindings = bindings
    this.column = column
    this.children = children
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const validity = validityOf(this.bindings, vector, rows, outer)
    this.validity = validity
    this.children.forEach((child, i) => {
      child.load(this.bindings.struct_vector_get_child(vector, i), rows, validity)
    })
  }

  append(from: number, count: number): void {
    for (const child of this.children) child.append(from, count)
    this.column.commit(count, validityRange(this.validity, from, count))
  }
}

/** UNION: a struct whose first field says which of the others counts. */
export class UnionReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: UnionColumn
  private readonly members: readonly VectorReader[]
  private tags: Uint8Array = new Uint8Array(0)

  constructor(bindings: Bindings, column: UnionColumn, members: readonly VectorReader[]) {
    this.bindings = bindings
    this.column = column
    this.members = members
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const { bindings } = this
    const whole = validityOf(bindings, vector, rows, outer)
    const tagVector = bindings.struct_vector_get_child(vector, 0)
    const validity = validityOf(bindings, tagVector, rows, whole)
    // Arrow has no NULL for a union as a whole: it is a NULL of the first member.
    this.tags = bindings.vector_get_data(tagVector, rows).map((tag, i) => (isValid(validity, i) ? tag : 0))
    this.members.forEach((member, i) => {
      member.load(bindings.struct_vector_get_child(vector, i + 1), rows, validity)
    })
  }

  append(from: number, count: number): void {
    for (const member of this.members) member.append(from, count)
    this.column.commit(this.tags.subarray(from, from + count), count)
  }
}
