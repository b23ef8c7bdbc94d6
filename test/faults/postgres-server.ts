import { execFile } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import pg from "pg"
import { serverUser } from "../support/daemon.ts"
import { quietPort } from "../support/fault-proxy.ts"
import { postgresBinaries } from "../support/postgres-binaries.ts"
import { type PostgresServer, startPostgres, stopPostgres } from "../support/postgres-server.ts"
import { signalTree } from "./processes.ts"
import type { FaultServer, FaultServerKind, Login, Place } from "./servers.ts"

const run = promisify(execFile)

export const postgresFaultServer: FaultServerKind = {
  missing: () => (postgresBinaries() === undefined ? "this machine has no PostgreSQL server" : undefined),
  folder: "postgres",
  async start(parent) {
    const server = new Server(await startPostgres({ parent, port: await quietPort() }))
    // What it says it has committed must survive its death, though not the machine's.
    await server.set("synchronous_commit = on")
    return server
  },
  plain: { sslmode: "disable" },
  sleep: (seconds) => `select 1 as n from pg_sleep(${seconds})`,
}

const harness = "harness"
const others = `backend_type = 'client backend' and application_name <> '${harness}'`

class Server implements FaultServer {
  readonly place: Place
  readonly login: Login
  readonly guarded = "scram"
  readonly version: string
  readonly #server: PostgresServer

  constructor(server: PostgresServer) {
    this.#server = server
    this.place = { host: server.host, port: server.port }
    this.login = { username: server.user, password: "unused", database: server.database }
    this.version = server.version.replace("postgres (PostgreSQL)", "PostgreSQL")
  }

  async admin(sql: string): Promise<Record<string, unknown>[]> {
    const { socket, port, user, database } = this.#server
    const client = new pg.Client({ host: socket, port, user, database, application_name: harness })
    client.on("error", () => undefined)
    await client.connect()
    try {
      return (await client.query(sql)).rows
    } finally {
      await client.end()
    }
  }

  async sessions(): Promise<number> {
    const [row] = await this.admin(`select count(*)::int as n from pg_stat_activity where ${others}`)
    return row!.n as number
  }

  async endSessions(): Promise<number> {
    const ended = await this.admin(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
    return ended.length
  }

  async kill(): Promise<void> {
    await signalTree(this.#pid, "SIGKILL")
    // Where nobody asks about the dead, their number still looks like a running server's.
    const { folder, port } = this.#server
    for (const lock of ["data/postmaster.pid", `.s.PGSQL.${port}.lock`]) rmSync(join(folder, lock))
  }

  async start(): Promise<void> {
    const { folder, port } = this.#server
    const place = `-k ${folder} -h 127.0.0.1 -p ${port}`
    const settings = ["start", "-w", "-D", this.#data, "-l", join(folder, "log"), "-o", place]
    await run(this.#control, settings, {
      ...serverUser("postgres"),
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: "C" },
    })
  }

  async freeze(): Promise<void> {
    await signalTree(this.#pid, "SIGSTOP")
  }

  async thaw(): Promise<void> {
    await signalTree(this.#pid, "SIGCONT")
  }

  async set(...settings: string[]): Promise<void> {
    for (const setting of settings) await this.admin(`alter system set ${setting}`)
    await this.admin("select pg_reload_conf()")
  }

  async setPassword(password: string): Promise<void> {
    const [known] = await this.admin(`select from pg_roles where rolname = '${this.guarded}'`)
    await this.admin(`${known ? "alter" : "create"} role ${this.guarded} login superuser password '${password}'`)
  }

  async dispose(): Promise<void> {
    await stopPostgres(this.#server.folder)
  }

  get #data(): string {
    return join(this.#server.folder, "data")
  }

  get #control(): string {
    return join(postgresBinaries()!, "pg_ctl")
  }

  get #pid(): number {
    return Number(readFileSync(join(this.#data, "postmaster.pid"), "utf8").split("\n", 1)[0])
  }
}
