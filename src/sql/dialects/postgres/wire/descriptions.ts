import { headerBytes, ProtocolError, type Source } from "./framer.ts"
import type { Format } from "./messages.ts"

/** One column of a result, as RowDescription has it. */
export interface FieldDescription {
  readonly name: string
  /** The type's object id. Of a domain, the server gives the type beneath. */
  readonly typeId: number
  /** What stands in brackets behind the type's name; -1 for nothing. */
  readonly modifier: number
  readonly format: Format
}

/** A RowDescription. */
export function readFields({ bytes, view }: Source, start: number, end: number): FieldDescription[] {
  let place = start + headerBytes
  const count = int16(view, place, end)
  place += 2
  const fields: FieldDescription[] = []
  for (let i = 0; i < count; i++) {
    const zero = bytes.indexOf(0, place)
    // Behind the name: table, column, type, size, modifier, format.
    if (zero < 0 || zero + 19 > end) throw new ProtocolError("a description that ends early")
    const name = bytes.toString("utf8", place, zero)
    const format = view.getInt16(zero + 17)
    if (format !== 0 && format !== 1) throw new ProtocolError("a column of an unknown format")
    fields.push({
      name,
      typeId: view.getUint32(zero + 7),
      modifier: view.getInt32(zero + 13),
      format,
    })
    place = zero + 19
  }
  if (place !== end) throw new ProtocolError("a description that does not end where its columns do")
  return fields
}

/** A ParameterDescription: the type of each parameter. */
export function readParameters({ view }: Source, start: number, end: number): number[] {
  const place = start + headerBytes
  const count = int16(view, place, end)
  if (place + 2 + count * 4 !== end) throw new ProtocolError("a description that ends early")
  return Array.from({ length: count }, (_, i) => view.getUint32(place + 2 + i * 4))
}

/** A CommandComplete: `SELECT 3`, `INSERT 0 1`, `CREATE TABLE`. */
export function readTag({ bytes }: Source, start: number, end: number): string {
  return bytes.toString("utf8", start + headerBytes, end - 1)
}

/** Whether the last field of a row, as text, is a true boolean. */
export function endsWithTrue({ bytes }: Source, end: number): boolean {
  return bytes[end - 1] === 0x74
}

/** The rows that a command's tag tells of. */
export function rowsOfTag(tag: string): number {
  const last = tag.slice(tag.lastIndexOf(" ") + 1)
  return Number(last) || 0
}

function int16(view: DataView, place: number, end: number): number {
  if (place + 2 > end) throw new ProtocolError("a description that ends early")
  return view.getUint16(place)
}
