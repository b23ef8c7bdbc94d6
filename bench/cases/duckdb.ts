import { connection } from "mooring"
import type { Case, Side } from "../case.ts"

const rows = 1_000_000
const table = `
  create table trips as
  select i::int as id, random() * 1e6 as fare, (random() * 1000)::bigint as big, md5((i % 1000)::varchar) as code,
         'name ' || (i % 50) as name, timestamp '2024-01-01' + to_seconds(i) as ts, (i % 7 = 0) as flag,
         case when i % 11 = 0 then null else (random() * 1e4)::decimal(12, 2) end as amount
  from range(${rows}) t(i)`
const text = "select * from trips"

export const duckdb: Case = {
  name: "duckdb",
  title: "DuckDB in memory: 1,000,000 rows × 8 columns, two of them text, read whole",
  sides: {
    "mooring: query()": async () => {
      const trips = await connection("trips", { type: "sql", url: "duckdb://" })
      await trips.execute(table)
      return {
        version: (await version()).duckdb,
        run: async () => expectRows((await trips.query(text)).numRows),
      }
    },
    "node-api: getRowObjects": () =>
      driver(async (connection) => (await connection.runAndReadAll(text)).getRowObjects().length),
    "node-api: getColumns": () =>
      driver(async (connection) => (await connection.runAndReadAll(text)).getColumns()[0]!.length),
    "node-api: chunks, untouched": () =>
      driver(async (connection) => {
        const result = await connection.stream(text)
        let count = 0
        for (;;) {
          const chunk = await result.fetchChunk()
          if (chunk === null || chunk.rowCount === 0) return count
          count += chunk.rowCount
        }
      }),
  },
  ratios: [
    {
      title: "faster than getRowObjects",
      over: "node-api: getRowObjects",
      under: "mooring: query()",
      bar: { atLeast: 12 },
    },
    {
      title: "against untouched chunks",
      over: "mooring: query()",
      under: "node-api: chunks, untouched",
      bar: { atMost: 2 },
    },
    {
      title: "peak memory against getRowObjects",
      of: "peakMB",
      over: "mooring: query()",
      under: "node-api: getRowObjects",
    },
  ],
}

type Native = Awaited<ReturnType<Awaited<ReturnType<typeof open>>["connect"]>>

async function open() {
  const { DuckDBInstance } = await import("@duckdb/node-api")
  return DuckDBInstance.create(":memory:")
}

async function version(): Promise<{ duckdb: string }> {
  return { duckdb: (await import("@duckdb/node-api")).version() }
}

async function driver(read: (connection: Native) => Promise<number>): Promise<Side> {
  const native = await (await open()).connect()
  await native.run(table)
  return { version: (await version()).duckdb, run: async () => expectRows(await read(native)) }
}

function expectRows(count: number): undefined {
  if (count !== rows) throw new Error(`${count} rows were read.`)
}
