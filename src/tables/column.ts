import { Type, type TypedArray } from "@uwdata/flechette"
import type { RawBatch } from "./batch.ts"
import { DirectReader } from "./read/numbers.ts"
import type { Reader } from "./read/reader.ts"
import { reader } from "./read/readers.ts"
import { batchOf } from "./rows.ts"
import { counted, escapeControls } from "./terminal.ts"
import { type DataType, type Field, typeName } from "./types.ts"
import type { ReadValues } from "./values.ts"

/** One column of a {@link Table}: a view over its batches, immutable. */
export class Column<T = unknown> implements Iterable<T | null> {
  readonly field: Field
  readonly length: number
  readonly nullCount: number
  /** The buffers, in Arrow's layout. Not to be written to. */
  readonly batches: readonly RawBatch[]
  private made: readonly Reader[] | undefined
  /** In which JavaScript types values are given. */
  readonly values: ReadValues
  /** The row before which each batch ends. */
  private readonly ends: number[] = []

  constructor(field: Field, batches: readonly RawBatch[], values: ReadValues) {
    this.field = field
    this.values = values
    this.batches = batches
    let length = 0
    for (const batch of batches) this.ends.push((length += batch.length))
    this.length = length
    this.nullCount = batches.reduce((sum, batch) => sum + nullsOf(batch), 0)
  }

  /** One for each of `batches`. */
  get readers(): readonly Reader[] {
    return (this.made ??= this.batches.map((batch) => reader(batch, this.field, this.values)))
  }

  get name(): string {
    return this.field.name
  }

  get type(): DataType {
    return this.field.type
  }

  get nullable(): boolean {
    return this.field.nullable
  }

  /** The value of a row; `undefined` beyond the last. Negative indices count from the end. */
  at(index: number): T | null | undefined {
    const row = rowAt(index, this.length)
    if (row === undefined) return undefined
    const b = batchOf(this.ends, row)
    return this.readers[b]!.at(row - (this.ends[b - 1] ?? 0)) as T | null
  }

  /** The same as {@link at}, under apache-arrow's name. */
  get(index: number): T | null | undefined {
    return this.at(index)
  }

  *[Symbol.iterator](): Generator<T | null> {
    for (const part of this.readers) {
      for (let start = 0; start < part.length; start += 1024) {
        const out: unknown[] = []
        part.fill(out, 0, start, Math.min(part.length, start + 1024))
        yield* out as (T | null)[]
      }
    }
  }

  /** All values, in an array that is the caller's own. */
  toArray(): (T | null)[] {
    const out = new Array(this.length)
    this.readers.forEach((part, b) => {
      part.fill(out, this.ends[b - 1] ?? 0, 0, part.length)
    })
    return out
  }

  /**
   * All values as fast as possible: for integers to 32 bits and floats without NULL, a typed array, which is the table's
   * own memory where there is one batch. Writing to it corrupts the table for everybody who holds it, the cache included.
   */
  unsafeValues(): readonly (T | null)[] | TypedArray {
    if (
      this.nullCount > 0 ||
      this.readers.length === 0 ||
      !this.readers.every((part) => part instanceof DirectReader)
    ) {
      return this.toArray()
    }
    const parts = this.batches.map((batch) => batch.values.subarray(0, batch.length) as TypedArray)
    if (parts.length === 1) return parts[0]!
    const whole = new (parts[0]!.constructor as new (length: number) => TypedArray)(this.length)
    parts.forEach((part, b) => {
      whole.set(part as never, this.ends[b - 1] ?? 0)
    })
    return whole
  }
}

// `console.log(column)`: the type, the size and the first values.
Object.defineProperty(Column.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Column, depth: number, options: object, inspect: (value: unknown, options: object) => string): string {
    const size = counted(this.length, "row")
    const title = escapeControls(`Column ${JSON.stringify(this.name)}: ${typeName(this.type)}, ${size}`)
    if (depth < 0) return `[${title}]`
    const lenient = new Column(this.field, this.batches, { ...this.values, misfit: "text" })
    const first = Array.from({ length: Math.min(10, this.length) }, (_, i) => lenient.at(i))
    return `${title} ${inspect(first, options)}${this.length > first.length ? " …" : ""}`
  },
})

/** Rows of the null type have no bitmap; elsewhere none means that all are valid, whatever the count says. */
function nullsOf(batch: RawBatch): number {
  return batch.type.typeId === Type.Null || batch.validity?.length > 0 ? batch.nullCount : 0
}

/** The row that an index means, as `Array.prototype.at` has it; undefined for none. */
export function rowAt(index: number, length: number): number | undefined {
  const whole = Math.trunc(index) || 0
  const row = whole < 0 ? length + whole : whole
  return row >= 0 && row < length ? row : undefined
}
