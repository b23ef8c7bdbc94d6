import { MooringError } from "../errors.ts"
import type { Reader } from "./read/reader.ts"

/** Rows are made in blocks, so that each column is decoded in a loop of its own. */
const blockRows = 1024

/**
 * The rows of one batch as objects, lazily, in growing blocks: the first row costs little, the millionth too.
 */
export function* rowsOf<Row>(names: readonly string[], readers: readonly Reader[], length: number): Generator<Row> {
  let size = 16
  for (let start = 0; start < length; start += size, size = Math.min(blockRows, size * 4)) {
    const end = Math.min(length, start + size)
    yield* rowBlock<Row>(names, readers, start, end)
    if (end === length) return
  }
}

/** Rows `start` to `end` as objects. */
export function rowBlock<Row>(names: readonly string[], readers: readonly Reader[], start: number, end: number): Row[] {
  const rows: Record<string, unknown>[] = []
  const cells = readers.map((reader) => {
    const out = new Array(end - start)
    reader.fill(out, 0, start, end)
    return out
  })
  for (let i = 0; i < end - start; i++) {
    const row: Record<string, unknown> = {}
    for (let j = 0; j < names.length; j++) row[names[j]!] = cells[j]![i]
    rows.push(row)
  }
  return rows as Row[]
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
