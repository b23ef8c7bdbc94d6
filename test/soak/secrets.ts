import { mkdirSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { FaultDialect, FaultServer } from "../faults/servers.ts"

/** How a server gets a user who may do everything, how a password is changed, and what else is configured. */
interface Users {
  make(username: string, password: string): string[]
  change(username: string, password: string): string
  readonly settings: Readonly<Record<string, string>>
}

const users: Record<FaultDialect, Users> = {
  postgresql: {
    make: (username, password) => [`create role ${username} login superuser password '${password}'`],
    change: (username, password) => `alter role ${username} password '${password}'`,
    settings: { sslmode: "disable" },
  },
  mariadb: {
    make: (username, password) => [
      `create user ${username}@'%' identified by '${password}'`,
      `grant all privileges on *.* to ${username}@'%'`,
    ],
    change: (username, password) => `alter user ${username}@'%' identified by '${password}'`,
    settings: {},
  },
}

/** The project's folder with its secrets, which change. */
export class Secrets {
  readonly project: string
  readonly #servers: Readonly<Record<string, FaultServer>>
  readonly #users = new Map<string, { username: string; password: string }>()
  #rotations = 0

  constructor(project: string, servers: Readonly<Record<string, FaultServer>>) {
    this.project = project
    this.#servers = servers
    mkdirSync(join(this.project, ".mooring"), { recursive: true })
  }

  /** A new user takes the place of the old one, who keeps his password until then: as it is done without a pause. */
  async rotate(name: string): Promise<void> {
    const server = this.#servers[name]!
    const { make, change } = users[name as FaultDialect]
    const before = this.#users.get(name)
    const user = { username: `user_${++this.#rotations}`, password: `password-${this.#rotations}` }
    for (const sql of make(user.username, user.password)) await server.admin(sql)
    this.#users.set(name, user)
    this.#write()
    if (before === undefined) return
    await wait(2_000)
    await server.admin(change(before.username, `no-more-${this.#rotations}`))
  }

  #write(): void {
    const sections = [...this.#users].map(([name, { username, password }]) => {
      const { place, login } = this.#servers[name]!
      const { settings } = users[name as FaultDialect]
      const parts = { dialect: name, ...place, database: login.database, username, password, ...settings }
      const lines = Object.entries(parts).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
      return [`[connections.${name}]`, ...lines, "pool_size = 4", "max_overflow = 2"].join("\n")
    })
    const file = join(this.project, ".mooring", "secrets.toml")
    writeFileSync(`${file}.new`, `${sections.join("\n\n")}\n`, { mode: 0o600 })
    renameSync(`${file}.new`, file)
  }
}
