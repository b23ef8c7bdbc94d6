/**
 * Database servers for working by hand: `scripts/services up|down|status`.
 *
 * Each listens on a loopback port of its own, runs as a user who is not root, and keeps its data in a temporary folder,
 * which `down` removes. `npm test` needs none of them: it brings its own.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createConnection } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { join } from "node:path"
import { postgresBinaries } from "../test/support/postgres-binaries.ts"
import { type PostgresServer, startPostgres, stopPostgres } from "../test/support/postgres-server.ts"

/** A running server, as the file of services has it. */
interface Running {
  readonly url: string
  readonly port: number
  readonly folder: string
}

/** One kind of server. */
interface Service {
  /** Why it cannot run here, as a sentence. */
  missing(): string | undefined
  start(parent: string, port: number): Promise<Running>
  stop(running: Running): Promise<void>
  readonly port: number
}

const services: Readonly<Record<string, Service>> = {
  postgresql: {
    port: 55_432,
    missing: () =>
      postgresBinaries() === undefined ? "PostgreSQL's server binaries are not on this machine." : undefined,
    async start(parent, port) {
      const server: PostgresServer = await startPostgres({ parent, port })
      const { user, host, database, folder } = server
      return { url: `postgresql://${user}@${host}:${port}/${database}`, port, folder }
    },
    stop: ({ folder }) => stopPostgres(folder),
  },
}

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
  for (const [name, service] of Object.entries(services)) {
    const present = running[name]
    if (present !== undefined && (await answers(present.port))) {
      console.log(`${name}: runs already, ${present.url}`)
      continue
    }
    const missing = service.missing()
    if (missing !== undefined) {
      console.log(`${name}: ${missing}`)
      continue
    }
    if (present !== undefined) await service.stop(present)
    running[name] = await service.start(folder, service.port)
    writeFileSync(list, JSON.stringify(running, null, 2))
    console.log(`${name}: ${running[name].url}`)
  }
}

async function down(): Promise<void> {
  for (const [name, running] of Object.entries(read())) {
    await services[name]?.stop(running)
    console.log(`${name}: stopped`)
  }
  rmSync(folder, { recursive: true, force: true })
}

async function status(): Promise<void> {
  const running = read()
  for (const [name, service] of Object.entries(services)) {
    const present = running[name]
    if (present === undefined) console.log(`${name}: ${service.missing() ?? "not running"}`)
    else console.log(`${name}: ${(await answers(present.port)) ? present.url : "does not answer"}`)
  }
}

function read(): Record<string, Running> {
  return existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as Record<string, Running>) : {}
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1")
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once("connect", () => end(true)).once("error", () => end(false))
  })
}
