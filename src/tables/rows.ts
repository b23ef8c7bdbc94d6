import { MooringError } from "../errors.ts"
import type { Reader } from "./read/reader.ts"

/** Rows are made in blocks, so that each column is decoded in a loop of its own. */
const blockRows = 1024

/** Makes rows as objects. */
export class RowMaker<Row = Record<string, unknown>> {
  private readonly names: readonly string[]
  private readonly template: Record<string, unknown> = {}

  constructor(names: readonly string[]) {
    this.names = names
    // Rows begin as copies of one object: all have one hidden class, and assigning to a column called __proto__ then
    // finds a property of the row's own.
    for (const name of names) {
      Object.defineProperty(this.template, name, { value: null, writable: true, enumerable: true, configurable: true })
    }
  }

  /** Writes rows `start` to `end` of a batch into `rows` from `place` on. */
  fill(rows: Row[], place: number, readers: readonly Reader[], start: number, end: number): void {
    const { names, template } = this
    const cells = names.map(() => new Array<unknown>(Math.min(blockRows, end - start)))
    for (let from = start; from < end; from += blockRows) {
      const count = Math.min(blockRows, end - from)
      for (let j = 0; j < names.length; j++) readers[j]!.fill(cells[j]!, 0, from, from + count)
      for (let i = 0; i < count; i++) {
        const row = { ...template }
        for (let j = 0; j < names.length; j++) row[names[j]!] = cells[j]![i]
        rows[place++] = row as Row
      }
    }
  }

  /** The rows of a batch, in growing blocks: the first row costs little, the millionth too. */
  *iterate(readers: readonly Reader[], length: number): Generator<Row> {
    let size = 16
    for (let start = 0; start < length; start += size, size = Math.min(blockRows, size * 4)) {
      const block: Row[] = []
      this.fill(block, 0, readers, start, Math.min(length, start + size))
      yield* block
    }
  }
}

/** The rows of a table whose columns have different names. */
export class RowSource<Row> implements Iterable<Row> {
  private readonly maker: RowMaker<Row>
  /** For each batch, the readers of all columns. */
  private readonly batches: readonly (readonly Reader[])[]
  private readonly ends: number[] = []
  /** Rows without columns. */
  private readonly bare: number

  /**
   * @param rows how many there are, where there are no columns to say it.
   * @throws MooringError `BAD_VALUE` if two columns have one name.
   */
  constructor(columns: readonly { readonly name: string; readonly readers: readonly Reader[] }[], rows: number) {
    const names = columns.map((column) => column.name)
    checkNames(names)
    this.maker = new RowMaker(names)
    this.batches = (columns[0]?.readers ?? []).map((_, b) => columns.map((column) => column.readers[b]!))
    this.bare = columns.length === 0 ? rows : 0
    let end = 0
    for (const [first] of this.batches) this.ends.push((end += first!.length))
  }

  /** A row that there is. */
  at(row: number): Row {
    if (this.bare > 0) return {} as Row
    const b = batchOf(this.ends, row)
    const place = row - (this.ends[b - 1] ?? 0)
    const rows: Row[] = []
    this.maker.fill(rows, 0, this.batches[b]!, place, place + 1)
    return rows[0]!
  }

  *[Symbol.iterator](): Generator<Row> {
    for (let i = 0; i < this.bare; i++) yield {} as Row
    for (const readers of this.batches) yield* this.maker.iterate(readers, readers[0]!.length)
  }

  toArray(): Row[] {
    if (this.bare > 0) return Array.from({ length: this.bare }, () => ({}) as Row)
    const rows = new Array<Row>(this.ends.at(-1) ?? 0)
    this.batches.forEach((readers, b) => {
      this.maker.fill(rows, this.ends[b - 1] ?? 0, readers, 0, readers[0]!.length)
    })
    return rows
  }
}

/**
 * Objects cannot hold two columns of one name.
 *
 * @throws MooringError `BAD_VALUE` naming them.
 */
export function checkNames(names: readonly string[]): void {
  const twice = duplicates(names)
  if (twice.length === 0) return
  const list = twice.map((name) => JSON.stringify(name)).join(", ")
  throw new MooringError("BAD_VALUE", `Several columns are called ${list}, so that rows cannot be objects.`, {
    hint: "Name them apart in the query (select a.id as a_id, …), or read the columns by position: getChildAt(i).",
  })
}

/** The names that occur more than once. */
export function duplicates(names: readonly string[]): string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const name of names) (seen.has(name) ? twice : seen).add(name)
  return [...twice]
}

/** Which batch holds a row, by the rows before which batches end. */
export function batchOf(ends: readonly number[], row: number): number {
  let low = 0
  let high = ends.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (ends[middle]! > row) high = middle
    else low = middle + 1
  }
  return low
}
