import { join } from "node:path"
import type { StatementSync } from "node:sqlite"
import type { Case, Side } from "../case.ts"
import { allTrips, expectRows, sqliteTrips } from "../support/trips.ts"

const version = `SQLite ${process.versions.sqlite}`

export const comparison: Case = {
  title: "SQLite, a file: 1,000,000 rows × 8 columns, three of them text, read whole",
  chart: { name: "reading", title: "SQLite" },
  prepare: async (folder) => {
    const { DatabaseSync } = await import("node:sqlite")
    const path = join(folder, "trips.db")
    const handle = new DatabaseSync(path)
    handle.exec(sqliteTrips)
    handle.close()
    return { given: path }
  },
  sides: {
    "mooring: query()": async (path) => {
      const { connection } = await import("mooring")
      const trips = await connection("trips", { type: "sql", dialect: "sqlite", database: path })
      return { version, run: async () => expectRows((await trips.query(allTrips)).numRows) }
    },
    "mooring: query(), toArray()": async (path) => {
      const { connection } = await import("mooring")
      const trips = await connection("trips", { type: "sql", dialect: "sqlite", database: path })
      return { version, run: async () => expectRows((await trips.query(allTrips)).toArray().length) }
    },
    "node:sqlite: all()": (path) => driver(path, (statement) => statement.all().length),
    "node:sqlite: iterate(), arrays": (path) =>
      driver(path, (statement) => {
        statement.setReturnArrays(true)
        let count = 0
        for (const _row of statement.iterate()) count++
        return count
      }),
  },
  figures: [
    { title: "faster than all()", over: "node:sqlite: all()", under: "mooring: query()", bar: { atLeast: 1.3 } },
    { title: "peak memory against all()", of: "peakMB", over: "mooring: query()", under: "node:sqlite: all()" },
  ],
}

async function driver(path: string, read: (statement: StatementSync) => number): Promise<Side> {
  const { DatabaseSync } = await import("node:sqlite")
  const statement = new DatabaseSync(path, { readOnly: true }).prepare(allTrips)
  return { version, run: async () => expectRows(read(statement)) }
}
