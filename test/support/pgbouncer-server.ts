import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inject, onTestFinished } from "vitest"
import { endDaemon, findProgram, freePort, removeDaemon, serverFolder, serverUser, startDaemon } from "./daemon.ts"
import type { PostgresAddress } from "./postgres-database.ts"

/** A pooler in front of a database, with the options of a SQL connection to it. */
export interface Pgbouncer extends PostgresAddress {
  readonly pid: number
  /** Default: SIGKILL. Resolves once it is gone. Start another on its `port` to bring it back. */
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** What a pooler is like. */
export interface PgbouncerOptions {
  /** Default: a free one. */
  readonly port?: number
  /** Lines of the section `[pgbouncer]`: `{ default_pool_size: 1 }`. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/** Starts a pooler in transaction mode, with three servers for all clients. It goes with the test. */
export async function newPgbouncer(behind: PostgresAddress, options: PgbouncerOptions = {}): Promise<Pgbouncer> {
  const { port = await freePort(), settings = {} } = options
  const program = findProgram("pgbouncer")
  if (program === undefined) throw new Error("This machine has no pgbouncer.")
  const { host, username, database } = behind
  const lines = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    auth_type: "any",
    pool_mode: "transaction",
    default_pool_size: 3,
    unix_socket_dir: "",
    ...settings,
  }
  const parent = join(inject("servers"), "pgbouncer")
  mkdirSync(parent, { recursive: true })
  const user = serverUser("postgres")
  const folder = serverFolder(parent, "pgbouncer", user)
  onTestFinished(() => removeDaemon(folder))
  const to = `${database} = host=${host} port=${behind.port} user=${username}`
  const section = Object.entries(lines).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(join(folder, "ini"), `${["[databases]", to, "[pgbouncer]", ...section].join("\n")}\n`)
  const pid = await startDaemon(program, ["-q", join(folder, "ini")], { folder, port, user })
  return { host: "127.0.0.1", port, username, database, pid, kill: (signal) => endDaemon(folder, signal) }
}
