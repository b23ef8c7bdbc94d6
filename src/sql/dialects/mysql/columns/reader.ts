import { MooringError } from "../../../../errors.ts"
import type { ColumnBuilder } from "../../../../tables/columns.ts"
import type { Field } from "../../../../tables/index.ts"

/**
 * Where the fields of some rows lie in a chunk of bytes: field `row * stride + column` begins at `places[…]` and, where
 * its length varies, has `sizes[…]` bytes; a place of -1 is NULL. All of them were checked to lie within their row.
 */
export interface FieldPlaces {
  readonly bytes: Buffer
  readonly view: DataView
  readonly places: Int32Array
  readonly sizes: Int32Array
  readonly count: number
  readonly stride: number
}

/** Wire widths that are no number of bytes: the length stands before the bytes. */
export const lengthCoded = 0
/** As {@link lengthCoded}, in one byte always: dates and times. */
export const lengthByte: number = -1

/** Reads one column: a chunk's rows at a time, from the packets' bytes into the column's buffers. */
export interface ColumnReader {
  readonly builder: ColumnBuilder
  readonly field: Field
  /** Bytes that a value takes in a binary row, or {@link lengthCoded}, {@link lengthByte}. */
  readonly width: number
  read(rows: FieldPlaces, column: number): void
}

const nothing = new Uint8Array(0)
let scratch: Uint8Array = nothing

/** Which of the rows are not NULL, as Arrow's bits, or null where all are. Good until the next call. */
export function validityOf({ places, count, stride }: FieldPlaces, column: number): Uint8Array | null {
  let validity: Uint8Array = nothing
  for (let i = 0, at = column; i < count; i++, at += stride) {
    if (places[at]! >= 0) continue
    if (validity.length === 0) validity = allValid(count)
    validity[i >> 3]! &= ~(1 << (i & 7))
  }
  return validity.length === 0 ? null : validity
}

function allValid(count: number): Uint8Array {
  const size = (count + 7) >> 3
  if (scratch.length < size) scratch = new Uint8Array(size * 2)
  return scratch.fill(255, 0, size)
}

/** The bytes of a row are not the protocol's: nothing that follows can be trusted. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError"

  constructor(what: string) {
    super(`The server sent ${what}, which is not MySQL's protocol.`)
  }
}

/** A field that its type cannot have: the decoder and the server do not agree. */
export function badField(name: string, what: string): MooringError {
  return new MooringError("QUERY", `The server sent ${what} for column ${JSON.stringify(name)}.`, {
    hint: "Cast the column to char in the statement, and please report this: the type is decoded wrongly.",
  })
}

/** A value that is right in MySQL and has no counterpart in the column's Arrow type. */
export function cannotHold(name: string, what: string, hint: string): MooringError {
  return new MooringError("BAD_VALUE", `Column ${JSON.stringify(name)} holds ${what}.`, { hint })
}

/** A column's name as SQL writes it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``
}
