import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { type BaseConnection, connection, type SQLConnection } from "../../src/index.ts"
import type { SqlEngine } from "../../src/sql/engine.ts"
import { dialects } from "../../src/sql/index.ts"
import type { DialectName } from "./databases.ts"
import { PetsConnection } from "./pets-connection.ts"
import { startPetsServer } from "./pets-server.ts"
import type { TestProject } from "./project.ts"

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
  sqlite: fileDatabase("sqlite", behindSqlite),
}

/** The dialects of the package that {@link DialectName} does not know, or knows in vain. */
export function strayDialects(): readonly string[] {
  const known = Object.keys(dialectSubjects)
  const names = dialects.map(({ name }) => name)
  return [...names.filter((name) => !known.includes(name)), ...known.filter((name) => !names.includes(name))]
}

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
    const { connection: borrowed, release } = await (raw as unknown as SqlEngine).borrow(new AbortController().signal)
    await (borrowed.raw as { run(sql: string): Promise<unknown> }).run(sql)
    await release("statement")
  })
  await writer.close()
}

function fileDatabase(dialect: DialectName, behind: Behind): Subject {
  return {
    async begin(project) {
      const made = async (file: string, owner: string) => {
        const writer = await connection(`writer-${file}`, { type: "sql", url: `${dialect}:///${file}` })
        await writer.execute("create table if not exists owners (pet varchar, name varchar)")
        await writer.execute("delete from owners")
        await writer.execute("insert into owners values ('cat', :owner)", { owner })
        await writer.close()
      }
      await made("ada.db", "Ada")
      await made("bob.db", "Bob")
      return {
        section: `url = "${dialect}:///ada.db"\n`,
        other: `url = "${dialect}:///bob.db"\n`,
        broken: { section: `url = "${dialect}:///no/such/folder/pets.db"\n`, error: /pets\.db/ },
        variant: { pool_size: 2 },
        connect: (name = "pets", options = {}) => connection(name, { type: "sql", ...options }),
        owner: async (asked, ttl = 0) =>
          (await (asked as SQLConnection).scalar<string>("select name from owners where pet = 'cat'", { ttl })) ?? null,
        rename: (owner) => behind(project, `update owners set name = '${owner}'`),
      }
    },
  }
}
