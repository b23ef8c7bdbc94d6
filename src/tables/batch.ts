import { type Column as ArrowColumn, Batch, batchType, type DataType, type TypedArray } from "@uwdata/flechette"
import { noBytes } from "./bitmap.ts"

export { Batch }

/** The buffers of one batch of one column, in Arrow's layout. What a type does not have is left out. */
export interface BatchParts {
  length: number
  nullCount: number
  /** One bit a row, 1 = valid; may be empty where nothing is NULL. */
  validity?: Uint8Array
  values?: TypedArray
  offsets?: Int32Array | BigInt64Array
  sizes?: Int32Array | BigInt64Array
  children?: Batch<unknown>[]
  /** Unions: which child a row is of. */
  typeIds?: Int8Array
  /** View types: the buffers that views point into. */
  data?: Uint8Array[]
  /** Dictionaries: the values that the keys stand for. */
  dictionary?: ArrowColumn<unknown>
}

/** A batch and the parts that only some of flechette's batches have. */
export type RawBatch = Batch<unknown> & Pick<BatchParts, "typeIds" | "data" | "dictionary">

/** How flechette gives values without loss; without it, a large integer in a dictionary throws at once. */
export const exactly = { useBigInt: true, useBigIntTimestamp: true, useDecimalInt: true } as const

/** One batch over these buffers, without copying them. */
export function batch(type: DataType, parts: BatchParts): Batch<unknown> {
  const Class = batchType(type, exactly) as new (parts: object) => Batch<unknown>
  // It takes what it knows of these, and `dictionary` apart.
  const made = new Class({ ...parts, type, validity: parts.validity ?? noBytes })
  const { dictionary } = parts
  if (dictionary !== undefined) {
    // Not by setDictionary(), which decodes all of its values at once.
    Object.defineProperty(made, "dictionary", { value: dictionary, enumerable: true })
    Object.defineProperty(made, "cache", { get: () => dictionary.cache() })
  }
  return made
}

/** The bytes of all buffers of these batches; a dictionary that several share counts once. */
export function bytesOf(batches: readonly RawBatch[]): number {
  const dictionaries = new Set<object>()
  let bytes = 0
  const add = (part: RawBatch): void => {
    for (const buffer of [part.validity, part.values, part.offsets, part.sizes, part.typeIds, ...(part.data ?? [])]) {
      bytes += buffer?.byteLength ?? 0
    }
    part.children?.forEach(add)
    if (part.dictionary !== undefined && !dictionaries.has(part.dictionary)) {
      dictionaries.add(part.dictionary)
      part.dictionary.data.forEach(add)
    }
  }
  batches.forEach(add)
  return bytes
}
