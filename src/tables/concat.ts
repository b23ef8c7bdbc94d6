import { MooringError } from "../errors.ts"
import { unifyDictionaries } from "./dictionaries.ts"
import { Table } from "./table.ts"
import { extensionOf, type Field, type Schema, schema as schemaOf, typeName } from "./types.ts"

/**
 * Tables of the same columns as one, first to last. No rows are copied.
 *
 * @throws MooringError `BAD_VALUE` if the columns differ in name, order or type.
 */
export function concatTables<Row = Record<string, unknown>>(tables: readonly Table<Row>[]): Table<Row> {
  const first = tables[0]
  if (first === undefined) return new Table<Row>(schemaOf([]), [])
  for (const table of tables) checkSameSchema(first.schema, table.schema)
  const all = first.columns.map((_, i) => tables.flatMap((table) => table.columns[i]!.batches))
  const { schema, columns } = unifyDictionaries(first.schema, all)
  const rows = tables.reduce((sum, table) => sum + table.numRows, 0)
  return new Table<Row>(schema, columns, first.values, rows)
}

/** @throws MooringError `BAD_VALUE` if the second schema is not that of the first. */
export function checkSameSchema(first: Schema, second: Schema): void {
  if (first === second) return
  const before = first.fields.map(describe)
  const after = second.fields.map(describe)
  const at = before.findIndex((field, i) => field !== after[i])
  if (at < 0 && after.length === before.length) return
  const place = at < 0 ? before.length : at
  throw new MooringError(
    "BAD_VALUE",
    `The tables have different columns: column ${place + 1} is ${before[place] ?? "missing"} in one and ${after[place] ?? "missing"} in another.`,
    { hint: "Give the columns the same names, order and types, with casts in the query." },
  )
}

function describe(field: Field): string {
  const extension = extensionOf(field)
  return `${JSON.stringify(field.name)} ${typeName(field.type)}${extension === undefined ? "" : ` (${extension})`}`
}
