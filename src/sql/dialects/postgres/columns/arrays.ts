import { type Field, field } from "../../../../tables/index.ts"
import type { Source } from "../wire/framer.ts"
import { ArrayColumn } from "./array-column.ts"
import { badField, type ColumnReader, type FieldPlaces } from "./reader.ts"

/** PostgreSQL's own limit. */
const mostDimensions = 6

/**
 * Arrays whose elements have a binary decoder. On the wire: how many dimensions, whether there are NULLs, the elements'
 * type, size and lower bound of each dimension, then the elements like fields of a row. Lower bounds are dropped.
 */
export class ArrayReader implements ColumnReader {
  readonly builder: ArrayColumn
  private readonly name: string
  private readonly element: ColumnReader
  private places = new Int32Array(64)
  private count = 0

  constructor(name: string, element: ColumnReader) {
    this.name = name
    this.element = element
    this.builder = new ArrayColumn(name, { ...element.field, name: "item" }, element.builder)
  }

  get field(): Field {
    return field(this.name, this.builder.type)
  }

  read({ source, places, count, stride }: FieldPlaces, column: number): void {
    this.count = 0
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) this.builder.appendNull()
      else this.readArray(source, place, place + source.view.getInt32(place - 4))
    }
    this.element.read({ source, places: this.places, count: this.count, stride: 1 }, 0)
  }

  private readArray({ view }: Source, start: number, end: number): void {
    const dimensions = start + 12 > end ? -1 : view.getInt32(start)
    let place = start + 12 + dimensions * 8
    if (dimensions < 0 || dimensions > mostDimensions || place > end) throw this.bad()
    const sizes: number[] = []
    let total = 1
    for (let i = 0; i < dimensions; i++) {
      const size = view.getInt32(start + 12 + i * 8)
      total *= size
      // An element takes four bytes at least.
      if (size <= 0 || total * 4 > end - place) throw this.bad()
      sizes.push(size)
    }
    if (dimensions === 0) {
      this.builder.appendEmpty()
      return
    }
    this.reserve(total)
    for (let i = 0; i < total; i++) {
      const length = place + 4 > end ? -2 : view.getInt32(place)
      place += 4
      if (length < -1 || place + length > end) throw this.bad()
      this.places[this.count++] = length === -1 ? -1 : place
      if (length > 0) place += length
    }
    if (place !== end) throw this.bad()
    this.builder.appendArray(sizes)
  }

  private reserve(more: number): void {
    const needed = this.count + more
    if (needed <= this.places.length) return
    const larger = new Int32Array(Math.max(needed, this.places.length * 2))
    larger.set(this.places)
    this.places = larger
  }

  private bad(): Error {
    return badField(this.name, "an array that cannot be read")
  }
}
