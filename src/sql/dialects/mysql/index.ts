import { MooringError } from "../../../errors.ts"
import type { Dialect, TransactionOptions } from "../../dialect.ts"
import { mysqlSyntax } from "../../syntaxes.ts"
import { connectArgs, settings, sourceOf, urlKeys } from "./address.ts"
import { driverPackage } from "./driver.ts"
import { classify } from "./failures.ts"
import { kyselyParts } from "./kysely.ts"
import { typeTable } from "./type-table.ts"

/**
 * MySQL from version 5.7 on, MariaDB from version 10.3 on, and what speaks their protocol, over `mysql2`'s connection.
 *
 * Rows are read by Mooring itself, from the packets into columns.
 */
export const mysql: Dialect = {
  name: "mysql",
  aliases: ["mariadb"],
  driver: driverPackage,
  // A deadlock ends the transaction all the same, and then the statement's failure says to run it again.
  capabilities: { errorAbortsTransaction: false },
  syntax: mysqlSyntax,
  settings,
  urlKeys,
  connectArgs,
  types: typeTable,
  source: sourceOf,
  // Loaded here: the reading of rows is for programs that open a database.
  open: async (config) => (await import("./database.ts")).openMysql(config),
  begin,
  classify,
  kysely: kyselyParts,
}

/** From the weakest to the strictest. InnoDB's repeatable read is a snapshot, which here is taken at once. */
const levels: Readonly<Record<NonNullable<TransactionOptions["isolation"]>, string>> = {
  "read uncommitted": "READ UNCOMMITTED",
  "read committed": "READ COMMITTED",
  "repeatable read": "REPEATABLE READ",
  snapshot: "REPEATABLE READ",
  serializable: "SERIALIZABLE",
}

function begin({ isolation, readOnly }: TransactionOptions): readonly string[] {
  if (isolation !== undefined && !Object.hasOwn(levels, isolation)) {
    throw new MooringError("UNSUPPORTED", `MySQL has no isolation level ${JSON.stringify(isolation)}.`, {
      hint: `Its levels are ${Object.keys(levels).join(", ")}.`,
    })
  }
  const modes = [
    ...(isolation === "snapshot" ? ["WITH CONSISTENT SNAPSHOT"] : []),
    ...(readOnly === undefined ? [] : [readOnly ? "READ ONLY" : "READ WRITE"]),
  ]
  return [
    // The transaction alone lets CREATE TABLE through, which commits it, so that what follows may write.
    ...(readOnly ? ["SET SESSION TRANSACTION READ ONLY"] : []),
    ...(isolation === undefined ? [] : [`SET TRANSACTION ISOLATION LEVEL ${levels[isolation]}`]),
    modes.length === 0 ? "BEGIN" : `START TRANSACTION ${modes.join(", ")}`,
  ]
}
