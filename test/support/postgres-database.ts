import { inject, onTestFinished } from "vitest"
import { sharedPostgres } from "./servers.ts"

/** Options of a SQL connection to a database. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly database: string
}

let made = 0

/** A new, empty database on the run's server. It goes with the test. */
export async function newPostgresDatabase(): Promise<PostgresAddress> {
  const { host, port, user } = await sharedPostgres(inject("servers"))
  const database = `test_${process.pid}_${++made}`
  const run = async (text: string) => {
    const { Client } = (await import("pg")).default
    const client = new Client({ host, port, user, database: "postgres" })
    await client.connect()
    await client.query(text)
    await client.end()
  }
  await run(`create database ${database}`)
  onTestFinished(() => run(`drop database ${database} with (force)`))
  return { host, port, username: user, database }
}
