import type { DataType } from "@uwdata/flechette"
import { FixedColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { type ColumnReader, type FieldPlaces, validityOf } from "./reader.ts"

/** Values of one width in Arrow. A subclass copies a chunk's values in a loop of its own, which is what makes it fast. */
export abstract class FixedReader implements ColumnReader {
  readonly builder: FixedColumn
  readonly field: Field
  readonly width: number

  constructor(name: string, type: DataType, width: number) {
    this.builder = new FixedColumn(type)
    this.field = field(name, type)
    this.width = width
  }

  read(rows: FieldPlaces, column: number): void {
    this.builder.reserve(rows.count)
    this.copy(rows, column, this.builder)
    this.builder.commit(rows.count, validityOf(rows, column))
  }

  /** Writes each row that is not NULL at its place behind `target.length`. */
  protected abstract copy(rows: FieldPlaces, column: number, target: FixedColumn): void
}

/** Signed and unsigned alike, here and below: the column's array takes the bits as its own type. */
export class Int8Reader extends FixedReader {
  protected copy({ bytes, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const values = target.values as Int8Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = bytes[place]!
    }
  }
}

export class Int16Reader extends FixedReader {
  protected copy({ view, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const values = target.values as Int16Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getInt16(place, true)
    }
  }
}

export class Int32Reader extends FixedReader {
  protected copy({ view, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const values = target.values as Int32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getInt32(place, true)
    }
  }
}

/** 64 bits as they are, in halves, because a bigint for each value would be slower. */
export class Int64Reader extends FixedReader {
  protected copy({ view, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const halves = new Int32Array(target.bytes.buffer)
    let to = target.length * 2
    for (let i = 0, at = column; i < count; i++, at += stride, to += 2) {
      const place = places[at]!
      if (place < 0) continue
      halves[to] = view.getInt32(place, true)
      halves[to + 1] = view.getInt32(place + 4, true)
    }
  }
}

export class Float32Reader extends FixedReader {
  protected copy({ view, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const values = target.values as Float32Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getFloat32(place, true)
    }
  }
}

export class Float64Reader extends FixedReader {
  protected copy({ view, places, count, stride }: FieldPlaces, column: number, target: FixedColumn): void {
    const values = target.values as Float64Array
    const start = target.length
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place >= 0) values[start + i] = view.getFloat64(place, true)
    }
  }
}
