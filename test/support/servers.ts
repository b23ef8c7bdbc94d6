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
import { type PostgresServer, startPostgres, stopPostgres } from "./postgres-server.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The folder of this run's servers. */
    servers: string
  }
}

const prefix = "mooring-servers-"

/** Vitest's global set-up: a folder for servers, which start when a test first asks and stop after the last one. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await sweep()
  const folder = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
  // The server may be another user, who has to pass through.
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, "postgres"))
  provide("servers", folder)
  return () => stopServers(folder)
}

/** The run's PostgreSQL server, started by the first who asks. */
export async function sharedPostgres(folder: string): Promise<PostgresServer> {
  const ready = join(folder, "postgres.json")
  try {
    mkdirSync(join(folder, "postgres.lock"))
  } catch {
    return awaitServer(ready)
  }
  let told: { server: PostgresServer } | { failure: string }
  try {
    told = { server: await startPostgres({ parent: join(folder, "postgres") }) }
  } catch (error) {
    told = { failure: String(error) }
  }
  // Renamed, so that nobody reads half of it.
  writeFileSync(`${ready}.part`, JSON.stringify(told))
  renameSync(`${ready}.part`, ready)
  return awaitServer(ready)
}

async function awaitServer(ready: string): Promise<PostgresServer> {
  for (let i = 0; i < 1200 && !existsSync(ready); i++) await wait(50)
  const { server, failure } = JSON.parse(readFileSync(ready, "utf8")) as { server?: PostgresServer; failure?: string }
  if (server === undefined) throw new Error(failure)
  return server
}

async function stopServers(folder: string): Promise<void> {
  const servers = join(folder, "postgres")
  for (const name of existsSync(servers) ? readdirSync(servers) : []) await stopPostgres(join(servers, name))
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
