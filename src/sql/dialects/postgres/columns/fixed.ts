import { bool, type DataType } from "@uwdata/flechette"
import { BoolColumn, FixedColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { type ColumnReader, type FieldPlaces, validityOf } from "./reader.ts"

/** Values of one width. A subclass copies a chunk's values in a loop of its own, which is what makes it fast. */
export abstract class FixedReader implements ColumnReader {
  readonly builder: FixedColumn
  readonly field: Field
  private readonly wireWidth: number

  constructor(name: string, type: DataType, wireWidth: number) {
    this.builder = new FixedColumn(type)
    this.field = field(name, type)
    this.wireWidth = wireWidth
  }

  read(rows: FieldPlaces, column: number): void {
    const validity = validityOf(rows, column, this.wireWidth, this.field.name)
    this.builder.reserve(rows.count)
    this.copy(rows, column, this.builder)
    this.builder.commit(rows.count, validity)
  }

  /** Writes each row that is not NULL at its place behind `target.length`. */
  protected abstract copy(rows: FieldPlaces, column: number, target: FixedColumn): void
}

export class Int16Reader extends FixedReader {
  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const values = target.values as Int16Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getInt16(place)
    }
  }
}

/** int4, and oid where the column's values are unsigned. */
export class Int32Reader extends FixedReader {
  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const values = target.values as Int32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getInt32(place)
    }
  }
}

/** int8, time and xid8: 64 bits as they are, in halves, because a bigint for each value would be slower. */
export class Int64Reader extends FixedReader {
  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const halves = new Int32Array(target.bytes.buffer)
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      halves[to] = view.getInt32(place + 4)
      halves[to + 1] = view.getInt32(place)
    }
  }
}

export class Float32Reader extends FixedReader {
  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const values = target.values as Float32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getFloat32(place)
    }
  }
}

export class Float64Reader extends FixedReader {
  protected copy({ source, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const { view } = source
    const values = target.values as Float64Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getFloat64(place)
    }
  }
}

export class BoolReader implements ColumnReader {
  readonly builder: BoolColumn = new BoolColumn()
  readonly field: Field
  private values = new Uint8Array(64)

  constructor(name: string) {
    this.field = field(name, bool())
  }

  read(rows: FieldPlaces, column: number): void {
    const { places, count, stride } = rows
    const { bytes } = rows.source
    const validity = validityOf(rows, column, 1, this.field.name)
    if (this.values.length < count) this.values = new Uint8Array(count * 2)
    const { values } = this
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      values[i] = place < 0 ? 0 : bytes[place]!
    }
    this.builder.appendBytes(values, count, validity)
  }
}
