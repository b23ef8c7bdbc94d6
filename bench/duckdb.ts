/**
 * DuckDB: 1,000,000 rows × 8 columns, two of them text, beside the driver's own ways of reading them.
 *
 * Each side runs in a process of its own, the sides take turns, and what counts is the median.
 *
 *     node bench/duckdb.ts [repetitions]
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"

const sides = ["mooring", "getRowObjects", "untouched chunks"] as const
type Side = (typeof sides)[number]

const rows = 1_000_000
const table = `
  create table trips as
  select i::int as id, random() * 1e6 as fare, (random() * 1000)::bigint as big, md5((i % 1000)::varchar) as code,
         'name ' || (i % 50) as name, timestamp '2024-01-01' + to_seconds(i) as ts, (i % 7 = 0) as flag,
         case when i % 11 = 0 then null else (random() * 1e4)::decimal(12, 2) end as amount
  from range(${rows}) t(i)`
const text = "select * from trips"

/** What one process measured. */
interface Sample {
  /** The median of three readings, after one that warms up. */
  readonly milliseconds: number
  readonly peakMB: number
  readonly version: string
}

const side = process.argv[2] as Side
if (sides.includes(side)) console.log(JSON.stringify(await measure(side)))
else compare(Number(process.argv[2] ?? 5))

function compare(repetitions: number): void {
  const samples = new Map<Side, Sample[]>(sides.map((name) => [name, []]))
  for (let i = 0; i < repetitions; i++) for (const name of sides) samples.get(name)!.push(run(name))
  const results = sides.map((name) => ({
    side: name,
    milliseconds: median(samples.get(name)!.map((sample) => sample.milliseconds)),
    peakMB: median(samples.get(name)!.map((sample) => sample.peakMB)),
  }))
  const [ours, objects, chunks] = results
  const ratios = {
    "faster than getRowObjects (bar: 12)": round(objects!.milliseconds / ours!.milliseconds),
    "slower than untouched chunks (bar: 2)": round(ours!.milliseconds / chunks!.milliseconds),
  }
  console.table(results)
  console.table(ratios)
  const versions = { node: process.version, duckdb: samples.get("mooring")![0]!.version }
  console.log(JSON.stringify({ bench: "duckdb", rows, columns: 8, repetitions, versions, results, ratios }))
}

function run(name: Side): Sample {
  const { stdout, stderr, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), name], {
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(`${name}: ${stderr}`)
  return JSON.parse(stdout) as Sample
}

async function measure(name: Side): Promise<Sample> {
  const { read, version } = name === "mooring" ? await withMooring() : await withDriver(name)
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
    version,
  }
}

interface Reader {
  readonly version: string
  read(): Promise<number>
}

async function withMooring(): Promise<Reader> {
  const { duckdb } = await import("../src/sql/dialects/duckdb/index.ts")
  const database = await duckdb.open({
    dialect: "duckdb",
    driver: undefined,
    username: undefined,
    password: undefined,
    host: undefined,
    port: undefined,
    database: ":memory:",
    query: {},
    settings: {},
    connectArgs: {},
    pool: { size: 1, maxOverflow: 0, timeout: 1000, recycle: Number.POSITIVE_INFINITY, prePing: false },
    autocommit: false,
    projectDir: process.cwd(),
  })
  const { signal } = new AbortController()
  const connection = await database.connect({ signal })
  const limits = { signal, maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
  await connection.run({ text: table, values: [] }, { ...limits, readOnly: false })
  return {
    version: database.version!,
    read: async () => (await connection.run({ text, values: [] }, { ...limits, readOnly: true })).table.numRows,
  }
}

async function withDriver(name: Side): Promise<Reader> {
  const { DuckDBInstance, version } = await import("@duckdb/node-api")
  const connection = await (await DuckDBInstance.create(":memory:")).connect()
  await connection.run(table)
  const objects = async () => (await connection.runAndReadAll(text)).getRowObjects().length
  const chunks = async () => {
    const result = await connection.stream(text)
    let count = 0
    for (;;) {
      const chunk = await result.fetchChunk()
      if (chunk === null || chunk.rowCount === 0) return count
      count += chunk.rowCount
    }
  }
  return { version: version(), read: name === "getRowObjects" ? objects : chunks }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
