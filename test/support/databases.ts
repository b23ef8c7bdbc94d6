import { join } from "node:path"
import { test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import type { Dialect } from "../../src/sql/dialect.ts"
import { duckdb } from "../../src/sql/dialects/duckdb/index.ts"
import { mysql } from "../../src/sql/dialects/mysql/index.ts"
import { postgres } from "../../src/sql/dialects/postgres/index.ts"
import { sqlite } from "../../src/sql/dialects/sqlite/index.ts"
import { newMariaDBDatabase, newMariaDBUser } from "./mariadb-database.ts"
import { newPostgresDatabase } from "./postgres-database.ts"
import { type TestProject, useProject } from "./project.ts"
import { unavailable } from "./requirements.ts"
import { WatchedDialect } from "./watched-dialect.ts"

/** The dialects of the conformance run. What differs between them is a `Record` of these: none can be forgotten. */
export type DialectName = FileDialectName | "mysql" | "postgresql"

/** Those whose databases are files, or in memory. */
export type FileDialectName = "duckdb" | "sqlite"

/** The databases of the conformance run. */
export type DatabaseName = `${FileDialectName} ${"in memory" | "file"}` | "mysql server" | "postgresql server"

/** One kind of database that the tests run on. */
interface DatabaseKind {
  readonly dialect: Dialect
  /** False where the data dies with the connection. */
  readonly outlives: boolean
  /** Options of a connection to a fresh database. Called again, they are those of another one. */
  fresh(project: TestProject): MoreOptions | Promise<MoreOptions>
  /** Options that log in to a database with a password, where this kind asks for one. */
  login?(address: MoreOptions, password: string): Promise<MoreOptions>
  /** Why there is none on this machine: a sentence. */
  readonly missing?: string | undefined
}

const memory = (dialect: Dialect): DatabaseKind => ({
  dialect,
  outlives: false,
  fresh: () => ({ database: ":memory:" }),
})

const file = (dialect: Dialect): DatabaseKind => ({
  dialect,
  outlives: true,
  fresh: ({ dir }) => ({ database: join(dir, `pets-${++files}.db`) }),
})

let files = 0

const kinds: Record<DatabaseName, DatabaseKind> = {
  "duckdb in memory": memory(duckdb),
  "duckdb file": file(duckdb),
  "sqlite in memory": memory(sqlite),
  "sqlite file": file(sqlite),
  "mysql server": {
    dialect: mysql,
    outlives: true,
    fresh: async () => ({ ...(await newMariaDBDatabase()) }),
    login: async ({ database, ...place }, password) => ({
      ...place,
      ...(await newMariaDBUser(String(database), password)),
      database,
    }),
    missing: unavailable("mariadb"),
  },
  "postgresql server": {
    dialect: postgres,
    outlives: true,
    fresh: async () => ({ ...(await newPostgresDatabase()) }),
    missing: unavailable("postgresql"),
  },
}

/** Options that may be given to `connection()` besides `type`. */
export type MoreOptions = Record<string, unknown>

/** A connection "pets" to a fresh database with a table of owners, and what reaches its driver. */
export interface Pets {
  readonly pets: SQLConnection
  readonly watched: WatchedDialect
  readonly dialect: DialectName
  /** False where the data dies with the connection: in memory. */
  readonly outlives: boolean
  /** Options of a connection to the same database; in memory, to one like it. */
  readonly address: MoreOptions
  /** The project's folder. */
  readonly dir: string
  /** Another connection, to the same database, or to another one in memory. */
  open(options?: MoreOptions, name?: string): Promise<SQLConnection>
  /** Options of a connection to the same database with this password. */
  login(password: string): Promise<MoreOptions>
  /** Options of a connection to another database of this kind, which is empty. */
  another(): Promise<MoreOptions>
}

/** Two owners: Ada has an owl, Bob has a cat. */
export const owners: Record<string, unknown>[] = [
  { name: "Ada", pet: "owl", age: 36 },
  { name: "Bob", pet: "cat", age: 7 },
]

export const selectOwners = "select name, pet, age from owners order by name"

/** Opens a fresh database. Everything is closed when the test ends. */
export async function openPets(database: DatabaseName, options: MoreOptions = {}): Promise<Pets> {
  const kind = kinds[database]
  const project = useProject()
  const address = await kind.fresh(project)
  const watched = new WatchedDialect(kind.dialect)
  const open = (more: MoreOptions = {}, name = "pets") =>
    connection<SQLConnection>(name, { type: "sql", dialect: watched.dialect, ...address, ...more })
  const pets = await open(options)
  await pets.execute("create table owners (name varchar(40) primary key, pet varchar(20) not null, age integer)")
  await pets.execute("insert into owners values ('Ada', 'owl', 36), ('Bob', 'cat', 7)")
  watched.forget()
  return {
    pets,
    watched,
    dialect: kind.dialect.name as DialectName,
    outlives: kind.outlives,
    address,
    dir: project.dir,
    open,
    // The tests' PostgreSQL trusts whomever it knows, and files ask for none.
    login: async (password) => kind.login?.(address, password) ?? { username: "ada", ...address, password },
    another: async () => kind.fresh(project),
  }
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

/** One test for each database. */
export function onEveryDatabase(
  title: string,
  body: (pets: Pets) => Promise<void>,
  { except = {}, options = {}, within = (run) => run(), timeout }: OnEveryOptions = {},
): void {
  for (const [name, { dialect, missing }] of Object.entries(kinds) as [DatabaseName, DatabaseKind][]) {
    const reason = except[name] ?? except[dialect.name as DialectName] ?? missing
    if (reason !== undefined) test.skip(`${title} — ${name}: ${reason}`, () => undefined)
    else test(`${title} — ${name}`, () => within(async () => body(await openPets(name, options))), timeout)
  }
}

/** Where each connection has a database of its own, and why a test makes no sense then: a sentence. */
export const inMemory = (why: string): Exceptions => ({ "duckdb in memory": why, "sqlite in memory": why })

/** A query that works for minutes, and can be stopped: SQLite stops at rows only, the others at any time. */
export const slowQuery: Record<DialectName, string> = {
  duckdb: "select count(*) as n from range(40000000000) where sqrt(range) * 2 < 1",
  mysql: "select count(*) as n from seq_1_to_40000000000 where sqrt(seq) * 2 < 1",
  postgresql: "select count(*) as n from (select generate_series(1, 40000000000) as i) as s where sqrt(i) * 2 < 1",
  sqlite: "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
}

/** `count` rows of one integer column `i`, from 0. */
export const countRows: Record<DialectName, (count: number) => string> = {
  duckdb: (count) => `select range::integer as i from range(${count})`,
  mysql: (count) => `select cast(seq as int) as i from seq_0_to_${count - 1}`,
  postgresql: (count) => `select generate_series(0, ${count - 1}) as i`,
  sqlite: (count) =>
    `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${count - 1}) select i from n`,
}
