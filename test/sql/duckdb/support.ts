import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import type { Database, DriverConnection, RunOptions, RunResult, SqlConfig } from "../../../src/sql/dialect.ts"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"

export const never: AbortSignal = new AbortController().signal
export const reading: RunOptions = {
  signal: never,
  readOnly: true,
  maxRows: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
}
export const running: RunOptions = { ...reading, readOnly: false }

export function config(changes: Partial<SqlConfig> = {}): SqlConfig {
  return {
    dialect: "duckdb",
    driver: undefined,
    username: undefined,
    password: undefined,
    host: undefined,
    port: undefined,
    database: ":memory:",
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
  const database = await duckdb.open(config(changes))
  onTestFinished(() => database.close())
  return database
}

/** A connection, closed with the test. */
export async function connect(database: Database): Promise<DriverConnection> {
  const connection = await database.connect({ signal: never })
  onTestFinished(() => connection.close())
  return connection
}

/** A connection to a database in memory. */
export async function memory(settings: Record<string, unknown> = {}): Promise<DriverConnection> {
  return connect(await open({ settings }))
}

export function query(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, reading)
}

export function execute(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, running)
}

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "mooring-duckdb-"))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error("It was expected to fail.")
    },
    (error) => error,
  )
}
