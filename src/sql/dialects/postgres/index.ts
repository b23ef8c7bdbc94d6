import { MooringError } from "../../../errors.ts"
import type { Dialect, TransactionOptions } from "../../dialect.ts"
import { postgresSyntax } from "../../syntaxes.ts"
import { settings, sourceOf, urlKeys } from "./address.ts"
import { driverPackage } from "./driver.ts"
import { classify } from "./failures.ts"
import { kyselyParts } from "./kysely.ts"
import { typeTable } from "./type-table.ts"

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
  urlKeys,
  types: typeTable,
  source: sourceOf,
  // Loaded here: the reading of rows is for programs that open a database.
  open: async (config) => (await import("./database.ts")).openPostgres(config),
  begin,
  classify,
  kysely: kyselyParts,
}

/** From the weakest to the strictest. Read uncommitted is PostgreSQL's read committed, and a snapshot its repeatable read. */
const levels: Readonly<Record<NonNullable<TransactionOptions["isolation"]>, string>> = {
  "read uncommitted": "READ UNCOMMITTED",
  "read committed": "READ COMMITTED",
  "repeatable read": "REPEATABLE READ",
  snapshot: "REPEATABLE READ",
  serializable: "SERIALIZABLE",
}

function begin({ isolation, readOnly }: TransactionOptions): readonly string[] {
  if (isolation !== undefined && !Object.hasOwn(levels, isolation)) {
    throw new MooringError("UNSUPPORTED", `PostgreSQL has no isolation level ${JSON.stringify(isolation)}.`, {
      hint: `Its levels are ${Object.keys(levels).join(", ")}.`,
    })
  }
  const modes = [
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${levels[isolation]}`]),
    ...(readOnly === undefined ? [] : [readOnly ? "READ ONLY" : "READ WRITE"]),
  ]
  return [["BEGIN", ...modes].join(" ")]
}
