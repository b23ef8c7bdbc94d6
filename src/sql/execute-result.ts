import { concatTables } from "../tables/concat.ts"
import type { Table, ValueOptions } from "../tables/index.ts"
import type { RunResult } from "./dialect.ts"
import type { ExecuteResult } from "./options.ts"
import type { Params } from "./params.ts"

/** `params` as the sets to run a statement with: an array of arrays or of objects is many, all else is one. */
export function paramSets(params: Params | readonly Params[] | undefined): readonly (Params | undefined)[] {
  if (!Array.isArray(params) || params.length === 0) return [params as Params | undefined]
  const isSet = (value: unknown) => Array.isArray(value) || Object.prototype.toString.call(value) === "[object Object]"
  return params.every(isSet) ? (params as readonly Params[]) : [params as Params]
}

/** The public form of what a driver gave for a statement that was run once, or once per set of params. */
export function toExecuteResult<Row>(
  results: readonly RunResult[],
  values: ValueOptions | undefined,
): ExecuteResult<Row> {
  const last = results.at(-1)!
  const tables = results.map(({ table }) => table)
  return {
    rowCount: results.reduce((sum, { rowCount }) => sum + rowCount, 0),
    ...(last.lastInsertId !== undefined && { lastInsertId: last.lastInsertId }),
    rows: withValues<Row>(tables.length === 1 ? last.table : concatTables(tables), values),
  }
}

/** A table seen through value options, the strongest last. */
export function withValues<Row>(table: Table, ...layers: readonly (ValueOptions | undefined)[]): Table<Row> {
  return layers.reduce((seen, values) => (values ? seen.withValues(values) : seen), table) as unknown as Table<Row>
}
