import { chmodSync } from "node:fs"
import type { SQLConnection } from "mooring"
import { removeDaemon } from "../../test/support/daemon.ts"
import { type MariaDBServer, missingMariaDB, startMariaDB } from "../../test/support/mariadb-server.ts"
import { Absent, type Prepared } from "../case.ts"

/** Where the server of a case is. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** Starts a server on loopback and makes what the case reads. */
export async function prepareMariaDB(folder: string, statements: readonly string[]): Promise<Prepared> {
  const missing = missingMariaDB()
  if (missing !== undefined) throw new Absent(missing)
  // The server is another user, who has to pass through.
  chmodSync(folder, 0o755)
  const server = await startMariaDB({ parent: folder })
  const given = JSON.stringify(server)
  try {
    const { createConnection } = await import("mysql2/promise")
    const client = await createConnection(addressOf(given))
    for (const statement of statements) await client.query(statement)
    await client.end()
  } catch (error) {
    await finishMariaDB(given)
    throw error
  }
  const version = /\d+\.\d+\.\d+/.exec(server.version)?.[0]
  return { given, server: `MariaDB ${version ?? server.version}` }
}

export async function finishMariaDB(given: string): Promise<void> {
  await removeDaemon((JSON.parse(given) as MariaDBServer).folder)
}

export function addressOf(given: string): Address {
  const { host, port, user, database } = JSON.parse(given) as MariaDBServer
  return { host, port, user: user.username, password: user.password, database }
}

/** Mooring on this server; like the peers, without TLS. */
export async function onMariaDB(given: string, options: Record<string, unknown> = {}): Promise<SQLConnection> {
  const { connection } = await import("mooring")
  const { user: username, ...address } = addressOf(given)
  return connection("trips", { type: "sql", dialect: "mysql", username, ...address, ssl_mode: "DISABLED", ...options })
}

/** For SQLAlchemy. */
export function mariadbUrl(given: string): string {
  const { host, port, user, password, database } = addressOf(given)
  return `mysql+pymysql://${user}:${password}@${host}:${port}/${database}`
}
