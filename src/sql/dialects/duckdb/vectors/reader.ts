import { copyBits } from "../../../../tables/bitmap.ts"
import type { Bindings, VectorHandle } from "../driver.ts"

/**
 * Reads the vectors of one column, chunk after chunk, into a column of a table.
 *
 * Two steps, because the rows of a list lie anywhere in its child's vector: `load` takes the memory once, `append` any
 * part of it.
 */
export interface VectorReader {
  /** @param outer the validity of the struct or array that this vector is a part of; null where all are valid. */
  load(vector: VectorHandle, rows: number, outer: Validity): void
  append(from: number, count: number): void
  /** How many bytes of text or binary these rows have, for who can tell before they are copied. */
  textBytes?(from: number, count: number): number
}

/** One bit a row, 1 = valid; null where all are. */
export type Validity = Uint8Array | null

/** Which rows of the vector may be looked at. What lies under a NULL means nothing, and may be a stray pointer. */
export function validityOf(bindings: Bindings, vector: VectorHandle, rows: number, outer: Validity): Validity {
  const own = bindings.vector_get_validity(vector, ((rows + 63) >> 6) * 8)
  if (own === null || outer === null) return own ?? outer
  return own.map((byte, i) => byte & (outer[i] ?? 0))
}

/** The bits of `count` rows from `from` on. */
export function validityRange(validity: Validity, from: number, count: number): Validity {
  if (validity === null || from === 0) return validity
  const bits = new Uint8Array((count + 7) >> 3)
  copyBits(bits, 0, validity, from, count)
  return bits
}

export function isValid(validity: Validity, row: number): boolean {
  return validity === null || (validity[row >> 3]! & (1 << (row & 7))) !== 0
}
