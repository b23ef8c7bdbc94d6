/**
 * An hour's worth of calls in a small heap: `node --expose-gc --max-old-space-size=128 test/soak/leaks.ts [rounds]`.
 *
 * Every round makes what a process makes and lets go of it. Prints what grew, and ends with code 1 if anything did.
 */
import { getEventListeners } from "node:events"
import { parseArgs } from "node:util"
import {
  cacheData,
  cacheResource,
  cacheStats,
  closeAll,
  configure,
  connection,
  endSession,
  type SQLConnection,
  withSession,
} from "mooring"

const { positionals } = parseArgs({ allowPositionals: true })
const rounds = Number(positionals[0] ?? 40_000)
/** What may be left of a round on average, in bytes: less than any of the connections, results and sessions it makes. */
const mostLeft = 100
/** What tables with a bound and compiled code may grow by in any number of rounds, in bytes. */
const slack = 2 * 2 ** 20

configure({ secrets: { connections: { pets: { url: "sqlite://", pool_size: 2 } } }, cache: { maxBytes: 4 * 2 ** 20 } })
const pets = await connection<SQLConnection>("pets", { type: "sql" })
const profile = cacheData((id: number) => ({ id, name: `user ${id}` }), { ttl: "1s" })
const client = cacheResource((id: number) => ({ id }), { maxEntries: 10 })
/** As an application's own, which lives as long as the process. */
const { signal } = new AbortController()

async function round(id: number): Promise<void> {
  await pets.scalar("select :id as id", { params: { id }, ttl: "10m", signal })
  await pets.scalar("select :id as id", { params: { id }, signal, timeout: "1m", onProgress: () => undefined })
  await pets.query("select wrong", { signal }).catch(() => undefined)
  // Limits, statements and params that never come again.
  await pets.query("select :id as id", { params: { id }, ttl: "10m", maxRows: id + 1 })
  await pets.query(`select ${id} as id`, { ttl: "10m" })
  await pets.clearCache("select :id as id", { params: { id } })
  await pets.clearCache(`select ${id} as id`)
  await profile(id)
  if (id % 3 === 0) await profile.clear(id)
  await client(id)
  // Never read.
  pets.stream("select 1 as n", { signal })
  for await (const batch of pets.stream("select 1 as n union all select 2", { signal, batchRows: 1, timeout: "1m" })) {
    if (batch.numRows > 0) break
  }
  if (id % 4 > 0) return
  const leaving = new AbortController()
  const left = pets.query("select :id as id", { params: { id: -id }, signal: leaving.signal }).catch(() => undefined)
  leaving.abort()
  await left
  await pets.transaction((tx) => tx.scalar("select 1 as n"), { signal })
  await withSession(`user ${id}`, async () => {
    const own = await connection<SQLConnection>("own", { type: "sql", url: "sqlite://", scope: "session", lazy: true })
    return own.connectionName
  })
  await endSession(`user ${id}`)
  const tenant = await connection<SQLConnection>(`tenant ${id}`, { type: "sql", url: "sqlite://", lazy: true })
  await tenant.close()
  const made = cacheData(() => id, { maxEntries: 1 })
  await made()
  const madeClient = cacheResource(() => ({ id }))
  await madeClient()
  configure({ cache: { ttl: 0 } })()
}

async function inUse(): Promise<number> {
  for (let pass = 0; pass < 4; pass++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    globalThis.gc!()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const grown: string[] = []
// Until the cache is full, code is compiled, and tables of the runtime have grown.
const warm = Math.max(1_500, rounds / 4)
for (let id = 0; id < warm; id++) await round(id)
const before = await inUse()
for (let id = warm; id < warm + rounds; id++) await round(id)
const after = await inUse()
const left = (after - before) / rounds
if (after - before > mostLeft * rounds + slack) grown.push(`Each round leaves ${left.toFixed(1)} bytes.`)
const listeners = getEventListeners(signal, "abort").length
if (listeners > 0) grown.push(`${listeners} listeners are left on a signal.`)
const { bytes, entries } = cacheStats()
await closeAll()
console.log(
  `${rounds} rounds: ${left.toFixed(1)} bytes left of each; the cache has ${entries} entries, ${bytes} bytes.`,
)
for (const what of grown) console.error(what)
process.exitCode = grown.length > 0 ? 1 : 0
