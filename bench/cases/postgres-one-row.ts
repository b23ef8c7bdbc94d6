import type { Case } from "../case.ts"
import { lookUp, lookups } from "../support/look-up.ts"
import { addressOf, finishPostgres, onPostgres, pgClient, postgresUrl, preparePostgres } from "../support/postgres.ts"
import { streamlit } from "../support/streamlit.ts"
import { postgresTrips } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

const text = "select id, name, fare from trips where id = $1"

export const comparison: Case = {
  title: "PostgreSQL on loopback: one row by key, one after the other (mean)",
  unit: "µs",
  roundsFactor: 3,
  chart: { name: "small", title: "One row by key, PostgreSQL" },
  prepare: (folder) => preparePostgres(folder, postgresTrips),
  finish: finishPostgres,
  sides: {
    "mooring: query()": async (given) => {
      const trips = await onPostgres(given)
      return lookUp((id) => trips.query(text, { params: [id] }))
    },
    "pg: prepared": async (given) => {
      const client = await pgClient(given)
      const close = () => client.end()
      return lookUp((id) => client.query({ name: "one", text, values: [id] }), { version: versionOf("pg"), close })
    },
    "pg: not prepared": async (given) => {
      const client = await pgClient(given)
      const close = () => client.end()
      return lookUp((id) => client.query(text, [id]), { version: versionOf("pg"), close })
    },
    "pg: prepared, in BEGIN READ ONLY and COMMIT": async (given) => {
      const client = await pgClient(given)
      const read = async (id: number) => {
        await client.query("begin read only")
        await client.query({ name: "one", text, values: [id] })
        await client.query("commit")
      }
      return lookUp(read, { version: versionOf("pg"), close: () => client.end() })
    },
    "postgres.js": async (given) => {
      const { default: postgres } = await import("postgres")
      const sql = postgres({ ...addressOf(given), max: 1 })
      const read = (id: number) => sql`select id, name, fare from trips where id = ${id}`
      return lookUp(read, { version: versionOf("postgres"), close: () => sql.end() })
    },
    "Streamlit: conn.query(), uncached": (given) => {
      const sql = "select id, name, fare from trips where id = :key"
      return streamlit({
        work: "read",
        url: postgresUrl(given),
        sql,
        counted: true,
        repetitions: lookups / 10,
        rows: 1,
      })
    },
  },
  figures: [
    { title: "against pg, prepared", over: "mooring: query()", under: "pg: prepared", bar: { atMost: 1.15 } },
    {
      title: "against pg, prepared, in a read-only transaction",
      over: "mooring: query()",
      under: "pg: prepared, in BEGIN READ ONLY and COMMIT",
    },
  ],
}
