import { chmodSync } from "node:fs"
import type { SQLConnection } from "mooring"
import type { Client } from "pg"
import { postgresBinaries } from "../../test/support/postgres-binaries.ts"
import { startPostgres, stopPostgres } from "../../test/support/postgres-server.ts"
import { Absent, type Prepared, type Side } from "../case.ts"
import { expectRows } from "./trips.ts"
import { versionOf } from "./versions.ts"

/** Where the server of a case is, as {@link preparePostgres} tells it. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

/** Starts a server on loopback and makes what the case reads. */
export async function preparePostgres(folder: string, statements: readonly string[]): Promise<Prepared> {
  if (postgresBinaries() === undefined) throw new Absent("this machine has no PostgreSQL server")
  // The server is another user, who has to pass through.
  chmodSync(folder, 0o755)
  const server = await startPostgres({ parent: folder })
  const given = JSON.stringify(server)
  try {
    const client = await pgClient(given)
    for (const statement of statements) await client.query(statement)
    await client.end()
  } catch (error) {
    await finishPostgres(given)
    throw error
  }
  return { given, server: server.version.replace("postgres (PostgreSQL)", "PostgreSQL") }
}

export async function finishPostgres(given: string): Promise<void> {
  await stopPostgres((JSON.parse(given) as { folder: string }).folder)
}

export function addressOf(given: string): Address {
  const { host, port, user, database } = JSON.parse(given) as Address
  return { host, port, user, database }
}

/** Mooring on this server; like the peers, without TLS. */
export async function onPostgres(given: string, options: Record<string, unknown> = {}): Promise<SQLConnection> {
  const { connection } = await import("mooring")
  const { user: username, ...address } = addressOf(given)
  return connection("trips", {
    type: "sql",
    dialect: "postgresql",
    username,
    ...address,
    sslmode: "disable",
    ...options,
  })
}

export async function pgClient(given: string): Promise<Client> {
  const { default: pg } = await import("pg")
  const client = new pg.Client({ ...addressOf(given), ssl: false })
  await client.connect()
  return client
}

/** A side that reads with one client of `pg`, and tells how many rows there were. */
export async function pgSide(
  given: string,
  read: (client: Client) => Promise<number>,
  expected?: number,
): Promise<Side> {
  const client = await pgClient(given)
  return {
    version: versionOf("pg"),
    run: async () => expectRows(await read(client), expected),
    close: () => client.end(),
  }
}

/** For SQLAlchemy. */
export function postgresUrl(given: string): string {
  const { host, port, user, database } = addressOf(given)
  return `postgresql+psycopg2://${user}@${host}:${port}/${database}`
}
