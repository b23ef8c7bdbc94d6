import type { Case } from "../case.ts"
import { addressOf, finishPostgres, onPostgres, pgClient, preparePostgres } from "../support/postgres.ts"
import { versionOf } from "../support/versions.ts"

const callers = 1000
const text = "select n from ticket"

export const comparison: Case = {
  title: "1,000 equal queries at once: how often PostgreSQL runs them, by its own statistics",
  unit: "executions",
  prepare: (folder) => preparePostgres(folder, ["create table ticket as select 1 as n"]),
  finish: finishPostgres,
  sides: {
    "mooring: query()": async (given) => {
      const tickets = await onPostgres(given)
      const run = async () => {
        await Promise.all(Array.from({ length: callers }, () => tickets.query(text)))
        await tickets.close()
        return executions(given)
      }
      return { run, warmUps: 0 }
    },
    "pg: a pool": async (given) => {
      const { default: pg } = await import("pg")
      const pool = new pg.Pool({ ...addressOf(given), max: 10 })
      const run = async () => {
        await Promise.all(Array.from({ length: callers }, () => pool.query(text)))
        await pool.end()
        return executions(given)
      }
      return { run, warmUps: 0, version: versionOf("pg") }
    },
  },
  figures: [{ title: "1,000 equal queries at once", over: "mooring: query()", bar: { atMost: 1 } }],
}

/** How often the table was read since the last time; a session has told all of it when it has ended. */
async function executions(given: string): Promise<number> {
  const client = await pgClient(given)
  const others = "select 1 from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
  while ((await client.query(others)).rowCount !== 0);
  const { rows } = await client.query("select seq_scan from pg_stat_user_tables where relname = 'ticket'")
  await client.query("select pg_stat_reset()")
  await client.end()
  return Number(rows[0].seq_scan)
}
