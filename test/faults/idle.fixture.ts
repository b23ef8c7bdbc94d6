/** A process with idle connections, whose ends it is not told: it goes on, reads again, and ends by itself. */
import { existsSync } from "node:fs"
import { setTimeout as wait } from "node:timers/promises"
import { connection, type SQLConnection } from "../../src/index.ts"

const { options, go, done } = JSON.parse(process.env.IDLE_FIXTURE!)
const pets = await connection<SQLConnection>("pets", { type: "sql", ...options })
const held = await pets.connect()
const session = pets.session
await session.query("select 1 as n")
await Promise.all([1, 2, 3].map((n) => pets.query(`select ${n} as n`)))
process.stdout.write("idle\n")
for (let i = 0; i < 1_000 && !existsSync(go); i++) await wait(20)
await wait(200)
const inSession = await session.query("select 2 as n").then(
  () => "went on",
  (error) => error.outcome,
)
await session[Symbol.asyncDispose]()
await held[Symbol.asyncDispose]()
const again = await pets.query("select 4 as n")
console.log(JSON.stringify({ again: again.toArray(), inSession, done }))
