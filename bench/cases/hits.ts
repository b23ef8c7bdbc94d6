import { connection } from "mooring"
import type { Case, Side } from "../case.ts"

const calls = 100_000

/** There is no peer of the same kind in JavaScript: the figures stand beside each other and the bar of 5 µs. */
export const cachedHits: Case = {
  name: "hits",
  title: "The same call again, in microseconds a call (mean of 100,000)",
  unit: "µs",
  sides: {
    "query(), cached, 1 row": () => hit("select 1 as one"),
    "query(), cached, 1 row, params": () => hit("select :n::int as n, :s as s", { n: 1, s: "cat" }),
    "query(), cached, 1,000,000 rows": () => hit("select i, i::varchar as s from range(1000000) t(i)"),
    "connection()": async () => {
      await connection("pets", { type: "sql", url: "duckdb://" })
      return repeated(() => connection("pets", { type: "sql", url: "duckdb://" }))
    },
    "an async function that does nothing": async () => repeated(async () => undefined),
  },
  ratios: [
    {
      title: "1,000,000 rows against 1 row",
      over: "query(), cached, 1,000,000 rows",
      under: "query(), cached, 1 row",
    },
  ],
}

async function hit(sql: string, params?: Record<string, unknown>): Promise<Side> {
  const pets = await connection("pets", { type: "sql", url: "duckdb://" })
  const options = { ttl: "1h", ...(params && { params }) }
  await pets.query(sql, options)
  return repeated(() => pets.query(sql, options))
}

function repeated(call: () => Promise<unknown>): Side {
  return {
    run: async () => {
      const start = performance.now()
      for (let i = 0; i < calls; i++) await call()
      return ((performance.now() - start) * 1000) / calls
    },
  }
}
