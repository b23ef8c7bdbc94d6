import type { Case, Side } from "../case.ts"
import { finishPostgres, onPostgres, preparePostgres } from "../support/postgres.ts"
import { expectRows, postgresTrips } from "../support/trips.ts"

export const comparison: Case = {
  title: "PostgreSQL on loopback: a stream of more and more rows × 4 columns",
  prepare: (folder) => preparePostgres(folder, postgresTrips),
  finish: finishPostgres,
  sides: {
    "mooring: stream() of 1,000 rows": (given) => stream(given, 1_000),
    "mooring: stream() of 100,000 rows": (given) => stream(given, 100_000),
    "mooring: stream() of 1,000,000 rows": (given) => stream(given, 1_000_000),
    "mooring: stream() of 10,000,000 rows": (given) => stream(given, 10_000_000),
  },
  figures: [
    {
      title: "peak memory of 10,000,000 rows above that of 1,000",
      as: "difference",
      of: "peakMB",
      over: "mooring: stream() of 10,000,000 rows",
      under: "mooring: stream() of 1,000 rows",
      bar: { atMost: 64 },
    },
    {
      title: "peak memory of 10,000,000 rows above that of 1,000,000",
      as: "difference",
      of: "peakMB",
      over: "mooring: stream() of 10,000,000 rows",
      under: "mooring: stream() of 1,000,000 rows",
      bar: { atMost: 64 },
    },
  ],
}

async function stream(given: string, rows: number): Promise<Side> {
  const trips = await onPostgres(given)
  // A join of which PostgreSQL sends the first rows at once: it would write a long series down before.
  const text = `select id, fare, name, ts from trips cross join generate_series(1, 10) limit ${rows}`
  const run = async () => {
    let count = 0
    for await (const batch of trips.stream(text)) count += batch.numRows
    return expectRows(count, rows)
  }
  return { run, warmUps: 0 }
}
