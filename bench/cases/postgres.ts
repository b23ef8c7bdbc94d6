import { spawnSync } from "node:child_process"
import { chmodSync, existsSync } from "node:fs"
import { join } from "node:path"
import { connection, type SQLConnection } from "mooring"
import pg from "pg"
import QueryStream from "pg-query-stream"
import postgresJs from "postgres"
import { postgresBinaries } from "../../test/support/postgres-binaries.ts"
import { type PostgresServer, startPostgres, stopPostgres } from "../../test/support/postgres-server.ts"
import type { Case, Side } from "../case.ts"

const rows = 1_000_000
const table = `
  create table trips as
  select i::int4 as id, (random() * 1e6)::float8 as fare, (random() * 1000)::int8 as big, md5((i % 1000)::text) as code,
         'name ' || (i % 50) as name, timestamp '2024-01-01' + (i || ' seconds')::interval as ts, (i % 7 = 0) as flag,
         case when i % 11 = 0 then null else (random() * 1e4)::numeric(12, 2) end as amount
  from generate_series(1, ${rows}) i`
const columns = "id, fare, big, code, name, ts, flag, amount"
const text = `select ${columns} from trips`
const oneRow = "select id, name, fare from trips where id = $1"
/** How often one row is read in a run. */
const lookups = 3000

type Address = Pick<PostgresServer, "host" | "port" | "user" | "database" | "folder">

async function prepare(folder: string): Promise<string> {
  chmodSync(folder, 0o755)
  const server = await startPostgres({ parent: folder })
  const client = await connect(JSON.stringify(server))
  await client.query(table)
  await client.query("create index on trips (id)")
  await client.query("vacuum analyze trips")
  await client.end()
  return JSON.stringify(server)
}

async function finish(prepared: string): Promise<void> {
  if (prepared !== "") await stopPostgres((JSON.parse(prepared) as Address).folder)
}

export const postgres: Case = {
  name: "postgres",
  title: "PostgreSQL on loopback: 1,000,000 rows × 8 columns, two of them text, read whole",
  prepare,
  finish,
  sides: {
    "mooring: query()": async (prepared) => {
      const trips = await mooring(prepared)
      return { run: async () => expectRows((await trips.query(text)).numRows) }
    },
    "mooring: query(), rows as objects": async (prepared) => {
      const trips = await mooring(prepared)
      return { run: async () => expectRows((await trips.query(text)).toArray().length) }
    },
    "mooring: stream()": async (prepared) => {
      const trips = await mooring(prepared)
      return {
        run: async () => {
          let count = 0
          for await (const batch of trips.stream(text)) count += batch.numRows
          return expectRows(count)
        },
      }
    },
    "pg: rows": (prepared) => withPg(prepared, async (client) => (await client.query(text)).rows.length),
    "pg: rows as arrays": (prepared) =>
      withPg(prepared, async (client) => (await client.query({ text, rowMode: "array" })).rows.length),
    "pg-query-stream": (prepared) =>
      withPg(prepared, async (client) => {
        let count = 0
        for await (const _row of client.query(new QueryStream(text, [], { batchSize: 10_000 }))) count++
        return count
      }),
    "postgres.js": async (prepared) => {
      const { host, port, user, database } = JSON.parse(prepared) as Address
      const sql = postgresJs({ host, port, user, database, max: 1 })
      return { run: async () => expectRows((await sql.unsafe(text)).length), close: () => sql.end() }
    },
    "psql: COPY BINARY to nowhere": async (prepared) => {
      const { host, port, user, database } = JSON.parse(prepared) as Address
      const installed = join(postgresBinaries()!, "psql")
      const program = existsSync(installed) ? installed : "psql"
      const copy = `\\copy (${text}) to '/dev/null' (format binary)`
      const args = ["-X", "-h", host, "-p", String(port), "-U", user, "-d", database, "-c", copy]
      return {
        run: async () => {
          const { status, stderr } = spawnSync(program, args, { encoding: "utf8" })
          if (status !== 0) throw new Error(stderr)
          return undefined
        },
      }
    },
  },
  ratios: [
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
      title: "against psql's COPY BINARY to nowhere",
      over: "mooring: query()",
      under: "psql: COPY BINARY to nowhere",
      bar: { atMost: 1.3 },
    },
    {
      title: "rows as objects, decode included, against pg's rows",
      over: "mooring: query(), rows as objects",
      under: "pg: rows",
      bar: { atMost: 1 },
    },
  ],
}

export const postgresOneRow: Case = {
  name: "postgres one row",
  title: "PostgreSQL on loopback: one row by key",
  unit: "µs",
  prepare,
  finish,
  sides: {
    "mooring: query()": async (prepared) => {
      const trips = await mooring(prepared)
      return lookUp((id) => trips.query(oneRow, { params: [id] }))
    },
    "pg: prepared": async (prepared) => {
      const client = await connect(prepared)
      return lookUp(
        (id) => client.query({ name: "one", text: oneRow, values: [id] }),
        () => client.end(),
      )
    },
    "pg: not prepared": async (prepared) => {
      const client = await connect(prepared)
      return lookUp(
        (id) => client.query(oneRow, [id]),
        () => client.end(),
      )
    },
    "pg: prepared, in BEGIN READ ONLY and COMMIT": async (prepared) => {
      const client = await connect(prepared)
      return lookUp(
        async (id) => {
          await client.query("begin read only")
          await client.query({ name: "one", text: oneRow, values: [id] })
          await client.query("commit")
        },
        () => client.end(),
      )
    },
  },
  ratios: [
    { title: "against pg, prepared", over: "mooring: query()", under: "pg: prepared", bar: { atMost: 1.15 } },
    {
      title: "against pg, prepared, in a read-only transaction",
      over: "mooring: query()",
      under: "pg: prepared, in BEGIN READ ONLY and COMMIT",
    },
  ],
}

async function lookUp(read: (id: number) => Promise<unknown>, close?: () => Promise<void>): Promise<Side> {
  let id = 0
  return {
    ...(close && { close }),
    repetitions: 5,
    run: async () => {
      const start = performance.now()
      for (let i = 0; i < lookups; i++) await read(1 + (id++ % rows))
      return ((performance.now() - start) / lookups) * 1000
    },
  }
}

function mooring(prepared: string): Promise<SQLConnection> {
  const { host, port, user, database } = JSON.parse(prepared) as Address
  // Like the peers, without TLS.
  const address = { host, port, username: user, database, sslmode: "disable" }
  return connection<SQLConnection>("trips", { type: "sql", dialect: "postgresql", ...address })
}

async function connect(prepared: string): Promise<pg.Client> {
  const { host, port, user, database } = JSON.parse(prepared) as Address
  const client = new pg.Client({ host, port, user, database, ssl: false })
  await client.connect()
  return client
}

async function withPg(prepared: string, read: (client: pg.Client) => Promise<number>): Promise<Side> {
  const client = await connect(prepared)
  return { run: async () => expectRows(await read(client)), close: () => client.end() }
}

function expectRows(count: number): undefined {
  if (count !== rows) throw new Error(`${count} rows were read.`)
}
