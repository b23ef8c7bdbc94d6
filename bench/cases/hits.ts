import { join } from "node:path"
import type { Case, Side } from "../case.ts"
import { streamlit } from "../support/streamlit.ts"

const calls = 100_000
const rows = 1_000_000
const one = "select 1 as n, 'cat' as s"
const numbers = `with recursive t(n) as (select 1 union all select n + 1 from t where n < ${rows}) select n, 'cat' as s from t`

export const comparison: Case = {
  title: "The same call again, in microseconds a call (mean of 100,000)",
  unit: "µs",
  chart: { name: "small", title: "The same query again, from the cache" },
  prepare: async (folder) => ({ given: join(folder, "pets.db") }),
  sides: {
    "mooring: query(), cached, 1 row": () => hit("select 1 as n, 'cat' as s"),
    "mooring: query(), cached, 1 row, params": () => hit("select :n::int as n, :s as s", { n: 1, s: "cat" }),
    "mooring: query(), cached, 1,000,000 rows": () => hit(`select i as n, 'cat' as s from range(${rows}) t(i)`),
    "mooring: connection()": async () => {
      const { connection } = await import("mooring")
      const again = () => connection("pets", { type: "sql", url: "duckdb://" })
      await again()
      return repeated(again)
    },
    "Streamlit: conn.query(), cached, 1 row": (path) =>
      streamlit({ work: "hit", url: `sqlite:///${path}`, sql: one, repetitions: 1000, rows: 1 }),
    "Streamlit: conn.query(), cached, 1,000,000 rows": (path) =>
      streamlit({ work: "hit", url: `sqlite:///${path}`, sql: numbers, repetitions: 50, rows }),
    "Streamlit: st.connection()": (path) =>
      streamlit({ work: "connection", url: `sqlite:///${path}`, sql: one, repetitions: 1000, rows: 1 }),
  },
  figures: [
    { title: "a cached query(), 1 row", over: "mooring: query(), cached, 1 row", bar: { atMost: 5 } },
    { title: "a cached query(), 1 row, params", over: "mooring: query(), cached, 1 row, params", bar: { atMost: 5 } },
    {
      title: "a cached query(), 1,000,000 rows",
      over: "mooring: query(), cached, 1,000,000 rows",
      bar: { atMost: 5 },
    },
    {
      title: "Streamlit's hit at 1 row, against ours",
      over: "Streamlit: conn.query(), cached, 1 row",
      under: "mooring: query(), cached, 1 row",
    },
  ],
}

async function hit(sql: string, params?: Record<string, unknown>): Promise<Side> {
  const { connection } = await import("mooring")
  const pets = await connection("pets", { type: "sql", url: "duckdb://" })
  const options = { ttl: "1h", ...(params && { params }) }
  await pets.query(sql, options)
  return repeated(() => pets.query(sql, options))
}

function repeated(call: () => Promise<unknown>): Side {
  const run = async () => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) await call()
    return ((performance.now() - start) * 1000) / calls
  }
  return { run, repetitions: 3 }
}
