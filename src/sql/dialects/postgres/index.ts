import type { Dialect, TransactionOptions } from "../../dialect.ts"
import { postgresSyntax } from "../../syntaxes.ts"
import { settings, sourceOf } from "./address.ts"
import { openPostgres } from "./database.ts"
import { driverPackage } from "./driver.ts"
import { classify } from "./failures.ts"
import { kyselyParts } from "./kysely.ts"
import { typeTable } from "./types.ts"

/**
 * PostgreSQL from version 12 on, and what speaks its protocol, over `pg`'s connection.
 *
 * Rows are read by Mooring itself, from the socket into columns. What is not configured is taken from libpq's variables
 * (`PGHOST` …) and its file of passwords.
 */
export const postgres: Dialect = {
  name: "postgresql",
  aliases: ["postgres"],
  driver: driverPackage,
  capabilities: { arrays: true },
  syntax: postgresSyntax,
  settings,
  types: typeTable,
  source: sourceOf,
  open: openPostgres,
  begin,
  classify,
  kysely: kyselyParts,
}

/** Its repeatable read is a snapshot. */
function begin({ isolation, readOnly }: TransactionOptions): readonly string[] {
  const level = isolation === "snapshot" ? "repeatable read" : isolation
  const modes = [
    ...(level === undefined ? [] : [`ISOLATION LEVEL ${level.toUpperCase()}`]),
    ...(readOnly === undefined ? [] : [readOnly ? "READ ONLY" : "READ WRITE"]),
  ]
  return [["BEGIN", ...modes].join(" ")]
}
