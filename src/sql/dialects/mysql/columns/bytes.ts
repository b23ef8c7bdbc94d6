import { isUtf8 } from "node:buffer"
import { binary, utf8 } from "@uwdata/flechette"
import { VariableColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { badField, type ColumnReader, cannotHold, type FieldPlaces, lengthCoded, quoted, validityOf } from "./reader.ts"

/** Bytes, copied as they come. */
export class BytesReader implements ColumnReader {
  readonly builder: VariableColumn
  readonly field: Field
  readonly width: number = lengthCoded
  /** Bytes at the beginning of each value that are not part of it. */
  private readonly skip: number

  constructor(name: string, options: { text?: boolean; extension?: string; skip?: number } = {}) {
    const type = options.text === true ? utf8() : binary()
    this.builder = new VariableColumn(type)
    this.field = field(name, type, options.extension === undefined ? {} : { extension: options.extension })
    this.skip = options.skip ?? 0
  }

  read(rows: FieldPlaces, column: number): void {
    const { bytes, view, places, sizes, count, stride } = rows
    const { builder, skip } = this
    const validity = validityOf(rows, column)
    let total = 0
    for (let i = 0, at = column; i < count; i++, at += stride) {
      if (places[at]! < 0) continue
      if (sizes[at]! < skip) throw badField(this.field.name, `${sizes[at]} bytes`)
      total += sizes[at]! - skip
    }
    let end = builder.reserve(count, total + overrun)
    const { offsets, values } = builder
    const target = new DataView(values.buffer)
    let row = builder.length + 1
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) {
        const size = sizes[at]! - skip
        copyBytes(bytes, view, place + skip, size, target, values, end)
        end += size
      }
      offsets[row++] = end
    }
    builder.commit(count, end, validity)
  }
}

/** Texts, which the server sends as UTF-8 unless the session's `character_set_results` was changed. */
export class TextReader extends BytesReader {
  constructor(name: string, extension?: string) {
    super(name, extension === undefined ? { text: true } : { text: true, extension })
  }

  override read(rows: FieldPlaces, column: number): void {
    const { builder } = this
    const first = builder.length
    const start = builder.end
    super.read(rows, column)
    const { offsets, values, length, end } = builder
    if (!isUtf8(values.subarray(start, end))) throw this.notUtf8()
    // All rows together are UTF-8; each is, too, if none begins in the middle of a character.
    for (let row = first; row < length; row++) {
      const place = offsets[row]!
      if (place < offsets[row + 1]! && (values[place]! & 0xc0) === 0x80) throw this.notUtf8()
    }
  }

  private notUtf8(): Error {
    const { name } = this.field
    return cannotHold(name, "text that is not UTF-8", `Select its bytes: cast(${quoted(name)} as binary).`)
  }
}

/** So many bytes behind a value may be written before the next one is. */
const overrun = 7

/**
 * Short texts are the rule: copying words is faster there than a call into the runtime. The last word may take bytes along
 * that belong to what follows.
 */
function copyBytes(
  bytes: Buffer,
  view: DataView,
  place: number,
  size: number,
  to: DataView,
  values: Uint8Array,
  at: number,
): void {
  if (size > 64) {
    bytes.copy(values, at, place, place + size)
    return
  }
  if (place + size + overrun <= bytes.length) {
    for (let i = 0; i < size; i += 8) to.setBigInt64(at + i, view.getBigInt64(place + i))
    return
  }
  for (let i = 0; i < size; i++) values[at + i] = bytes[place + i]!
}
