import { type Column as ArrowColumn, type DataType, Type } from "@uwdata/flechette"
import { type Batch, batch } from "../batch.ts"
import { grown, grownOffsets, trimmed, trimmedOffsets, ValidityBuilder } from "../bitmap.ts"
import type { ColumnBuilder } from "../columns.ts"
import { typeName } from "../types.ts"
import { FixedColumn } from "./fixed.ts"

/**
 * Lists, and maps (lists of key-value structs): append the elements to `child`, then call `append()`.
 *
 * A hot loop writes `reserve(n)`, `offsets[length + i + 1] = end` and `commit(n, validity)` itself.
 */
export class ListColumn implements ColumnBuilder {
  readonly type: DataType
  readonly child: ColumnBuilder
  length = 0
  /** Row `i` is the child's rows from `offsets[i]` to `offsets[i + 1]`. */
  offsets: Int32Array<ArrayBuffer>
  private readonly validity = new ValidityBuilder()

  constructor(type: DataType, child: ColumnBuilder) {
    if (type.typeId !== Type.List && type.typeId !== Type.Map) throw new TypeError(`${typeName(type)} is not a list.`)
    this.type = type
    this.child = child
    this.offsets = new Int32Array(1)
  }

  get byteLength(): number {
    return this.child.byteLength + (this.length + 1) * 4 + this.validity.byteLength
  }

  reserve(count: number): void {
    const needed = this.length + count + 1
    if (needed <= this.offsets.length) return
    this.offsets = grownOffsets(this.offsets, Math.max(needed, this.offsets.length * 2))
  }

  commit(count: number, validity: Uint8Array | null = null): void {
    this.length += count
    this.validity.append(validity, count)
  }

  /** Ends a list: it holds what was appended to `child` since the one before. */
  append(): void {
    this.reserve(1)
    this.offsets[this.length + 1] = this.child.length
    this.commit(1)
  }

  appendNull(count = 1): void {
    this.reserve(count)
    this.offsets.fill(this.child.length, this.length + 1, this.length + 1 + count)
    this.length += count
    this.validity.nulls(count)
  }

  finish(): Batch<unknown> {
    const { length } = this
    const made = batch(this.type, {
      length,
      ...this.validity.finish(),
      offsets: trimmedOffsets(this.offsets, length + 1),
      children: [this.child.finish()],
    })
    this.length = 0
    this.offsets = new Int32Array(1)
    return made
  }
}

/** Lists of one length: append `stride` elements to `child`, then call `append()`. */
export class FixedListColumn implements ColumnBuilder {
  readonly type: DataType
  readonly child: ColumnBuilder
  readonly stride: number
  length = 0
  private readonly validity = new ValidityBuilder()

  constructor(type: DataType, child: ColumnBuilder) {
    if (type.typeId !== Type.FixedSizeList) throw new TypeError(`${typeName(type)} is not a list of one length.`)
    this.type = type
    this.stride = type.stride
    this.child = child
  }

  get byteLength(): number {
    return this.child.byteLength + this.validity.byteLength
  }

  /** `count` rows whose elements are in `child` already; those of a NULL too. */
  commit(count: number, validity: Uint8Array | null = null): void {
    this.length += count
    this.validity.append(validity, count)
  }

  append(): void {
    this.commit(1)
  }

  appendNull(count = 1): void {
    this.child.appendNull(count * this.stride)
    this.length += count
    this.validity.nulls(count)
  }

  finish(): Batch<unknown> {
    const made = batch(this.type, {
      length: this.length,
      ...this.validity.finish(),
      children: [this.child.finish()],
    })
    this.length = 0
    return made
  }
}

/** Structs: append one row to each of `children`, then call `append()`. */
export class StructColumn implements ColumnBuilder {
  readonly type: DataType
  readonly children: readonly ColumnBuilder[]
  length = 0
  private readonly validity = new ValidityBuilder()

  constructor(type: DataType, children: readonly ColumnBuilder[]) {
    this.type = type
    this.children = children
  }

  get byteLength(): number {
    return this.children.reduce((sum, child) => sum + child.byteLength, this.validity.byteLength)
  }

  /** `count` rows that are in `children` already; those of a NULL too. */
  commit(count: number, validity: Uint8Array | null = null): void {
    this.length += count
    this.validity.append(validity, count)
  }

  append(): void {
    this.commit(1)
  }

  appendNull(count = 1): void {
    for (const child of this.children) child.appendNull(count)
    this.length += count
    this.validity.nulls(count)
  }

  finish(): Batch<unknown> {
    const made = batch(this.type, {
      length: this.length,
      ...this.validity.finish(),
      children: this.children.map((child) => child.finish()),
    })
    this.length = 0
    return made
  }
}

/** Unions in the sparse layout: each child has a row for each row, and the type id says which one counts. */
export class UnionColumn implements ColumnBuilder {
  readonly type: DataType
  readonly children: readonly ColumnBuilder[]
  length = 0
  private typeIds: Uint8Array<ArrayBuffer> = new Uint8Array(8)

  constructor(type: DataType, children: readonly ColumnBuilder[]) {
    if (type.typeId !== Type.Union || type.mode !== 0) throw new TypeError(`${typeName(type)} is not a sparse union.`)
    this.type = type
    this.children = children
  }

  get byteLength(): number {
    return this.children.reduce((sum, child) => sum + child.byteLength, this.length)
  }

  /** Rows that are in `children` already, by their type ids. */
  commit(typeIds: Uint8Array, count: number): void {
    const needed = this.length + count
    if (needed > this.typeIds.length) this.typeIds = grown(this.typeIds, Math.max(needed, this.typeIds.length * 2))
    this.typeIds.set(typeIds.subarray(0, count), this.length)
    this.length += count
  }

  append(typeId: number): void {
    this.commit(Uint8Array.of(typeId), 1)
  }

  /** A union has no NULL of its own: it is a NULL of the first child. */
  appendNull(count = 1): void {
    for (const child of this.children) child.appendNull(count)
    const first = this.type.typeId === Type.Union ? this.type.typeIds[0]! : 0
    this.commit(new Uint8Array(count).fill(first), count)
  }

  finish(): Batch<unknown> {
    const { length } = this
    const bytes = trimmed(this.typeIds, length)
    const made = batch(this.type, {
      length,
      nullCount: 0,
      typeIds: new Int8Array(bytes.buffer, bytes.byteOffset, length),
      children: this.children.map((child) => child.finish()),
    })
    this.length = 0
    this.typeIds = new Uint8Array(0)
    return made
  }
}

/** Keys into a list of values that is known from the start, such as the labels of an enumeration. */
export class DictionaryColumn extends FixedColumn {
  private readonly dictionaryType: DataType
  private readonly dictionary: ArrowColumn<unknown>

  /** @param dictionary one and the same for all batches of a column. */
  constructor(type: DataType, dictionary: ArrowColumn<unknown>, capacity = 8) {
    if (type.typeId !== Type.Dictionary) throw new TypeError(`${typeName(type)} is not a dictionary.`)
    super(type.indices, capacity)
    this.dictionaryType = type
    this.dictionary = dictionary
  }

  override finish(): Batch<unknown> {
    const { length, nullCount, validity, values } = super.finish()
    return batch(this.dictionaryType, { length, nullCount, validity, values, dictionary: this.dictionary })
  }
}
