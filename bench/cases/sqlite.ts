import { join } from "node:path"
import { DatabaseSync, type StatementSync } from "node:sqlite"
import { connection } from "mooring"
import type { Case, Side } from "../case.ts"

const rows = 1_000_000
const text = "select * from trips"

export const sqlite: Case = {
  name: "sqlite",
  title: "SQLite, a file: 1,000,000 rows × 8 columns, three of them text, read whole",
  prepare: async (folder) => {
    const path = join(folder, "trips.db")
    const handle = new DatabaseSync(path)
    handle.exec(`
      create table trips (id integer primary key, fare real, big integer, hash text, city text, at text, paid boolean,
        tip numeric);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
      insert into trips select i, i * 1.37, i * 1000003, lower(hex(randomblob(16))), 'city ' || (i % 50),
        datetime(1700000000 + i, 'unixepoch'), i % 2, case when i % 10 = 0 then null else i * 0.25 end from n`)
    handle.close()
    return path
  },
  sides: {
    "mooring: query()": async (path) => {
      const trips = await connection("trips", { type: "sql", dialect: "sqlite", database: path })
      return { version: process.versions.sqlite!, run: async () => expectRows((await trips.query(text)).numRows) }
    },
    "node:sqlite: all()": (path) => driver(path, (statement) => statement.all().length),
    "node:sqlite: iterate(), arrays": (path) =>
      driver(path, (statement) => {
        statement.setReturnArrays(true)
        let count = 0
        for (const _ of statement.iterate()) count++
        return count
      }),
  },
  ratios: [
    { title: "faster than all()", over: "node:sqlite: all()", under: "mooring: query()", bar: { atLeast: 1.3 } },
    { title: "peak memory against all()", of: "peakMB", over: "mooring: query()", under: "node:sqlite: all()" },
  ],
}

async function driver(path: string, read: (statement: StatementSync) => number): Promise<Side> {
  const statement = new DatabaseSync(path, { readOnly: true }).prepare(text)
  return { version: process.versions.sqlite!, run: async () => expectRows(read(statement)) }
}

function expectRows(count: number): undefined {
  if (count !== rows) throw new Error(`${count} rows were read.`)
}
