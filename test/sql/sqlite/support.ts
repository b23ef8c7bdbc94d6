import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { onTestFinished, vi } from "vitest"
import type { Database, DriverConnection, RunOptions, RunResult, SqlConfig } from "../../../src/sql/dialect.ts"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { type Table, typeName } from "../../../src/tables/index.ts"

export const never: AbortSignal = new AbortController().signal
export const reading: RunOptions = {
  signal: never,
  readOnly: true,
  maxRows: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
}
export const running: RunOptions = { ...reading, readOnly: false }

/** As many rows as one likes, each made when it is stepped to. */
export const countTo = (end: number): string =>
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < ${end}) select i from n`

/** Hours of work before the first row. */
export const slow = `select count(*) as n from (${countTo(100_000_000_000)})`

export function config(changes: Partial<SqlConfig> = {}): SqlConfig {
  return {
    dialect: "sqlite",
    driver: undefined,
    username: undefined,
    password: undefined,
    host: undefined,
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

const realTimeout = setTimeout

/**
 * Stops the clock of Mooring's deadlines until the test ends: however slow the machine is, a statement is not given up
 * before it has stopped by itself.
 *
 * @returns what waits all the same.
 */
export function stopDeadlines(): (ms: number) => Promise<void> {
  vi.useFakeTimers({ toFake: ["setTimeout"] })
  onTestFinished(() => void vi.useRealTimers())
  return (ms) => new Promise((resolve) => realTimeout(resolve, ms))
}

/** An opened database, closed with the test. */
export async function open(changes: Partial<SqlConfig> = {}): Promise<Database> {
  const database = await sqlite.open(config(changes))
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

/** The process that runs a connection's statements. */
export function childOf(connection: DriverConnection): ChildProcess {
  return (connection as unknown as { link: { transport: { process: ChildProcess } } }).link.transport.process
}

/** A database file with something in it, made by `node:sqlite` alone. */
export function databaseFile(...statements: string[]): string {
  const path = join(folder(), "pets.db")
  const handle = new DatabaseSync(path)
  for (const statement of statements) handle.exec(statement)
  handle.close()
  return path
}

export function query(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, reading)
}

export function execute(connection: DriverConnection, text: string, ...values: unknown[]): Promise<RunResult> {
  return connection.run({ text, values }, running)
}

/** The columns' types as people write them. */
export function typesOf(table: Table): Record<string, string> {
  return Object.fromEntries(table.schema.fields.map((field) => [field.name, typeName(field.type)]))
}

/** A folder that goes with the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "mooring-sqlite-"))
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

const dialect = pathToFileURL("src/sql/dialects/sqlite/index.ts").href

/** Runs a script with a `connection` in a process of its own; gives its output, with warnings. */
export async function script(
  source: string,
  { database, flags = [], ...user }: { database?: string; flags?: string[]; uid?: number; gid?: number } = {},
): Promise<{ code: number | null; output: string }> {
  const setup = `
    import { sqlite } from ${JSON.stringify(dialect)}
    const database = await sqlite.open(${JSON.stringify(config({ database }))})
    const signal = new AbortController().signal
    const options = { signal, readOnly: true, maxRows: Infinity, maxBytes: Infinity }
    const connection = await database.connect({ signal })
    const childPid = () => connection.link.transport.process?.pid
    const query = (text) => connection.run({ text, values: [] }, options)
`
  const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", setup + source], user)
  let output = ""
  child.stdout.on("data", (data) => (output += data))
  child.stderr.on("data", (data) => (output += data))
  const [code] = await once(child, "close")
  return { code, output }
}
