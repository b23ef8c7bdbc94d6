import { Type } from "@uwdata/flechette"
import type { RawBatch } from "./batch.ts"
import { fixedLayout } from "./columns/fixed.ts"

/**
 * Checks that buffers are as long as their batch says, so that bytes that were cut off are an error and not half a table.
 * Looks at each buffer once, not at each value.
 *
 * @throws RangeError
 */
export function checkBuffers(batch: RawBatch): void {
  const { length, type } = batch
  if (!(length >= 0) || !(batch.nullCount >= 0 && batch.nullCount <= length)) throw new RangeError("A length is wrong.")
  if (batch.validity?.length > 0) atLeast(batch.validity.length, (length + 7) >> 3)
  const width = fixedLayout(type)?.width
  if (width !== undefined) atLeast(batch.values.byteLength, length * width)
  else if (type.typeId === Type.Bool) atLeast(batch.values.byteLength, (length + 7) >> 3)
  else if (type.typeId === Type.Dictionary) atLeast(batch.values.length, length)
  else if (batch.offsets != null) checkOffsets(batch)
  else if (batch.typeIds !== undefined) atLeast(batch.typeIds.length, length)
  else if (batch.data !== undefined) atLeast(batch.values.byteLength, length * 16)
  const rows = childRows(batch)
  for (const child of (batch.children ?? []) as RawBatch[]) {
    atLeast(child.length, rows)
    checkBuffers(child)
  }
  for (const values of (batch.dictionary?.data ?? []) as RawBatch[]) checkBuffers(values)
}

function checkOffsets({ type, length, offsets, sizes, values, children }: RawBatch): void {
  if (type.typeId === Type.Union || sizes != null) {
    atLeast(offsets.length, length)
    return
  }
  if (length === 0) return
  atLeast(offsets.length, length + 1)
  atLeast(values?.length ?? children[0]!.length, Number(offsets[length]))
}

/** How many rows each child has at least. */
function childRows({ type, length }: RawBatch): number {
  if (type.typeId === Type.Struct || (type.typeId === Type.Union && type.mode === 0)) return length
  return type.typeId === Type.FixedSizeList ? length * type.stride : 0
}

function atLeast(size: number, needed: number): void {
  if (size < needed) throw new RangeError(`A buffer has ${size} where ${needed} are needed.`)
}
