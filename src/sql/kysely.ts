import { createRequire } from "node:module"
import type { CompiledQuery, DatabaseConnection, Driver, Kysely, QueryResult } from "kysely"
import { MooringError } from "../errors.ts"
import { toBindable } from "./bindable.ts"
import type { Dialect, DriverPackage, RunResult, Statement } from "./dialect.ts"
import { driverMissing } from "./import-driver.ts"

/** The package, as data: the same range stands in package.json. */
export const kyselyPackage: DriverPackage = {
  package: "kysely",
  range: ">=0.28",
  purpose: "builds the queries of session.db()",
}

/**
 * A Kysely builder whose statements go through `run`: on a session's connection, in its transaction.
 *
 * @throws MooringError `DRIVER_MISSING` without the package, `UNSUPPORTED` for a dialect that Kysely cannot write.
 */
export function kyselyOn<DB>(
  dialect: Dialect,
  connection: string,
  run: (statement: Statement) => Promise<RunResult>,
): Kysely<DB> {
  if (!dialect.kysely) {
    throw new MooringError("UNSUPPORTED", `Kysely does not write the SQL of ${dialect.name}.`, { connection })
  }
  const kysely = load(connection)
  return new kysely.Kysely<DB>({ dialect: { ...dialect.kysely(kysely), createDriver: () => sessionDriver(run) } })
}

/** Synchronous, so that `session.db()` is: Node loads ES modules by `require` from 22.12 on. */
function load(connection: string): typeof import("kysely") {
  try {
    return createRequire(import.meta.url)("kysely")
  } catch (cause) {
    throw Object.assign(driverMissing(kyselyPackage, process.cwd(), cause), { connection })
  }
}

function sessionDriver(run: (statement: Statement) => Promise<RunResult>): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
      const values = parameters.map((value, i) => toBindable(value, `Parameter ${i + 1}`))
      const { table, rowCount, lastInsertId } = await run({ text: sql, values })
      const read = table.numCols > 0
      return {
        rows: read ? (table.toArray() as R[]) : [],
        ...(!read && { numAffectedRows: BigInt(rowCount) }),
        ...(lastInsertId !== undefined && { insertId: BigInt(lastInsertId) }),
      }
    },
    // biome-ignore lint/correctness/useYield: it only refuses.
    async *streamQuery() {
      throw new MooringError("UNSUPPORTED", "Kysely's stream() is not available here.", {
        hint: "Use session.stream() with the SQL of query.compile().",
      })
    },
  }
  const refuse = async () => {
    throw new MooringError("UNSUPPORTED", "The session already is a transaction.", {
      hint: "Use the session's commit(), rollback() and savepoint().",
    })
  }
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}
