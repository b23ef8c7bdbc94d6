import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { postgresBinaries } from "../../test/support/postgres-binaries.ts"
import { Absent, type Case } from "../case.ts"
import { addressOf, finishPostgres, onPostgres, pgSide, postgresUrl, preparePostgres } from "../support/postgres.ts"
import { streamlit } from "../support/streamlit.ts"
import { allTrips, expectRows, postgresTrips, rows } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

export const comparison: Case = {
  title: "PostgreSQL on loopback: 1,000,000 rows × 8 columns, two of them text, read whole",
  chart: { name: "reading", title: "PostgreSQL" },
  prepare: (folder) => preparePostgres(folder, postgresTrips),
  finish: finishPostgres,
  sides: {
    "mooring: query()": async (given) => {
      const trips = await onPostgres(given)
      return { run: async () => expectRows((await trips.query(allTrips)).numRows) }
    },
    "mooring: query(), toArray()": async (given) => {
      const trips = await onPostgres(given)
      return { run: async () => expectRows((await trips.query(allTrips)).toArray().length) }
    },
    "mooring: stream()": async (given) => {
      const trips = await onPostgres(given)
      const run = async () => {
        let count = 0
        for await (const batch of trips.stream(allTrips)) count += batch.numRows
        return expectRows(count)
      }
      return { run }
    },
    "pg: rows": (given) => pgSide(given, async (client) => (await client.query(allTrips)).rows.length),
    "pg: rows as arrays": (given) =>
      pgSide(given, async (client) => (await client.query({ text: allTrips, rowMode: "array" })).rows.length),
    "pg-query-stream": async (given) => {
      const { default: QueryStream } = await import("pg-query-stream")
      const side = await pgSide(given, async (client) => {
        let count = 0
        for await (const _row of client.query(new QueryStream(allTrips, [], { batchSize: 10_000 }))) count++
        return count
      })
      return { ...side, version: versionOf("pg-query-stream") }
    },
    "postgres.js": async (given) => {
      const { default: postgres } = await import("postgres")
      const sql = postgres({ ...addressOf(given), max: 1 })
      const run = async () => expectRows((await sql.unsafe(allTrips)).length)
      return { version: versionOf("postgres"), run, close: () => sql.end() }
    },
    "Streamlit: conn.query()": (given) =>
      streamlit({ work: "read", url: postgresUrl(given), sql: allTrips, repetitions: 1, rows }),
    "psql: COPY BINARY to nowhere": async (given) => ({ run: async () => copyToNowhere(given), elsewhere: true }),
  },
  figures: [
    { title: "faster than pg", over: "pg: rows", under: "mooring: query()", bar: { atLeast: 5 } },
    { title: "faster than postgres.js", over: "postgres.js", under: "mooring: query()", bar: { atLeast: 4 } },
    {
      title: "peak memory against pg",
      of: "peakMB",
      over: "mooring: query()",
      under: "pg: rows",
      bar: { atMost: 0.6 },
    },
    {
      title: "against psql's COPY BINARY to nowhere, the wire's limit",
      over: "mooring: query()",
      under: "psql: COPY BINARY to nowhere",
      bar: { atMost: 1.3 },
    },
    {
      title: "rows as objects, decode included, against pg's rows",
      over: "mooring: query(), toArray()",
      under: "pg: rows",
      bar: { atMost: 1 },
    },
    { title: "faster than Streamlit", over: "Streamlit: conn.query()", under: "mooring: query()" },
  ],
}

function copyToNowhere(given: string): undefined {
  const { host, port, user, database } = addressOf(given)
  const installed = join(postgresBinaries()!, "psql")
  const program = existsSync(installed) ? installed : "psql"
  const copy = `\\copy (${allTrips}) to '/dev/null' (format binary)`
  const args = ["-X", "-h", host, "-p", String(port), "-U", user, "-d", database, "-c", copy]
  const { error, status, stderr } = spawnSync(program, args, { encoding: "utf8" })
  if (error) throw new Absent("this machine has no psql")
  if (status !== 0) throw new Error(stderr)
}
