/**
 * A process that reads through a shared cache, told what to read by lines on stdin. Arguments: the Redis server's URL, a
 * prefix, milliseconds of the lease, a file that gets a line for each execution, milliseconds that one takes.
 */
import { appendFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as wait } from "node:timers/promises"
import { cacheData, redisStore } from "../../src/index.ts"

const [url, prefix, lease, log, takes] = process.argv.slice(2) as [string, string, string, string, string]
const store = redisStore({ url, prefix, lease: Number(lease) / 1000, timeout: 10, connectTimeout: 30 })

const read = cacheData(
  async (id: string) => {
    appendFileSync(log, `${id} ${process.pid}\n`)
    await wait(Number(takes))
    return { id, by: process.pid, rows: "r".repeat(1_000) }
  },
  { key: "fault", ttl: "10m", store },
)

/** What a line asks for: so many equal calls. */
interface Task {
  readonly id: string
  readonly calls: number
}

const lines = createInterface({ input: process.stdin })
lines.on("line", async (line) => {
  const { id, calls } = JSON.parse(line) as Task
  const answers = await Promise.allSettled(Array.from({ length: calls }, () => read(id)))
  const by = answers.map((answer) => (answer.status === "fulfilled" ? answer.value.by : String(answer.reason)))
  process.stdout.write(`${JSON.stringify({ id, by })}\n`)
})
lines.on("close", () => process.exit())
process.stdout.write("ready\n")
