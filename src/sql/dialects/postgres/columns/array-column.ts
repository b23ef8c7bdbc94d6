import { type DataType, list } from "@uwdata/flechette"
import type { Batch } from "../../../../tables/batch.ts"
import { type ColumnBuilder, ListColumn } from "../../../../tables/columns.ts"
import { type Field, field } from "../../../../tables/index.ts"
import { cannotHold } from "./reader.ts"

/**
 * Arrays as lists, nested as deep as they have dimensions. A type in PostgreSQL does not say how many these are, so the
 * first array that has elements does; NULLs and empty arrays before it wait. Another number later on is an error.
 */
export class ArrayColumn implements ColumnBuilder {
  readonly name: string
  private readonly element: Field
  private readonly elements: ColumnBuilder
  /** The lists of each dimension, the outermost first; empty until the depth is known. */
  private levels: readonly ListColumn[] = []
  /** Rows before that: true is an empty array, false is NULL. */
  private readonly waiting: boolean[] = []

  /** @param elements what elements are appended to, before or after the array that they are of. */
  constructor(name: string, element: Field, elements: ColumnBuilder) {
    this.name = name
    this.element = element
    this.elements = elements
  }

  get type(): DataType {
    return this.levels[0]?.type ?? listOf(this.element)
  }

  get length(): number {
    return this.levels[0]?.length ?? this.waiting.length
  }

  get byteLength(): number {
    return this.levels[0]?.byteLength ?? this.waiting.length * 4
  }

  appendNull(count = 1): void {
    const [outermost] = this.levels
    // Not by the list's own means: the elements of the arrays before may be still to come.
    if (outermost !== undefined) endLists(outermost, count, 0, new Uint8Array((count + 7) >> 3))
    else for (let i = 0; i < count; i++) this.waiting.push(false)
  }

  appendEmpty(): void {
    const [outermost] = this.levels
    if (outermost !== undefined) endLists(outermost, 1, 0)
    else this.waiting.push(true)
  }

  /** An array that has as many elements as the product of its `sizes`. */
  appendArray(sizes: readonly number[]): void {
    if (this.levels.length === 0) this.nest(sizes.length)
    if (this.levels.length !== sizes.length) {
      throw cannotHold(this.name, `arrays of ${this.levels.length} and of ${sizes.length} dimensions`)
    }
    let lists = 1
    sizes.forEach((size, dimension) => {
      endLists(this.levels[dimension]!, lists, size)
      lists *= size
    })
  }

  finish(): Batch<unknown> {
    if (this.levels.length === 0) this.nest(1)
    return this.levels[0]!.finish()
  }

  private nest(depth: number): void {
    const levels: ListColumn[] = []
    let inner: Field = this.element
    let child = this.elements
    for (let level = 0; level < depth; level++) {
      const column = new ListColumn(listOf(inner), child)
      levels.unshift(column)
      inner = field("item", column.type)
      child = column
    }
    this.levels = levels
    for (const isEmpty of this.waiting.splice(0)) {
      if (isEmpty) this.appendEmpty()
      else this.appendNull()
    }
  }
}

/** `count` more lists of `size` elements each. */
function endLists(column: ListColumn, count: number, size: number, validity: Uint8Array | null = null): void {
  column.reserve(count)
  const { offsets, length } = column
  let end = offsets[length]!
  for (let i = 1; i <= count; i++) offsets[length + i] = end += size
  column.commit(count, validity)
}

function listOf(element: Field): DataType {
  return list(element as never)
}
