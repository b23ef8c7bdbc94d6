import { onTestFinished } from "vitest"
import type { Database, DriverConnection, RunOptions, RunResult, SqlConfig } from "../../../src/sql/dialect.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { type Table, typeName } from "../../../src/tables/index.ts"
import { asMariaDBAdmin, mariadbAdmin, mariadbServer } from "../../support/mariadb-database.ts"
import { type ServerTest, testWith } from "../../support/server-test.ts"

export const never: AbortSignal = new AbortController().signal
export const reading: RunOptions = {
  signal: never,
  readOnly: true,
  maxRows: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
}
export const running: RunOptions = { ...reading, readOnly: false }

/** A test that needs a server. */
export const onServer: ServerTest = testWith("mariadb")

export async function config(changes: Partial<SqlConfig> = {}): Promise<SqlConfig> {
  const { host, port, user, database } = await mariadbServer()
  return completed({ host, port, ...user, database, ...changes })
}

/** A configuration without a server behind it. */
export function completed(changes: Partial<SqlConfig>): SqlConfig {
  return {
    dialect: "mysql",
    driver: undefined,
    username: "mooring",
    password: undefined,
    host: "127.0.0.1",
    port: undefined,
    database: undefined,
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
  const database = await mysql.open(await config(changes))
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

/** A connection of somebody who may do everything. */
export async function connectAsAdmin(changes: Partial<SqlConfig> = {}): Promise<DriverConnection> {
  return connect({ password: undefined, ...(await mariadbAdmin()), ...changes })
}

/** Ends a connection, as its server would. */
export function kill(id: number): Promise<void> {
  return asMariaDBAdmin(`kill ${id}`)
}

/** The server's name for a connection. */
export async function idOf(connection: DriverConnection): Promise<number> {
  const [row] = (await rows(connection, "select connection_id() as id")) as [{ id: number }]
  return row.id
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
