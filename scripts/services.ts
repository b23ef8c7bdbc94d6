/**
 * Database servers for working by hand: `scripts/services up|down|status`.
 *
 * Each listens on a loopback port of its own, runs as a user who is not root, and keeps its data in a temporary folder,
 * which `down` removes. `npm test` needs none of them: it brings its own.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { answers, removeDaemon } from "../test/support/daemon.ts"
import { startMariaDB } from "../test/support/mariadb-server.ts"
import { startPostgres, stopPostgres } from "../test/support/postgres-server.ts"
import { startRedis } from "../test/support/redis-server.ts"
import { missing, type Requirement } from "../test/support/requirements.ts"

/** A running server, as the file of services has it. */
interface Running {
  readonly url: string
  readonly port: number
  readonly folder: string
}

/** One kind of server. */
interface Service {
  readonly name: Requirement
  /** Where the environment names none, as in `MOORING_REDIS_PORT=7000`. */
  readonly port: number
  start(options: { parent: string; port: number }): Promise<Running>
  stop(folder: string): Promise<void>
}

const services: readonly Service[] = [
  {
    name: "postgresql",
    port: 55_432,
    async start(options) {
      const { user, host, port, database, folder } = await startPostgres(options)
      return { url: `postgresql://${user}@${host}:${port}/${database}`, port, folder }
    },
    stop: stopPostgres,
  },
  {
    name: "mariadb",
    port: 55_306,
    async start(options) {
      const { user, host, port, database, folder } = await startMariaDB(options)
      return { url: `mariadb://${user.username}:${user.password}@${host}:${port}/${database}`, port, folder }
    },
    stop: removeDaemon,
  },
  {
    name: "redis",
    port: 56_379,
    async start(options) {
      const { url, port, folder } = await startRedis(options)
      return { url, port, folder }
    },
    stop: removeDaemon,
  },
]

const folder = join(tmpdir(), `mooring-services-${userInfo().username}`)
const list = join(folder, "services.json")

switch (process.argv[2]) {
  case "up":
    await up()
    break
  case "down":
    await down()
    break
  case "status":
    await status()
    break
  default:
    console.error("Usage: scripts/services up|down|status")
    process.exitCode = 2
}

async function up(): Promise<void> {
  const running = read()
  mkdirSync(folder, { recursive: true })
  // A server that is another user has to pass through.
  chmodSync(folder, 0o755)
  for (const service of services) {
    const { name } = service
    try {
      const present = running[name]
      const lack = missing(name)
      if (present !== undefined && (await answers(present.port))) console.log(`${name}: runs already, ${present.url}`)
      else if (lack !== undefined) console.log(`${name}: ${lack}`)
      else {
        if (present !== undefined) await service.stop(present.folder)
        const port = Number(process.env[`MOORING_${name.toUpperCase()}_PORT`] ?? service.port)
        running[name] = await service.start({ parent: folder, port })
        writeFileSync(list, JSON.stringify(running, null, 2))
        console.log(`${name}: ${running[name].url}`)
      }
    } catch (error) {
      console.error(`${name}: ${(error as Error).message}`)
      process.exitCode = 1
    }
  }
}

async function down(): Promise<void> {
  const running = read()
  for (const { name, stop } of services) {
    const present = running[name]
    if (present === undefined) continue
    await stop(present.folder)
    console.log(`${name}: stopped`)
  }
  rmSync(folder, { recursive: true, force: true })
}

async function status(): Promise<void> {
  const running = read()
  for (const { name } of services) {
    const present = running[name]
    if (present === undefined) console.log(`${name}: ${missing(name) ?? "not running"}`)
    else console.log(`${name}: ${(await answers(present.port)) ? present.url : "does not answer"}`)
  }
}

function read(): Partial<Record<string, Running>> {
  return existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as Record<string, Running>) : {}
}
