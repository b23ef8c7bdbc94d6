import { join } from "node:path"
import { test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import { duckdb } from "../../src/sql/dialects/duckdb/index.ts"
import { sqlite } from "../../src/sql/dialects/sqlite/index.ts"
import { useProject } from "./project.ts"
import { WatchedDialect } from "./watched-dialect.ts"

/** The dialects of the conformance run. What differs between them is a `Record` of these: none can be forgotten. */
export type DialectName = "duckdb" | "sqlite"

/** The databases of the conformance run. */
export type DatabaseName = `${DialectName} ${"in memory" | "file"}`

const own = { duckdb, sqlite } as const

/** Options that may be given to `connection()` besides `type`. */
export type MoreOptions = Record<string, unknown>

/** A connection "pets" to a fresh database with a table of owners, and what reaches its driver. */
export interface Pets {
  readonly pets: SQLConnection
  readonly watched: WatchedDialect
  readonly dialect: DialectName
  readonly isFile: boolean
  /** The absolute path; `:memory:` in memory. */
  readonly path: string
  /** The project's folder. */
  readonly dir: string
  /** Another connection, to the same file, or to another database in memory. */
  open(options?: MoreOptions, name?: string): Promise<SQLConnection>
}

/** Two owners: Ada has an owl, Bob has a cat. */
export const owners: Record<string, unknown>[] = [
  { name: "Ada", pet: "owl", age: 36 },
  { name: "Bob", pet: "cat", age: 7 },
]

export const selectOwners = "select name, pet, age from owners order by name"

/** Opens a fresh database. Everything is closed when the test ends. */
export async function openPets(database: DatabaseName, options: MoreOptions = {}): Promise<Pets> {
  const [dialect, ...place] = database.split(" ") as [DialectName, string]
  const isFile = place[0] === "file"
  const { dir } = useProject()
  const path = isFile ? join(dir, "pets.db") : ":memory:"
  const watched = new WatchedDialect(own[dialect])
  const open = (more: MoreOptions = {}, name = "pets") =>
    connection<SQLConnection>(name, { type: "sql", dialect: watched.dialect, database: path, ...more })
  const pets = await open(options)
  await pets.execute("create table owners (name varchar primary key, pet varchar not null, age integer)")
  await pets.execute("insert into owners values ('Ada', 'owl', 36), ('Bob', 'cat', 7)")
  watched.forget()
  return { pets, watched, dialect, isFile, path, dir, open }
}

/** Where a test makes no sense, and why: a sentence. */
export type Exceptions = Partial<Record<DatabaseName | DialectName, string>>

/** What a conformance test may set. */
export interface OnEveryOptions {
  readonly except?: Exceptions
  /** Options of the connection "pets". */
  readonly options?: MoreOptions
  /** Runs the test, its connection included, in surroundings of its own. */
  readonly within?: (run: () => Promise<void>) => Promise<void>
  /** Milliseconds. */
  readonly timeout?: number
}

const databases: Record<DatabaseName, true> = {
  "duckdb in memory": true,
  "duckdb file": true,
  "sqlite in memory": true,
  "sqlite file": true,
}

/** One test for each database. */
export function onEveryDatabase(
  title: string,
  body: (pets: Pets) => Promise<void>,
  { except = {}, options = {}, within = (run) => run(), timeout }: OnEveryOptions = {},
): void {
  for (const name of Object.keys(databases) as DatabaseName[]) {
    const reason = except[name] ?? except[name.split(" ")[0] as DialectName]
    if (reason !== undefined) test.skip(`${title} — ${name}: ${reason}`, () => undefined)
    else test(`${title} — ${name}`, () => within(async () => body(await openPets(name, options))), timeout)
  }
}

/** A query that works for minutes, and can be stopped: SQLite stops at rows only, and DuckDB at any time. */
export const slowQuery: Record<DialectName, string> = {
  duckdb: "select count(*) as n from range(40000000000) where sqrt(range) * 2 < 1",
  sqlite: "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
}

/** `count` rows of one integer column `i`, from 0. */
export const countRows: Record<DialectName, (count: number) => string> = {
  duckdb: (count) => `select range::integer as i from range(${count})`,
  sqlite: (count) =>
    `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${count - 1}) select i from n`,
}
