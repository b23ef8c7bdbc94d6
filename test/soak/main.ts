/**
 * Mixed work on every database for a while, while servers, links and secrets are hurt; and then a look at whether
 * anything was lost: `npm run soak -- --minutes 10 [--seed 1]`. Then rounds in a small heap, to see that nothing is kept;
 * `--no-memory` leaves them out.
 *
 * Prints the seed, which repeats the plan of a run, though not its timing. Ends with code 1 if a promise was broken.
 */
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { parseArgs } from "node:util"
import { type FaultServer, faultServers } from "../faults/servers.ts"
import { missingRedis } from "../support/redis-server.ts"
import { Child } from "./child.ts"
import { hurt, Redis } from "./faults.ts"
import { tables, violations, writersOf } from "./ledger.ts"
import { flatness } from "./memory.ts"
import type { Report } from "./messages.ts"
import { Random } from "./random.ts"
import { Secrets } from "./secrets.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    memory: { type: "boolean", default: true },
  },
  allowNegative: true,
})
const minutes = Number(values.minutes)
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed)
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error("Usage: npm run soak -- [--minutes N] [--seed N]")

/** How the rounds are run that must keep nothing. */
const smallHeap = ["--expose-gc", "--max-old-space-size=128"]

/** How many processes work on the same servers. */
const workers = 2

const folder = mkdtempSync(join(tmpdir(), "mooring-soak-"))
chmodSync(folder, 0o755)
const broken: string[] = []
const servers: Record<string, FaultServer> = {}
let redis: Redis | undefined
try {
  console.log(`Seed ${seed}, ${minutes} minutes, ${workers} processes.`)
  await startServers()
  await soak()
} finally {
  for (const server of Object.values(servers)) await server.dispose()
  await redis?.dispose()
  rmSync(folder, { recursive: true, force: true })
}
for (const text of broken.slice(0, 40)) console.log(`BROKEN: ${text}`)
console.log(broken.length === 0 ? "Every promise was kept." : `${broken.length} broken promises; seed ${seed}.`)
process.exitCode = broken.length === 0 && (!values.memory || keepsNothing()) ? 0 : 1

/** As many rounds as take about as long as the rest. */
function keepsNothing(): boolean {
  const rounds = Math.ceil(minutes * 4_000)
  const script = join(import.meta.dirname, "leaks.ts")
  const { status } = spawnSync(process.execPath, [...smallHeap, script, String(rounds)], { stdio: "inherit" })
  return status === 0
}

async function startServers(): Promise<void> {
  for (const [dialect, kind] of Object.entries(faultServers)) {
    const missing = kind.missing()
    if (missing !== undefined) {
      console.log(`Without ${dialect}: ${missing}.`)
      continue
    }
    const parent = join(folder, kind.folder)
    mkdirSync(parent)
    servers[dialect] = await kind.start(parent)
  }
  const missing = missingRedis()
  if (missing === undefined) redis = await Redis.start(folder)
  else console.log(`Without Redis: ${missing}.`)
}

async function soak(): Promise<void> {
  const names = Object.keys(servers)
  const secrets = new Secrets(join(folder, "project"), servers)
  const embedded = 2
  for (const [index, name] of names.entries()) {
    const writers = Array.from({ length: workers }, (_, worker) => writersOf(worker, embedded + index)).flat()
    for (const text of tables(writers)) await servers[name]!.admin(text)
    await secrets.rotate(name)
  }
  const { project } = secrets
  const stop = new AbortController()
  const children = Array.from(
    { length: workers },
    (_, worker) => new Child({ worker, seed, project, servers: names, redis: redis?.url }, broken),
  )
  // What is hurt before would end a process that only just connects, as it would end a program.
  await Promise.all(children.map((child) => child.ready))
  const victims = { servers, redis, rotate: (name: string) => secrets.rotate(name) }
  const end = setTimeout(() => stop.abort(), minutes * 60_000)
  const started = performance.now()
  const hurting = hurt(victims, new Random(seed), stop.signal, (what) => {
    const seconds = Math.round((performance.now() - started) / 1000)
    const done = children.reduce((sum, child) => sum + child.done, 0)
    console.log(`${String(seconds).padStart(4)} s  ${String(done).padStart(8)} done  ${what}`)
  })
  for (const child of children) child.gone.then(() => stop.abort())
  const faults = await hurting
  clearTimeout(end)
  const reports = await Promise.all(children.map((child) => child.finish()))
  await look(reports, faults, children)
}

/** The look back. */
async function look(reports: Report[], faults: Record<string, number>, children: Child[]): Promise<void> {
  for (const report of reports) broken.push(...report.violations)
  for (const [name, server] of Object.entries(servers)) {
    const told = new Map(reports.flatMap((report) => report.told[name] ?? []))
    for (const text of await violations((sql) => server.admin(sql), told)) broken.push(`${name}: ${text}`)
    // The server notices that somebody has left when it looks.
    for (let i = 0; i < 50 && (await server.sessions()) > 0; i++) await wait(100)
    const left = await server.sessions()
    if (left > 0) broken.push(`${name}: ${left} connections were left behind at the server.`)
  }
  for (const child of children)
    broken.push(...flatness(child.megabytes).map((text) => `process ${child.worker}: ${text}`))
  const sum = (tallies: readonly Readonly<Record<string, number>>[]) => {
    const total: Record<string, number> = {}
    for (const tally of tallies) for (const [key, n] of Object.entries(tally)) total[key] = (total[key] ?? 0) + n
    return total
  }
  console.log("\nWork that succeeded:")
  console.table(sum(reports.map(({ work }) => work)))
  console.log("Faults:")
  console.table(faults)
  console.log("Errors, all of them typed:")
  console.table(sum(reports.map(({ errors }) => errors)))
  for (const { worker, megabytes } of children) {
    const [first, last] = [megabytes[0], megabytes.at(-1)]
    console.log(`Process ${worker}: ${first?.toFixed(0)} MB of heap and buffers at first, ${last?.toFixed(0)} at last.`)
  }
}
