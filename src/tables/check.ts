import { Type } from "@uwdata/flechette"
import type { RawBatch } from "./batch.ts"
import { bit } from "./bitmap.ts"
import { fixedLayout } from "./columns/fixed.ts"
import { childFields, type DataType } from "./types.ts"

/** Beyond it a decimal's text is longer than any number that it can hold. */
const maxScale = 128

/**
 * Checks that nothing in a table points outside of its buffers: not one length, offset, key, view or union member. So
 * every row can be read afterwards, and bytes that were cut off or altered are an error, never half a table.
 *
 * Views, runs and columns without buffers let few bytes stand for very many values. What all of them stand for together
 * is bounded by the bytes that there are.
 */
export class BufferCheck {
  private left: number
  /** Dictionaries are shared by batches. */
  private readonly seen = new Set<RawBatch>()

  /** @param bytes what the table was read from. */
  constructor(bytes: number) {
    this.left = Math.max(2 ** 24, 64 * bytes)
  }

  /** @throws RangeError */
  check(batch: RawBatch): void {
    const { length, type, nullCount } = batch
    if (!Number.isSafeInteger(length) || length < 0 || !(nullCount >= 0 && nullCount <= length)) {
      throw new RangeError("A length is wrong.")
    }
    if (batch.validity?.length > 0) atLeast(batch.validity.length, Math.ceil(length / 8))
    const width = fixedLayout(type)?.width
    if (width !== undefined) {
      atLeast(batch.values.byteLength, length * width)
      if (width === 0) this.spend(length)
    } else this.checkVariable(batch)
    for (const child of childrenOf(batch)) this.check(child)
    for (const values of (batch.dictionary?.data ?? []) as RawBatch[]) {
      if (this.seen.has(values)) continue
      this.seen.add(values)
      this.check(values)
    }
  }

  private checkVariable(batch: RawBatch): void {
    const { length, type } = batch
    switch (type.typeId) {
      case Type.Null:
        this.spend(length)
        break
      case Type.Bool:
        atLeast(batch.values.byteLength, Math.ceil(length / 8))
        break
      case Type.Utf8:
      case Type.LargeUtf8:
      case Type.Binary:
      case Type.LargeBinary:
        checkOffsets(batch, batch.values.byteLength)
        break
      case Type.Utf8View:
      case Type.BinaryView:
        this.checkViews(batch)
        break
      case Type.Map:
        if (onlyChild(batch).type.typeId !== Type.Struct || childrenOf(onlyChild(batch)).length !== 2) {
          throw new RangeError("A map has no keys and values.")
        }
        checkOffsets(batch, onlyChild(batch).length)
        break
      case Type.List:
      case Type.LargeList:
        checkOffsets(batch, onlyChild(batch).length)
        break
      case Type.ListView:
      case Type.LargeListView:
        this.checkListViews(batch, onlyChild(batch).length)
        break
      case Type.FixedSizeList:
        this.spend(type.stride === 0 ? length : 0)
        atLeast(onlyChild(batch).length, length * type.stride)
        break
      case Type.Struct:
        if (childrenOf(batch).length === 0) this.spend(length)
        for (const child of childrenOf(batch)) atLeast(child.length, length)
        break
      case Type.Union:
        checkUnion(batch, type.typeIds, type.mode === 0)
        break
      case Type.Dictionary:
        checkKeys(batch)
        break
      case Type.RunEndEncoded:
        this.spend(length)
        checkRuns(batch)
        break
      default:
        throw new RangeError(`There is no type ${type.typeId}.`)
    }
  }

  private checkViews(batch: RawBatch): void {
    const views = batch.values as Uint8Array
    atLeast(views.byteLength, batch.length * 16)
    const words = new DataView(views.buffer, views.byteOffset, views.byteLength)
    for (let i = 0; i < batch.length; i++) {
      if (isNull(batch, i)) continue
      const size = words.getInt32(i * 16, true)
      if (size < 0) throw new RangeError("A text has a negative length.")
      if (size <= 12) continue
      const start = words.getInt32(i * 16 + 12, true)
      if (start < 0) throw new RangeError("A text begins before its buffer.")
      atLeast(batch.data?.[words.getInt32(i * 16 + 8, true)]?.byteLength ?? -1, start + size)
      this.spend(size)
    }
  }

  private checkListViews(batch: RawBatch, items: number): void {
    const { length, offsets, sizes } = batch
    atLeast(offsets?.length ?? 0, length)
    atLeast(sizes?.length ?? 0, length)
    for (let i = 0; i < length; i++) {
      if (isNull(batch, i)) continue
      const start = Number(offsets![i])
      const size = Number(sizes![i])
      if (start < 0 || size < 0) throw new RangeError("A list is outside of its items.")
      atLeast(items, start + size)
      this.spend(size)
    }
  }

  private spend(values: number): void {
    this.left -= values
    if (this.left < 0) throw new RangeError("Few bytes stand for very many values.")
  }
}

/**
 * Checks what a type says of itself, before a batch is made of it.
 *
 * @throws RangeError
 */
export function checkType(type: DataType): void {
  if ("stride" in type && !(type.stride >= 0)) throw new RangeError("A width is negative.")
  if (type.typeId === Type.Decimal && !(Math.abs(type.scale) <= maxScale)) throw new RangeError("A scale is too large.")
  if (type.typeId === Type.Dictionary) checkType(type.dictionary)
  for (const child of childFields(type)) checkType(child.type)
}

/** Each row ends where the next one begins, inside of `size`. */
function checkOffsets({ length, offsets }: RawBatch, size: number): void {
  if (length === 0) return
  atLeast(offsets?.length ?? 0, length + 1)
  let last = offsets![0]!
  if (last < 0) throw new RangeError("A row begins before its buffer.")
  for (let i = 1; i <= length; i++) {
    const next = offsets![i]!
    if (next < last) throw new RangeError("A row ends before it begins.")
    last = next
  }
  atLeast(size, Number(last))
}

function checkUnion(batch: RawBatch, typeIds: readonly number[], sparse: boolean): void {
  const { length, offsets } = batch
  const children = childrenOf(batch)
  atLeast(batch.typeIds?.length ?? 0, length)
  if (sparse) for (const child of children) atLeast(child.length, length)
  else atLeast(offsets?.length ?? 0, length)
  const members = new Map(typeIds.map((id, i) => [id, children[i]]))
  for (let i = 0; i < length; i++) {
    const child = members.get(batch.typeIds![i]!)
    if (child === undefined) throw new RangeError("A row is of no member of its union.")
    if (sparse) continue
    const place = Number(offsets![i])
    if (place < 0) throw new RangeError("A row is outside of its union.")
    atLeast(child.length, place + 1)
  }
}

function checkKeys(batch: RawBatch): void {
  const { length, values, dictionary } = batch
  atLeast(values.length, length)
  const size = dictionary?.length ?? 0
  for (let i = 0; i < length; i++) {
    const key = values[i]!
    if ((key < 0 || key >= size) && !isNull(batch, i)) throw new RangeError("A key is not in its dictionary.")
  }
}

function checkRuns(batch: RawBatch): void {
  const [ends, runs] = childrenOf(batch)
  if (ends === undefined || runs === undefined || ends.type.typeId !== Type.Int)
    throw new RangeError("There are no runs.")
  atLeast(ends.values.length, ends.length)
  atLeast(runs.length, ends.length)
  let last = 0
  for (let i = 0; i < ends.length; i++) {
    const end = Number(ends.values[i])
    if (end <= last) throw new RangeError("A run ends before it begins.")
    last = end
  }
  atLeast(last, batch.length)
}

function isNull(batch: RawBatch, row: number): boolean {
  return batch.nullCount > 0 && batch.validity?.length > 0 && !bit(batch.validity, row)
}

function childrenOf(batch: RawBatch): readonly RawBatch[] {
  return (batch.children ?? []) as RawBatch[]
}

function onlyChild(batch: RawBatch): RawBatch {
  const children = childrenOf(batch)
  if (children.length !== 1) throw new RangeError("A list has no items.")
  return children[0]!
}

function atLeast(size: number, needed: number): void {
  if (!(size >= needed)) throw new RangeError(`A buffer has ${size} where ${needed} are needed.`)
}
