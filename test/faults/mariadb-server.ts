import { setTimeout as wait } from "node:timers/promises"
import { createConnection } from "mysql2/promise"
import { answers, daemonOf, removeDaemon, restartDaemon } from "../support/daemon.ts"
import { quietPort } from "../support/fault-proxy.ts"
import { type MariaDBServer, missingMariaDB, startMariaDB } from "../support/mariadb-server.ts"
import { signalTree } from "./processes.ts"
import type { FaultServer, FaultServerKind, Login, Place } from "./servers.ts"

export const mariadbFaultServer: FaultServerKind = {
  missing: missingMariaDB,
  folder: "mariadb",
  async start(parent) {
    const server = new Server(await startMariaDB({ parent, port: await quietPort() }))
    await server.keep()
    return server
  },
  plain: { ssl: false },
  sleep: (seconds) => `select sleep(${seconds}) as n`,
}

class Server implements FaultServer {
  readonly place: Place
  readonly login: Login
  readonly guarded = "guarded"
  readonly version: string
  readonly #server: MariaDBServer

  constructor(server: MariaDBServer) {
    this.#server = server
    this.place = { host: server.host, port: server.port }
    this.login = { ...server.user, database: server.database }
    this.version = `MariaDB ${/Ver (\S+?)-MariaDB/.exec(server.version)?.[1] ?? server.version}`
  }

  async admin(sql: string): Promise<Record<string, unknown>[]> {
    const { socket: socketPath, admin, database } = this.#server
    const client = await createConnection({ socketPath, user: admin.username, database })
    try {
      const [rows] = await client.query(sql)
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []
    } finally {
      client.destroy()
    }
  }

  async sessions(): Promise<number> {
    // One whose link has ended is listed for a moment longer.
    const before = await this.#others()
    await wait(100)
    const after = new Set(await this.#others())
    return before.filter((id) => after.has(id)).length
  }

  async endSessions(): Promise<number> {
    const others = await this.#others()
    // One that has ended meanwhile cannot be killed.
    for (const id of others) await this.admin(`kill ${id}`).catch(() => undefined)
    return others.length
  }

  async kill(): Promise<void> {
    await signalTree(this.#pid, "SIGKILL")
    // Its threads end one by one, and the last one takes the port with it.
    for (let i = 0; i < 500 && (await answers(this.place.port)); i++) await wait(10)
  }

  async start(): Promise<void> {
    await restartDaemon(this.#server.folder)
    await this.keep()
  }

  async freeze(): Promise<void> {
    await signalTree(this.#pid, "SIGSTOP")
  }

  async thaw(): Promise<void> {
    await signalTree(this.#pid, "SIGCONT")
  }

  /** What it says it has committed must survive its death, though not the machine's. */
  async keep(): Promise<void> {
    // Its socket comes a moment after its port.
    for (let i = 0; i < 500 && !(await this.#answers()); i++) await wait(10)
    await this.admin("set global innodb_flush_log_at_trx_commit = 2")
  }

  async setPassword(password: string): Promise<void> {
    const user = `${this.guarded}@'%'`
    await this.admin(`create user if not exists ${user}`)
    await this.admin(`grant all privileges on ${this.login.database}.* to ${user}`)
    await this.admin(`alter user ${user} identified by '${password}'`)
  }

  async dispose(): Promise<void> {
    await removeDaemon(this.#server.folder)
  }

  get #pid(): number {
    const pid = daemonOf(this.#server.folder)
    if (pid === undefined) throw new Error("The server does not run.")
    return pid
  }

  #answers(): Promise<boolean> {
    return this.admin("select 1").then(
      () => true,
      () => false,
    )
  }

  async #others(): Promise<number[]> {
    // Who logs in has no name yet: admin() comes by the socket's file, everybody else by the port.
    const rows = await this.admin(
      `select id from information_schema.processlist where command <> 'Killed' and (
        user in ('${this.login.username}', '${this.guarded}')
        or (user = 'unauthenticated user' and host <> 'localhost'))`,
    )
    return rows.map(({ id }) => Number(id))
  }
}
