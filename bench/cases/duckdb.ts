import type { Case, Side } from "../case.ts"
import { allTrips, duckdbTrips, expectRows } from "../support/trips.ts"
import { versionOf } from "../support/versions.ts"

export const comparison: Case = {
  title: "DuckDB in memory: 1,000,000 rows × 8 columns, two of them text, read whole",
  chart: { name: "reading", title: "DuckDB" },
  sides: {
    "mooring: query()": async () => {
      const { connection } = await import("mooring")
      const trips = await connection("trips", { type: "sql", url: "duckdb://" })
      await trips.execute(duckdbTrips)
      return { run: async () => expectRows((await trips.query(allTrips)).numRows) }
    },
    "mooring: query(), toArray()": async () => {
      const { connection } = await import("mooring")
      const trips = await connection("trips", { type: "sql", url: "duckdb://" })
      await trips.execute(duckdbTrips)
      return { run: async () => expectRows((await trips.query(allTrips)).toArray().length) }
    },
    "node-api: getRowObjects()": () =>
      driver(async (connection) => (await connection.runAndReadAll(allTrips)).getRowObjects().length),
    "node-api: getColumns()": () =>
      driver(async (connection) => (await connection.runAndReadAll(allTrips)).getColumns()[0]!.length),
    "node-api: chunks, untouched": () =>
      driver(async (connection) => {
        const result = await connection.stream(allTrips)
        let count = 0
        for (;;) {
          const chunk = await result.fetchChunk()
          if (chunk === null || chunk.rowCount === 0) return count
          count += chunk.rowCount
        }
      }),
  },
  figures: [
    {
      title: "faster than getRowObjects()",
      over: "node-api: getRowObjects()",
      under: "mooring: query()",
      bar: { atLeast: 12 },
    },
    {
      title: "against chunks, untouched",
      over: "mooring: query()",
      under: "node-api: chunks, untouched",
      bar: { atMost: 2 },
    },
    {
      title: "peak memory against getRowObjects()",
      of: "peakMB",
      over: "mooring: query()",
      under: "node-api: getRowObjects()",
    },
  ],
}

type Native = Awaited<ReturnType<Awaited<ReturnType<typeof open>>["connect"]>>

async function open() {
  const { DuckDBInstance } = await import("@duckdb/node-api")
  return DuckDBInstance.create(":memory:")
}

async function driver(read: (connection: Native) => Promise<number>): Promise<Side> {
  const native = await (await open()).connect()
  await native.run(duckdbTrips)
  return { version: versionOf("@duckdb/node-api"), run: async () => expectRows(await read(native)) }
}
