import { Buffer } from "node:buffer"
import { utf8 } from "@uwdata/flechette"
import { VariableColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { ArrayColumn } from "./array-column.ts"
import { badField, type ColumnReader, type FieldPlaces } from "./reader.ts"

const comma = 0x2c
const open = 0x7b
const close = 0x7d
const quote = 0x22
const backslash = 0x5c
const equals = 0x3d
const bracket = 0x5b

/**
 * Arrays whose elements are read as text, from the text that the server gives: `{a,"b c",NULL}`, `[2:3]={1,2}`. Lower
 * bounds are dropped.
 *
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
export class TextArrayReader implements ColumnReader {
  readonly builder: ArrayColumn
  private readonly name: string
  private readonly elements: VariableColumn
  private readonly delimiter: number
  private bytes: Buffer = Buffer.alloc(0)
  private place = 0
  private end = 0
  /** Elements of the list that is open at each depth, and of those that were closed there. */
  private readonly counts: number[] = []
  private sizes: number[] = []

  constructor(name: string, extension: string | undefined, delimiter: string) {
    this.name = name
    this.delimiter = delimiter === "," ? comma : delimiter.charCodeAt(0)
    this.elements = new VariableColumn(utf8())
    const element = field("item", utf8(), extension === undefined ? {} : { extension })
    this.builder = new ArrayColumn(name, element, this.elements)
  }

  get field(): Field {
    return field(this.name, this.builder.type)
  }

  read({ source, places, count, stride }: FieldPlaces, column: number): void {
    this.bytes = source.bytes
    for (let i = 0, at = column; i < count; i++, at += stride) {
      const place = places[at]!
      if (place < 0) this.builder.appendNull()
      else this.readArray(place, place + source.view.getInt32(place - 4))
    }
    this.bytes = Buffer.alloc(0)
  }

  private readArray(start: number, end: number): void {
    this.place = start
    this.end = end
    if (this.bytes[start] === bracket) this.place = this.behindBounds(start, end)
    if (this.bytes[this.place] === open && this.bytes[this.place + 1] === close && this.place + 2 === end) {
      this.builder.appendEmpty()
      return
    }
    this.sizes = []
    this.readList(0)
    if (this.place !== end) throw this.bad()
    this.builder.appendArray(this.sizes)
  }

  private behindBounds(start: number, end: number): number {
    const sign = this.bytes.indexOf(equals, start)
    if (sign < 0 || sign >= end) throw this.bad()
    return sign + 1
  }

  private readList(depth: number): void {
    if (depth === 6 || this.next() !== open) throw this.bad()
    this.counts[depth] = 0
    for (;;) {
      if (this.bytes[this.place] === open) this.readList(depth + 1)
      else this.readElement()
      this.counts[depth]!++
      const sign = this.next()
      if (sign === close) break
      if (sign !== this.delimiter) throw this.bad()
    }
    const size = this.counts[depth]!
    if (this.sizes[depth] === undefined) this.sizes[depth] = size
    else if (this.sizes[depth] !== size) throw this.bad()
  }

  private readElement(): void {
    if (this.bytes[this.place] === quote) {
      this.place++
      this.readQuoted()
      return
    }
    const start = this.place
    while (this.place < this.end && this.bytes[this.place] !== this.delimiter && this.bytes[this.place] !== close) {
      this.place++
    }
    if (this.isNull(start)) this.elements.appendNull()
    else this.elements.append(this.bytes, start, this.place)
  }

  private readQuoted(): void {
    const start = this.place
    let hasEscapes = false
    for (;;) {
      const sign = this.next()
      if (sign === quote) break
      if (sign === backslash) {
        hasEscapes = true
        this.next()
      }
    }
    if (!hasEscapes) {
      this.elements.append(this.bytes, start, this.place - 1)
      return
    }
    const plain = Buffer.allocUnsafe(this.place - start)
    let size = 0
    for (let i = start; i < this.place - 1; i++) {
      if (this.bytes[i] === backslash) i++
      plain[size++] = this.bytes[i]!
    }
    this.elements.append(plain, 0, size)
  }

  /** NULL without quotes, in any case. */
  private isNull(start: number): boolean {
    return this.place - start === 4 && this.bytes.toString("latin1", start, this.place).toUpperCase() === "NULL"
  }

  private next(): number {
    if (this.place >= this.end) throw this.bad()
    return this.bytes[this.place++]!
  }

  private bad(): Error {
    return badField(this.name, "an array that cannot be read")
  }
}
