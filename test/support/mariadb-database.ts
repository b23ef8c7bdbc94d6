import { createConnection } from "mysql2/promise"
import { inject, onTestFinished } from "vitest"
import type { MariaDBServer } from "./mariadb-server.ts"
import { sharedServer } from "./servers.ts"

/** Options of a SQL connection to a database. */
export interface MariaDBAddress {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password?: string
  readonly database: string
}

/** The run's server. */
export function mariadbServer(): Promise<MariaDBServer> {
  return sharedServer(inject("servers"), "mariadb")
}

/** Somebody who may do everything, in the database `mysql`: for KILL, users, and settings of the whole server. */
export async function mariadbAdmin(): Promise<MariaDBAddress> {
  const { host, port, admin } = await mariadbServer()
  return { host, port, ...admin, database: "mysql" }
}

/** Runs statements as {@link mariadbAdmin}, each by itself. */
export async function asMariaDBAdmin(...statements: string[]): Promise<void> {
  const { username, ...address } = await mariadbAdmin()
  const client = await createConnection({ ...address, user: username })
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

let made = 0

/** A new, empty database on the run's server, and a user who may do everything in it. It goes with the test. */
export async function newMariaDBDatabase(): Promise<MariaDBAddress> {
  const { host, port, user } = await mariadbServer()
  const database = `test_${process.pid}_${++made}`
  await asMariaDBAdmin(`create database ${database}`)
  onTestFinished(() => dropDatabase(database))
  return { host, port, ...user, database }
}

/** A new user with a password, who may do everything in a database. Goes with the test. */
export async function newMariaDBUser(
  database: string,
  password: string,
): Promise<{ readonly username: string; readonly password: string }> {
  const username = `user_${process.pid}_${++made}`
  await asMariaDBAdmin(
    `create user ${username}@'%' identified by '${password}'`,
    `grant all privileges on ${database}.* to ${username}@'%'`,
  )
  onTestFinished(() => asMariaDBAdmin(`drop user ${username}@'%'`))
  return { username, password }
}

async function dropDatabase(database: string): Promise<void> {
  const { username, ...address } = await mariadbAdmin()
  const client = await createConnection({ ...address, user: username })
  try {
    // An open transaction would make the drop wait.
    const list = "select id from information_schema.processlist where db = ?"
    const [users] = (await client.query(list, [database])) as unknown as [{ id: number }[]]
    for (const { id } of users) await client.query(`kill ${id}`).catch(() => undefined)
    await client.query(`drop database if exists ${database}`)
  } finally {
    await client.end()
  }
}
