import type { Case } from "../case.ts"
import { addressOf, finishPostgres, onPostgres, pgSide, postgresUrl, preparePostgres } from "../support/postgres.ts"
import { streamlit } from "../support/streamlit.ts"
import { expectRows } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

const rows = 100_000
const kinds = [
  (i: number) => `(n + ${i})::int4 as count_${i}`,
  (i: number) => `(n * 0.5 + ${i})::float8 as amount_${i}`,
  (i: number) => `'text ' || ((n + ${i}) % 1000) as text_${i}`,
  (i: number) => `timestamptz '2024-01-01' + ((n + ${i}) || ' minutes')::interval as at_${i}`,
  (i: number) => `case when (n + ${i}) % 9 = 0 then null else (n + ${i}) % 2 = 0 end as flag_${i}`,
]
const columns = Array.from({ length: 30 }, (_, i) => kinds[i % kinds.length]!(i))
const table = `create table wide as select ${columns.join(", ")} from generate_series(1, ${rows}) n`
const text = "select * from wide"

export const comparison: Case = {
  title: "PostgreSQL on loopback: 100,000 rows × 30 columns of five types, read whole",
  chart: { name: "reading", title: "PostgreSQL, 100,000 rows × 30 columns" },
  prepare: (folder) => preparePostgres(folder, [table, "vacuum analyze wide"]),
  finish: finishPostgres,
  sides: {
    "mooring: query()": async (given) => {
      const wide = await onPostgres(given)
      return { run: async () => expectRows((await wide.query(text)).numRows, rows) }
    },
    "mooring: query(), toArray()": async (given) => {
      const wide = await onPostgres(given)
      return { run: async () => expectRows((await wide.query(text)).toArray().length, rows) }
    },
    "pg: rows": (given) => pgSide(given, async (client) => (await client.query(text)).rows.length, rows),
    "postgres.js": async (given) => {
      const { default: postgres } = await import("postgres")
      const sql = postgres({ ...addressOf(given), max: 1 })
      const run = async () => expectRows((await sql.unsafe(text)).length, rows)
      return { version: versionOf("postgres"), run, close: () => sql.end() }
    },
    "Streamlit: conn.query()": (given) =>
      streamlit({ work: "read", url: postgresUrl(given), sql: text, repetitions: 1, rows }),
  },
  figures: [
    { title: "faster than pg", over: "pg: rows", under: "mooring: query()" },
    { title: "faster than postgres.js", over: "postgres.js", under: "mooring: query()" },
    { title: "peak memory against pg", of: "peakMB", over: "mooring: query()", under: "pg: rows" },
  ],
}
