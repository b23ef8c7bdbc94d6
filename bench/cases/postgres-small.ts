import type { Case, Side } from "../case.ts"
import { addressOf, finishPostgres, onPostgres, preparePostgres } from "../support/postgres.ts"
import { postgresTrips, rows } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

const queries = 1000
/** Of each side's pool. */
const connections = 10
const text = "select id, name, fare from trips where id = $1"

export const comparison: Case = {
  title: `PostgreSQL on loopback: 1,000 different queries of one row, pools of ${connections}`,
  chart: { name: "small", title: "1,000 queries of one row, PostgreSQL" },
  prepare: (folder) => preparePostgres(folder, postgresTrips),
  finish: finishPostgres,
  sides: {
    "mooring: 1 at a time": (given) => mooring(given, 1),
    "pg: 1 at a time": (given) => pg(given, 1),
    "postgres.js: 1 at a time": (given) => postgresJs(given, 1),
    "mooring: 10 at a time": (given) => mooring(given, 10),
    "pg: 10 at a time": (given) => pg(given, 10),
    "postgres.js: 10 at a time": (given) => postgresJs(given, 10),
    "mooring: 100 at a time": (given) => mooring(given, 100),
    "pg: 100 at a time": (given) => pg(given, 100),
    "postgres.js: 100 at a time": (given) => postgresJs(given, 100),
  },
  figures: [1, 10, 100].map((concurrency) => ({
    title: `${concurrency} at a time, against pg's pool`,
    over: `mooring: ${concurrency} at a time`,
    under: `pg: ${concurrency} at a time`,
  })),
}

async function mooring(given: string, concurrency: number): Promise<Side> {
  const trips = await onPostgres(given, { pool_size: connections, max_overflow: 0 })
  return crowd(concurrency, (id) => trips.query(text, { params: [id] }))
}

async function pg(given: string, concurrency: number): Promise<Side> {
  const { default: driver } = await import("pg")
  const pool = new driver.Pool({ ...addressOf(given), max: connections })
  const side = crowd(concurrency, (id) => pool.query({ name: "one", text, values: [id] }))
  return { ...side, version: versionOf("pg"), close: () => pool.end() }
}

async function postgresJs(given: string, concurrency: number): Promise<Side> {
  const { default: driver } = await import("postgres")
  const sql = driver({ ...addressOf(given), max: connections })
  const side = crowd(concurrency, async (id) => await sql`select id, name, fare from trips where id = ${id}`)
  return { ...side, version: versionOf("postgres"), close: () => sql.end() }
}

/** So many callers at once, each of which asks again when it has its answer. */
function crowd(concurrency: number, read: (id: number) => Promise<unknown>): Side {
  let id = 0
  const run = async () => {
    let left = queries
    const caller = async () => {
      while (left-- > 0) await read(1 + ((id += 7919) % rows))
    }
    await Promise.all(Array.from({ length: concurrency }, caller))
    return undefined
  }
  return { run, warmUps: 3, repetitions: 9 }
}
