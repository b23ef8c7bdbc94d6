import { MooringError } from "../../../../errors.ts"
import type { ColumnBuilder } from "../../../../tables/columns.ts"
import type { Field } from "../../../../tables/index.ts"
import type { Source } from "../wire/framer.ts"

/**
 * Where the fields of some rows lie in a chunk of the socket: `places[row * stride + column]` is the first byte of a
 * field, whose length stands in the four bytes before; -1 is NULL. All places were checked to lie within their row.
 */
export interface FieldPlaces {
  readonly source: Source
  readonly places: Int32Array
  readonly count: number
  readonly stride: number
}

/** Reads one column: a chunk's rows at a time, from the socket's bytes into the column's buffers. */
export interface ColumnReader {
  readonly builder: ColumnBuilder
  /** The column's name and type; what an array's dimensions are is known only after its first value. */
  readonly field: Field
  read(rows: FieldPlaces, column: number): void
}

const nothing = new Uint8Array(0)
let scratch: Uint8Array = nothing

/**
 * Which of the rows are not NULL, as Arrow's bits, or null where all are. Good until the next call.
 *
 * @param width the length that every field must have; -1: any.
 */
export function validityOf(rows: FieldPlaces, column: number, width: number, name: string): Uint8Array | null {
  const { places, count, stride } = rows
  const { view } = rows.source
  let validity: Uint8Array = nothing
  for (let i = 0, at = column; i < count; i++, at += stride) {
    const place = places[at]!
    if (place < 0) {
      if (validity.length === 0) validity = allValid(count)
      validity[i >> 3]! &= ~(1 << (i & 7))
    } else if (width >= 0 && view.getInt32(place - 4) !== width) {
      throw badField(name, `${view.getInt32(place - 4)} bytes instead of ${width}`)
    }
  }
  return validity.length === 0 ? null : validity
}

function allValid(count: number): Uint8Array {
  const size = (count + 7) >> 3
  if (scratch.length < size) scratch = new Uint8Array(size * 2)
  return scratch.fill(255, 0, size)
}

/** A field that its type cannot have: the decoder and the server do not agree. */
export function badField(name: string, what: string): MooringError {
  return new MooringError("QUERY", `The server sent ${what} for column ${JSON.stringify(name)}.`, {
    hint: `Cast the column to text, and please report this: the type is decoded wrongly.`,
  })
}

/** A value that is right in PostgreSQL and has no counterpart in the column's Arrow type. */
export function cannotHold(name: string, what: string): MooringError {
  return new MooringError("BAD_VALUE", `Column ${JSON.stringify(name)} holds ${what}.`, {
    hint: `Cast it to text in the statement: ${JSON.stringify(name)}::text.`,
  })
}
