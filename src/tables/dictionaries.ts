import { Column as ArrowColumn, type DataType, type Field, int32, Type } from "@uwdata/flechette"
import { batch, type RawBatch } from "./batch.ts"
import { bit } from "./bitmap.ts"
import { childFields, type Schema } from "./types.ts"

/**
 * The same columns with one dictionary each. Batches from several tables, or from a stream that replaced its dictionary,
 * have several; in IPC the batches of a column share one.
 */
export function unifyDictionaries(
  schema: Schema,
  columns: readonly (readonly RawBatch[])[],
): { schema: Schema; columns: readonly (readonly RawBatch[])[] } {
  if (!columns.some((batches) => needsUnifying(batches))) return { schema, columns }
  const unified = columns.map((batches, i) => unify(schema.fields[i]!.type, batches))
  const fields = schema.fields.map((field, i): Field => ({ ...field, type: unified[i]!.type }))
  return { schema: { ...schema, fields }, columns: unified.map(({ batches }) => batches) }
}

function needsUnifying(batches: readonly RawBatch[]): boolean {
  const first = batches[0]
  if (first === undefined) return false
  if (first.dictionary !== undefined && needsUnifying(first.dictionary.data as RawBatch[])) return true
  if (batches.some((part) => part.dictionary !== first.dictionary)) return true
  return (first.children ?? []).some((_, i) => needsUnifying(childBatches(batches, i)))
}

function childBatches(batches: readonly RawBatch[], i: number): RawBatch[] {
  return batches.map((part) => part.children[i] as RawBatch)
}

interface Unified {
  type: DataType
  batches: readonly RawBatch[]
}

function unify(type: DataType, batches: readonly RawBatch[]): Unified {
  if (!needsUnifying(batches)) return { type, batches }
  if (type.typeId === Type.Dictionary) return unifyKeys(type, batches)
  const fields = "children" in type ? type.children : []
  const children = fields.map((field, i) => unify(field.type, childBatches(batches, i)))
  const changed = {
    ...type,
    children: fields.map((field, i) => ({ ...field, type: children[i]!.type })),
  } as DataType
  return {
    type: changed,
    batches: batches.map((part, b) =>
      rebuilt(
        changed,
        part,
        children.map((child) => child.batches[b]!),
      ),
    ),
  }
}

function rebuilt(type: DataType, part: RawBatch, children: RawBatch[]): RawBatch {
  return batch(type, { ...part, children }) as RawBatch
}

/** All dictionaries one after the other, and keys that count from the beginning of the first. */
function unifyKeys(type: DataType & { typeId: -1 }, batches: readonly RawBatch[]): Unified {
  const firstKey = new Map<object, number>()
  const values: RawBatch[] = []
  let length = 0
  for (const { dictionary } of batches) {
    if (dictionary === undefined || firstKey.has(dictionary)) continue
    firstKey.set(dictionary, length)
    values.push(...(dictionary.data as RawBatch[]))
    length += dictionary.length
  }
  const changed: DataType = { ...type, indices: int32() }
  const inner = unify(type.dictionary, values)
  const dictionary = new ArrowColumn<unknown>([...inner.batches], { ...inner.type })
  const shifted = batches.map((part) => {
    const shift = firstKey.get(part.dictionary!)!
    const keys = new Int32Array(part.length)
    // The key of a NULL may be anything: it must not become a key beyond the end.
    for (let i = 0; i < keys.length; i++) {
      keys[i] = part.nullCount > 0 && !bit(part.validity, i) ? 0 : Number(part.values[i]) + shift
    }
    const { length, nullCount, validity } = part
    return batch(changed, { length, nullCount, validity, values: keys, dictionary }) as RawBatch
  })
  return { type: changed, batches: shifted }
}

/**
 * The type with the very type objects that the batch's dictionaries have: flechette's writer finds the id of a dictionary
 * by them. A dictionary of lists or structs also gets their fields, which the writer looks for there.
 */
export function withDictionaryTypes(type: DataType, part: RawBatch | undefined): DataType {
  if (type.typeId === Type.Dictionary) {
    const dictionary = part?.dictionary?.type ?? type.dictionary
    const values = part?.dictionary?.data[0] as RawBatch | undefined
    const children = childTypes(dictionary, values)
    return { ...type, dictionary, ...(children.length > 0 && { children }) } as DataType
  }
  return "children" in type ? ({ ...type, children: childTypes(type, part) } as DataType) : type
}

function childTypes(type: DataType, part: RawBatch | undefined): Field[] {
  return childFields(type).map((field, i) => {
    return { ...field, type: withDictionaryTypes(field.type, part?.children[i] as RawBatch | undefined) }
  })
}
