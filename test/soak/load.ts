/** One process under load: `fork()`ed by the soak, which tells it what to do. It ends by itself. */
import { setTimeout as wait } from "node:timers/promises"
import { closeAll, configure, connection, redisStore, type SQLConnection } from "mooring"
import { type Ask, tables, violations, type Writer, writersOf } from "./ledger.ts"
import type { Orders, Progress, Ready, Report } from "./messages.ts"
import { Findings, Work } from "./work.ts"

const findings = new Findings()
let stopping = false
let steps = 0

process.once("message", (orders: Orders) => {
  void run(orders)
})

async function run(orders: Orders): Promise<void> {
  const { worker, seed, project, redis } = orders
  configure({ project, ...(redis !== undefined && { cache: { store: redisStore({ url: redis }) } }) })
  const work = new Map<string, Work[]>()
  const add = (name: string, pets: SQLConnection, writers: readonly Writer[]) => {
    const made = writers.map(({ line }) => new Work(name, pets, worker, line, seed + 1000 * worker + line, findings))
    work.set(name, made)
  }
  const own = new Map<string, SQLConnection>()
  for (const [index, dialect] of ["duckdb", "sqlite"].entries()) {
    const name = `${dialect}-${worker}`
    const writers = writersOf(worker, index)
    own.set(name, await embeddedDatabase(name, dialect, writers))
    add(name, own.get(name)!, writers)
  }
  for (const [index, name] of orders.servers.entries()) {
    add(name, await connection<SQLConnection>(name, { type: "sql" }), writersOf(worker, own.size + index))
  }
  process.once("message", () => {
    stopping = true
  })

  await send({ type: "ready" })
  const reporting = setInterval(report, 5_000)
  await Promise.all([...work.values()].flat().map(repeat))
  clearInterval(reporting)
  report()

  const told = Object.fromEntries([...work].map(([name, made]) => [name, made.flatMap((each) => [...each.told])]))
  for (const [name, pets] of own) {
    const ask: Ask = async (sql) => (await pets.query(sql)).toArray() as Record<string, unknown>[]
    for (const text of await violations(ask, new Map(told[name]))) findings.violations.push(`${name}: ${text}`)
  }
  await closeAll({ timeout: "10s" })
  await send({ type: "report", work: findings.work, errors: findings.errors, told, violations: findings.violations })
  // From here on nothing of ours may hold the process.
  process.disconnect()
}

async function embeddedDatabase(name: string, dialect: string, writers: readonly Writer[]): Promise<SQLConnection> {
  const pets = await connection<SQLConnection>(name, { type: "sql", dialect, database: `${name}.db` })
  for (const text of tables(writers)) await pets.execute(text)
  return pets
}

async function repeat(work: Work): Promise<void> {
  while (!stopping) {
    await work.step()
    steps++
    // Errors that come at once must not become a busy loop.
    await wait(5)
  }
}

function report(): void {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  void send({ type: "progress", done: steps, megabytes: (heapUsed + external) / 2 ** 20 })
}

/** Resolves when it is on its way: a long report that is cut off by the end of the channel is none. */
function send(message: Ready | Progress | Report): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, (error: Error | null) => (error ? reject(error) : resolve()))
  })
}
