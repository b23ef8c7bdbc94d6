import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { createConnection } from "mysql2/promise"
import pg from "pg"
import { type BaseConnection, connection, type SQLConnection } from "../../src/index.ts"
import type { SqlEngine } from "../../src/sql/engine.ts"
import { dialects } from "../../src/sql/index.ts"
import type { DialectName, FileDialectName } from "./databases.ts"
import { type MariaDBAddress, newMariaDBDatabase } from "./mariadb-database.ts"
import { PetsConnection } from "./pets-connection.ts"
import { startPetsServer } from "./pets-server.ts"
import { newPostgresDatabase, type PostgresAddress } from "./postgres-database.ts"
import type { TestProject } from "./project.ts"
import { type Requirement, unavailable } from "./requirements.ts"

/** A raw connection, of which a test can hear that it was released. */
export interface Raw {
  close(): Promise<void>
}

/** What the class of a connection can reach, in the open. */
export interface Inner {
  readonly _instance: Promise<Raw>
  _use<T>(work: (raw: Raw) => T | Promise<T>, options?: { signal?: AbortSignal; retry?: boolean }): Promise<T>
}

export function inner(made: BaseConnection): Inner {
  return made as unknown as Inner
}

/** Two sources of the same shape, and how to ask them. */
export interface Scene {
  /** The body of `[connections.pets]`: here the cat belongs to Ada. */
  readonly section: string
  /** Another one: here the cat belongs to Bob. */
  readonly other: string
  /** One that cannot be connected to, and what its error says. */
  readonly broken: { readonly section: string; readonly error: RegExp }
  /** Options that make another connection to the same source. */
  readonly variant: Readonly<Record<string, unknown>>
  connect(name?: string, options?: Readonly<Record<string, unknown>>): Promise<BaseConnection>
  /** Who owns the cat, as this connection says. */
  owner(made: BaseConnection, ttl?: number | string): Promise<string | null>
  /** Gives Ada's cat to somebody else, behind the connection's back. */
  rename(owner: string): Promise<void>
}

/** A kind of connection that the rows are shown with. */
export interface Subject {
  begin(project: TestProject): Promise<Scene>
}

/** A reason, as a sentence, why a dialect takes no part. */
export interface LeftOut {
  readonly because: string
}

const dialectSubjects: Record<DialectName, Subject | LeftOut> = {
  duckdb: fileDatabase("duckdb", behindDuckDB),
  mysql: whereAvailable("mariadb", { begin: mysqlScene }),
  postgresql: whereAvailable("postgresql", { begin: postgresScene }),
  sqlite: fileDatabase("sqlite", behindSqlite),
}

function whereAvailable(name: Requirement, subject: Subject): Subject | LeftOut {
  const because = unavailable(name)
  return because === undefined ? subject : { because }
}

/** The dialects of the package that {@link DialectName} does not know, or knows in vain. */
export function strayDialects(): readonly string[] {
  const known = Object.keys(dialectSubjects)
  const names = dialects.map(({ name }) => name)
  return [...names.filter((name) => !known.includes(name)), ...known.filter((name) => !names.includes(name))]
}

/** The dialects that take no part here, and why. */
export const leftOut: readonly (readonly [name: string, because: string])[] = Object.entries(dialectSubjects).flatMap(
  ([name, subject]) => ("because" in subject ? [[name, subject.because] as const] : []),
)

/** All kinds of connections, by name, for `describe.each`. */
export const subjects: readonly (readonly [name: string, subject: Subject])[] = [
  ["a class of an author", { begin: petsScene }],
  ...Object.entries(dialectSubjects).filter((entry): entry is [string, Subject] => "begin" in entry[1]),
]

async function petsScene(): Promise<Scene> {
  const [ada, bob] = [await startPetsServer(), await startPetsServer()]
  bob.owners.set("cat", "Bob")
  const section = ({ port }: { port: number }) => `port = ${port}\ntoken = "canary-token"\n`
  return {
    section: section(ada),
    other: section(bob),
    broken: { section: `port = ${ada.port}\ntoken = "wrong-token"\n`, error: /the token is wrong/ },
    variant: { colour: "red" },
    connect: (name = "pets", options = {}) => connection(name, { type: PetsConnection, ...options }),
    owner: (made, ttl) => (made as PetsConnection).owner("cat", ttl),
    rename: async (owner) => void ada.owners.set("cat", owner),
  }
}

/** Runs a statement on `ada.db` where Mooring does not see it: its own commits would forget cached results. */
type Behind = (project: TestProject, sql: string) => Promise<void>

async function behindSqlite({ dir }: TestProject, sql: string): Promise<void> {
  const database = new DatabaseSync(join(dir, "ada.db"))
  database.exec(sql)
  database.close()
}

/** A second instance of a DuckDB file in one process would lose writes, so this one goes through Mooring's own. */
async function behindDuckDB(_project: TestProject, sql: string): Promise<void> {
  const writer = await connection("behind", { type: "sql", url: "duckdb:///ada.db" })
  await inner(writer)._use(async (raw) => {
    const { pool } = raw as unknown as SqlEngine
    const borrowed = await pool.acquire(new AbortController().signal)
    await (borrowed.raw as { run(sql: string): Promise<unknown> }).run(sql)
    await pool.release(borrowed, "statement")
  })
  await writer.close()
}

/** Fills a database for {@link Scene.owner}: the cat belongs to `owner`. */
async function fill(url: string, owner: string): Promise<void> {
  const writer = await connection<SQLConnection>(`writer-${owner}`, { type: "sql", url })
  await writer.execute("create table if not exists owners (pet varchar(20), name varchar(20))")
  await writer.execute("delete from owners")
  await writer.execute("insert into owners values ('cat', :owner)", { owner })
  await writer.close()
}

const variant = { pool_size: 2 }

const connectTo: Scene["connect"] = (name = "pets", options = {}) => connection(name, { type: "sql", ...options })

async function ownerOf(asked: BaseConnection, ttl: number | string = 0): Promise<string | null> {
  return (await (asked as SQLConnection).scalar<string>("select name from owners where pet = 'cat'", { ttl })) ?? null
}

function fileDatabase(dialect: FileDialectName, behind: Behind): Subject {
  return {
    async begin(project) {
      const url = (file: string) => `${dialect}:///${file}`
      await fill(url("ada.db"), "Ada")
      await fill(url("bob.db"), "Bob")
      return {
        section: `url = "${url("ada.db")}"\n`,
        other: `url = "${url("bob.db")}"\n`,
        broken: { section: `url = "${url("no/such/folder/pets.db")}"\n`, error: /pets\.db/ },
        variant,
        connect: connectTo,
        owner: ownerOf,
        rename: (owner) => behind(project, `update owners set name = '${owner}'`),
      }
    },
  }
}

async function mysqlScene(): Promise<Scene> {
  const [ada, bob] = [await newMariaDBDatabase(), await newMariaDBDatabase()]
  const url = ({ username, password, host, port, database }: MariaDBAddress) =>
    `mysql+pymysql://${username}:${password}@${host}:${port}/${database}`
  await fill(url(ada), "Ada")
  await fill(url(bob), "Bob")
  return {
    section: `url = "${url(ada)}"\n`,
    other: `url = "${url(bob)}"\n`,
    broken: { section: `url = "${url({ ...ada, database: "test_no_such_place" })}"\n`, error: /no_such_place/ },
    variant,
    connect: connectTo,
    owner: ownerOf,
    rename: async (owner) => {
      const { username: user, ...rest } = ada
      const client = await createConnection({ user, ...rest })
      await client.query("update owners set name = ?", [owner])
      await client.end()
    },
  }
}

async function postgresScene(): Promise<Scene> {
  const [ada, bob] = [await newPostgresDatabase(), await newPostgresDatabase()]
  const url = ({ username, host, port, database }: PostgresAddress) =>
    `postgresql://${username}@${host}:${port}/${database}`
  await fill(url(ada), "Ada")
  await fill(url(bob), "Bob")
  return {
    section: `url = "${url(ada)}"\n`,
    other: `url = "${url(bob)}"\n`,
    broken: { section: `url = "${url({ ...ada, database: "no_such_place" })}"\n`, error: /no_such_place/ },
    variant,
    connect: connectTo,
    owner: ownerOf,
    rename: async (owner) => {
      const { username: user, ...rest } = ada
      const client = new pg.Client({ user, ...rest })
      await client.connect()
      await client.query("update owners set name = $1", [owner])
      await client.end()
    },
  }
}
