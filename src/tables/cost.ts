import type { RawBatch } from "./batch.ts"
import type { Table } from "./table.ts"

/** The objects around the buffers, in bytes of V8's heap, as measured: of a table, of a column, of a batch. */
const perTable = 600
const perColumn = 900
const perBatch = 600
/** V8 keeps typed arrays up to this size inside the heap, and makes a buffer of its own only for those who ask for it. */
const insideHeap = 64

/**
 * About how many bytes a table occupies: its objects, those that readers make, and the whole of every buffer behind it,
 * also where it shows a part only. `byteLength` counts what it shows.
 */
export function tableCost(table: Table): number {
  const buffers = new Set<ArrayBufferLike>()
  const dictionaries = new Set<object>()
  let bytes = perTable
  const addBuffer = (view: ArrayBufferView): void => {
    if (view.byteLength <= insideHeap && view.byteOffset === 0) {
      bytes += view.byteLength
      return
    }
    if (buffers.has(view.buffer)) return
    buffers.add(view.buffer)
    bytes += view.buffer.byteLength
  }
  const addBatch = (part: RawBatch): void => {
    bytes += perBatch
    for (const view of [part.validity, part.values, part.offsets, part.sizes, part.typeIds, ...(part.data ?? [])]) {
      if (view !== undefined) addBuffer(view as ArrayBufferView)
    }
    part.children?.forEach(addBatch as (child: unknown) => void)
    if (part.dictionary === undefined || dictionaries.has(part.dictionary)) return
    dictionaries.add(part.dictionary)
    part.dictionary.data.forEach(addBatch as (child: unknown) => void)
  }
  for (const { name, batches } of table.columns) {
    bytes += perColumn + 2 * name.length
    batches.forEach(addBatch)
  }
  return bytes
}
