import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { TestProject } from "vitest/node"
import { removeDaemon } from "./daemon.ts"
import { type MariaDBServer, startMariaDB } from "./mariadb-server.ts"
import { type PostgresServer, startPostgres, stopPostgres } from "./postgres-server.ts"
import { type RedisServer, startRedis } from "./redis-server.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of this run's servers. */
    servers: string
  }
}

/** The kinds of servers, of each of which a run has one. */
export interface Servers {
  readonly postgres: PostgresServer
  readonly mariadb: MariaDBServer
  readonly redis: RedisServer
}

interface Kind<Server> {
  /** In a new folder below `parent`. */
  start(options: { parent: string }): Promise<Server>
  stop(folder: string): Promise<void>
}

const kinds: { readonly [K in keyof Servers]: Kind<Servers[K]> } = {
  postgres: { start: startPostgres, stop: stopPostgres },
  mariadb: { start: startMariaDB, stop: removeDaemon },
  redis: { start: startRedis, stop: removeDaemon },
}

const prefix = "mooring-servers-"

/** Vitest's global set-up: a folder for servers, which start when a test first asks and stop after the last one. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await sweep()
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  // The server may be another user, who has to pass through.
  chmodSync(folder, 0o755)
  for (const kind of Object.keys(kinds)) mkdirSync(join(folder, kind))
  provide("servers", folder)
  return () => stopServers(folder)
}

/** The run's server of a kind, started by the first who asks. */
export async function sharedServer<K extends keyof Servers>(folder: string, kind: K): Promise<Servers[K]> {
  const ready = join(folder, `${kind}.json`)
  try {
    mkdirSync(join(folder, `${kind}.lock`))
  } catch {
    return awaitServer<Servers[K]>(ready)
  }
  let told: { server: unknown } | { failure: string }
  try {
    told = { server: await kinds[kind].start({ parent: join(folder, kind) }) }
  } catch (error) {
    told = { failure: String(error) }
  }
  // Renamed, so that nobody reads half of it.
  writeFileSync(`${ready}.part`, JSON.stringify(told))
  renameSync(`${ready}.part`, ready)
  return awaitServer<Servers[K]>(ready)
}

/** The run's PostgreSQL server. */
export function sharedPostgres(folder: string): Promise<PostgresServer> {
  return sharedServer(folder, "postgres")
}

async function awaitServer<Server>(ready: string): Promise<Server> {
  for (let i = 0; i < 1200 && !existsSync(ready); i++) await wait(50)
  const { server, failure } = JSON.parse(readFileSync(ready, "utf8")) as { server?: Server; failure?: string }
  if (server === undefined) throw new Error(failure)
  return server
}

async function stopServers(folder: string): Promise<void> {
  for (const kind of [...Object.keys(kinds), "pgbouncer"]) {
    const servers = join(folder, kind)
    const stop = kinds[kind as keyof Servers]?.stop ?? removeDaemon
    for (const name of existsSync(servers) ? readdirSync(servers) : []) await stop(join(servers, name))
  }
  rmSync(folder, { recursive: true, force: true })
}

/** Stops what a run left behind that was killed. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1])
    if (pid > 0 && !isAlive(pid)) await stopServers(join(tmpdir(), name)).catch(() => undefined)
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}
