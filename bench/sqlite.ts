/**
 * SQLite: 1,000,000 rows × 8 columns, three of them text, beside `node:sqlite` itself.
 *
 * Each side runs in a process of its own, the sides take turns, and what counts is the median. Mooring's time is that of
 * the whole way: the worker's reading, the transfer, and the table.
 *
 *     node bench/sqlite.ts [repetitions]
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"

const sides = ["mooring", "all", "all, as arrays", "iterate, as arrays"] as const
type Side = (typeof sides)[number]

const rows = 1_000_000
const text = "select * from trips"

/** What one process measured. */
interface Sample {
  /** The median of three readings, after one that warms up. */
  readonly milliseconds: number
  readonly peakMB: number
}

const [, , first = "5", file = ""] = process.argv
if (sides.includes(first as Side)) console.log(JSON.stringify(await measure(first as Side)))
else compare(Number(first))

function compare(repetitions: number): void {
  const folder = mkdtempSync(join(tmpdir(), "mooring-bench-"))
  try {
    const database = join(folder, "trips.db")
    fill(database)
    const samples = new Map<Side, Sample[]>(sides.map((name) => [name, []]))
    for (let i = 0; i < repetitions; i++) for (const name of sides) samples.get(name)!.push(run(name, database))
    const results = sides.map((name) => ({
      side: name,
      milliseconds: median(samples.get(name)!.map((sample) => sample.milliseconds)),
      peakMB: median(samples.get(name)!.map((sample) => sample.peakMB)),
    }))
    const [ours, all, arrays] = results
    const ratios = {
      "faster than .all() (bar: 1.3)": round(all!.milliseconds / ours!.milliseconds),
      "faster than .all() as arrays": round(arrays!.milliseconds / ours!.milliseconds),
      "peak memory, against .all()": round(ours!.peakMB / all!.peakMB),
    }
    console.table(results)
    console.table(ratios)
    const versions = { node: process.version, sqlite: process.versions.sqlite }
    console.log(JSON.stringify({ bench: "sqlite", rows, columns: 8, repetitions, versions, results, ratios }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function fill(path: string): void {
  const handle = new DatabaseSync(path)
  handle.exec(`
    create table trips (id integer primary key, fare real, big integer, hash text, city text, at text, paid boolean,
      tip numeric);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows})
    insert into trips select i, i * 1.37, i * 1000003, lower(hex(randomblob(16))), 'city ' || (i % 50),
      datetime(1700000000 + i, 'unixepoch'), i % 2, case when i % 10 = 0 then null else i * 0.25 end from n`)
  handle.close()
}

function run(name: Side, database: string): Sample {
  const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name, database], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(`${name}: ${stderr}`)
  return JSON.parse(stdout) as Sample
}

async function measure(name: Side): Promise<Sample> {
  const read = name === "mooring" ? await withMooring() : withDriver(name)
  const times: number[] = []
  for (let i = 0; i < 4; i++) {
    const start = performance.now()
    const count = await read()
    times.push(performance.now() - start)
    if (count !== rows) throw new Error(`${count} rows were read.`)
  }
  return {
    milliseconds: round(median(times.slice(1))),
    peakMB: Math.round(process.resourceUsage().maxRSS / 1024),
  }
}

async function withMooring(): Promise<() => Promise<number>> {
  const { sqlite } = await import("../src/sql/dialects/sqlite/index.ts")
  const database = await sqlite.open({
    dialect: "sqlite",
    driver: undefined,
    username: undefined,
    password: undefined,
    host: undefined,
    port: undefined,
    database: file,
    query: {},
    settings: {},
    connectArgs: {},
    pool: { size: 1, maxOverflow: 0, timeout: 1000, recycle: Number.POSITIVE_INFINITY, prePing: false },
    autocommit: false,
    projectDir: ".",
  })
  const { signal } = new AbortController()
  const connection = await database.connect({ signal })
  const limits = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
  return async () => {
    const { table } = await connection.run({ text, values: [] }, { signal, readOnly: true, ...limits })
    return table.numRows
  }
}

function withDriver(name: Exclude<Side, "mooring">): () => number {
  const statement = new DatabaseSync(file, { readOnly: true }).prepare(text)
  if (name === "all") return () => statement.all().length
  statement.setReturnArrays(true)
  if (name === "all, as arrays") return () => statement.all().length
  return () => {
    let count = 0
    for (const _ of statement.iterate()) count++
    return count
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
