import type { Column } from "./column.ts"
import { base64Text } from "./long-text.ts"
import { isRawJson } from "./read/json.ts"
import { RowMaker } from "./rows.ts"

/** Names made different: the second `id` becomes `id_2`. */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set(names)
  const seen = new Set<string>()
  return names.map((name) => {
    let unique = name
    for (let n = 2; seen.has(unique) || (unique !== name && taken.has(unique)); n++) unique = `${name}_${n}`
    seen.add(unique)
    return unique
  })
}

/** The rows of these columns as values that JSON has. */
export function rowsToJSON(columns: readonly Column[]): Record<string, unknown>[] {
  const maker = new RowMaker(uniqueNames(columns.map((column) => column.name)))
  const rows: Record<string, unknown>[] = []
  columns[0]?.batches.forEach((batch, b) => {
    const readers = columns.map((column) => column.readers[b]!)
    for (const row of maker.iterate(readers, batch.length)) rows.push(jsonValue(row) as Record<string, unknown>)
  })
  return rows
}

/** A value as JSON has it. */
export function jsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  if (typeof value !== "object" || value === null) return value
  if (value instanceof Uint8Array) return base64Text(value)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(jsonValue)
  if (isRawJson(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonValue(item)]))
}

/** A value as the text of JSON. */
export function jsonText(value: unknown): string {
  return JSON.stringify(jsonValue(value))
}
