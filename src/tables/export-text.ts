import { Column } from "./column.ts"
import { jsonText } from "./json.ts"
import { base64Text } from "./long-text.ts"
import { extensionOf, type Field, jsonExtension } from "./types.ts"
import type { ReadValues } from "./values.ts"

/** What an export takes of a table. */
export interface ExportSource {
  readonly columns: readonly Column[]
  readonly numRows: number
}

/** Values as exports write them: exact, and never an error. */
const exportValues: ReadValues = {
  bigint: "number",
  decimal: "string",
  timestamp: "string",
  date: "string",
  misfit: "text",
  json: "raw",
}

/** The column as exports read it. JSON stays the text that it was, with all digits of its numbers. */
export function exportColumn(column: Column): Column {
  const field: Field = isJson(column.field) ? { ...column.field, metadata: new Map() } : column.field
  return new Column(field, column.batches, exportValues)
}

export function isJson(field: Field): boolean {
  return extensionOf(field) === jsonExtension
}

/** A value as plain text: text as it is, binary as base64, lists and structs as JSON. */
export function plainText(value: unknown): string {
  if (typeof value === "string") return value
  if (value instanceof Uint8Array) return base64Text(value)
  return typeof value === "object" ? jsonText(value) : String(value)
}
