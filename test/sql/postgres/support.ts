import { inject, onTestFinished } from "vitest"
import type { Database, DriverConnection, RunOptions, RunResult, SqlConfig } from "../../../src/sql/dialect.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { type Table, typeName } from "../../../src/tables/index.ts"
import type { PostgresServer } from "../../support/postgres-server.ts"
import { type ServerTest, testWith } from "../../support/server-test.ts"
import { sharedPostgres } from "../../support/servers.ts"

export const never: AbortSignal = new AbortController().signal
export const reading: RunOptions = {
  signal: never,
  readOnly: true,
  maxRows: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
}
export const running: RunOptions = { ...reading, readOnly: false }

/** A test that needs a server. */
export const onServer: ServerTest = testWith("postgresql")

/** The run's server. */
export function server(): Promise<PostgresServer> {
  return sharedPostgres(inject("servers"))
}

export async function config(changes: Partial<SqlConfig> = {}): Promise<SqlConfig> {
  const { host, port, user, database } = await server()
  return completed({ host, port, username: user, database, ...changes })
}

function completed(changes: Partial<SqlConfig>): SqlConfig {
  return {
    dialect: "postgresql",
    driver: undefined,
    username: "postgres",
    password: undefined,
    host: "127.0.0.1",
    port: undefined,
    database: "postgres",
    query: {},
    settings: {},
    connectArgs: {},
    pool: { size: 5, maxOverflow: 10, timeout: 30_000, recycle: Number.POSITIVE_INFINITY, prePing: false },
    autocommit: false,
    projectDir: process.cwd(),
    ...changes,
  }
}

/** An opened database, closed with the test. */
export async function open(changes: Partial<SqlConfig> = {}): Promise<Database> {
  const database = await postgres.open(await config(changes))
  onTestFinished(() => database.close())
  return database
}

/** A connection, closed with the test. */
export async function connect(changes: Partial<SqlConfig> = {}): Promise<DriverConnection> {
  const database = await open(changes)
  const connection = await database.connect({ signal: never })
  onTestFinished(() => connection.close())
  return connection
}

/** A connection to something else than the run's server. */
export async function connectTo(changes: Partial<SqlConfig>): Promise<DriverConnection> {
  const database = await postgres.open(completed(changes))
  const connection = await database.connect({ signal: never })
  onTestFinished(() => connection.close())
  return connection
}

export function query(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, reading)
}

export function execute(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, running)
}

/** The rows of a reading statement. */
export async function rows(connection: DriverConnection, text: string, ...values: unknown[]): Promise<unknown[]> {
  return (await query(connection, text, ...values)).table.toArray()
}

/** The columns' types as people write them. */
export function typesOf(table: Table): Record<string, string> {
  return Object.fromEntries(table.schema.fields.map((field) => [field.name, typeName(field.type)]))
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  return promise.then(
    () => {
      throw new Error("It was expected to fail.")
    },
    (error) => error,
  )
}
