import { isUtf8 } from "node:buffer"
import type { DataType } from "@uwdata/flechette"
import { MooringError } from "../../../../errors.ts"
import { VariableColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import type { Source } from "../wire/framer.ts"
import { type ColumnReader, type FieldPlaces, validityOf } from "./reader.ts"

/** Texts and bytes, copied as they come. */
export class BytesReader implements ColumnReader {
  readonly builder: VariableColumn
  readonly field: Field

  constructor(name: string, type: DataType, extension: string | undefined) {
    this.builder = new VariableColumn(type)
    this.field = field(name, type, extension === undefined ? {} : { extension })
  }

  read(rows: FieldPlaces, column: number): void {
    const { source, places, count, stride } = rows
    const { view } = source
    const { builder } = this
    const validity = validityOf(rows, column, -1, this.field.name)
    let total = 0
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) total += view.getInt32(place - 4)
    }
    let end = builder.reserve(count, total)
    const { offsets, values } = builder
    const target = new DataView(values.buffer)
    let row = builder.length + 1
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) {
        const size = view.getInt32(place - 4)
        copyBytes(source, place, size, target, values, end)
        end += size
      }
      offsets[row++] = end
    }
    builder.commit(count, end, validity)
  }
}

/** Texts of a session whose `client_encoding` was changed: only UTF-8 is let in, since Arrow has no other. */
export class CheckedTextReader extends BytesReader {
  override read(rows: FieldPlaces, column: number): void {
    const { source, places, count, stride } = rows
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) continue
      const size = source.view.getInt32(place - 4)
      if (!isUtf8(source.bytes.subarray(place, place + size))) throw notUtf8(this.field.name)
    }
    super.read(rows, column)
  }
}

function notUtf8(name: string): MooringError {
  return new MooringError("BAD_VALUE", `Column ${JSON.stringify(name)} holds text that is not UTF-8.`, {
    hint: "The session's client_encoding was changed: reset client_encoding.",
  })
}

/** Short texts are the rule: copying words is faster there than a call into the runtime. */
function copyBytes(from: Source, place: number, size: number, to: DataView, values: Uint8Array, at: number): void {
  const { bytes, view } = from
  if (size > 64) bytes.copy(values, at, place, place + size)
  else if (size >= 4) {
    // The last word may have bytes in common with the one before.
    const last = size - 4
    for (let i = 0; i < last; i += 4) to.setInt32(at + i, view.getInt32(place + i))
    to.setInt32(at + last, view.getInt32(place + last))
  } else {
    for (let i = 0; i < size; i++) values[at + i] = bytes[place + i]!
  }
}
