import { MooringError } from "../../../errors.ts"
import type { Dialect, TransactionOptions } from "../../dialect.ts"
import { duckdbSyntax } from "../../syntaxes.ts"
import { driverPackage } from "./driver.ts"
import { classify } from "./failures.ts"
import { kyselyParts } from "./kysely.ts"
import { settings, sourceOf } from "./source.ts"
import { typeTable } from "./type-table.ts"

/**
 * DuckDB, in the process, over `@duckdb/node-api`.
 *
 * Queries run on libuv's threads, all but one of them at most: set `UV_THREADPOOL_SIZE` to run more at once. `execute()`
 * takes several statements in one text and answers for the last; the others' rows are dropped.
 */
export const duckdb: Dialect = {
  name: "duckdb",
  aliases: [],
  driver: driverPackage,
  capabilities: { savepoints: false, arrays: true, progress: true, embedded: true },
  syntax: duckdbSyntax,
  settings,
  types: typeTable,
  source: sourceOf,
  // Loaded here: the reading of vectors is for programs that open a database.
  open: async (config) => (await import("./database.ts")).openDuckDB(config),
  begin,
  classify,
  kysely: kyselyParts,
}

/** Transactions are snapshots, which is what the standard calls at least repeatable reads. There is no other level. */
function begin({ isolation, readOnly }: TransactionOptions): readonly string[] {
  if (isolation !== undefined && isolation !== "snapshot" && isolation !== "repeatable read") {
    throw new MooringError("UNSUPPORTED", `DuckDB has no isolation level "${isolation}".`, {
      hint: 'Its transactions are always snapshots: leave isolation out, or say "snapshot".',
    })
  }
  return [readOnly ? "BEGIN TRANSACTION READ ONLY" : "BEGIN TRANSACTION"]
}
