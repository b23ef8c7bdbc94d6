import { uint64 } from "@uwdata/flechette"
import { type FixedColumn, NullColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { FixedReader } from "./fixed.ts"
import { badField, type ColumnReader, type FieldPlaces, lengthCoded } from "./reader.ts"

/** `bit(1)` to `bit(64)`: on the wire one to eight bytes, the greatest first. */
export class BitReader extends FixedReader {
  constructor(name: string) {
    super(name, uint64(), lengthCoded)
  }

  protected copy({ bytes, places, sizes, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const halves = new Int32Array(target.bytes.buffer)
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      const size = sizes[at]!
      if (size > 8) throw badField(this.field.name, `${size} bytes of bits`)
      let low = 0
      let high = 0
      for (let k = place; k < place + size; k++) {
        high = (high << 8) | (low >>> 24)
        low = (low << 8) | bytes[k]!
      }
      halves[to] = low
      halves[to + 1] = high
    }
  }
}

/** A column that is NULL in all rows: `select null`. */
export class NullReader implements ColumnReader {
  readonly builder: NullColumn = new NullColumn()
  readonly field: Field
  readonly width: number = lengthCoded

  constructor(name: string) {
    this.field = field(name, this.builder.type)
  }

  read({ places, count, stride }: FieldPlaces, column: number): void {
    for (let i = 0, at = column; i < count; i++, at += stride) {
      if (places[at]! >= 0) throw badField(this.field.name, "a value of the type of NULL")
    }
    this.builder.appendNull(count)
  }
}
