import { symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as kysely from "kysely"
import { expect, test } from "vitest"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { typeTable } from "../../../src/sql/dialects/duckdb/type-table.ts"
import { config, connect, execute, folder, memory, open, query } from "./support.ts"

const source = (changes: Parameters<typeof config>[0]) => duckdb.source(config(changes))

test("a file's source is its real path", () => {
  const projectDir = folder()
  writeFileSync(join(projectDir, "pets.duckdb"), "")
  symlinkSync(join(projectDir, "pets.duckdb"), join(projectDir, "link.duckdb"))
  const pets = source({ database: "pets.duckdb", projectDir })
  expect(pets).toMatchObject({ label: "pets.duckdb", local: true, ephemeral: false })
  expect(source({ database: join(projectDir, ".", "link.duckdb"), projectDir: "/" }).identity).toEqual(pets.identity)
  const missing = source({ database: "new.duckdb", projectDir }).identity
  writeFileSync(join(projectDir, "new.duckdb"), "")
  expect(source({ database: "new.duckdb", projectDir }).identity).toEqual(missing)
  expect(missing).not.toEqual(pets.identity)
})

test("memory is ephemeral, whatever it is called", () => {
  for (const database of [undefined, "", ":memory:", ":memory:shared"]) {
    expect(source({ database })).toMatchObject({ local: true, ephemeral: true })
  }
})

test("another machine's database is not local, and shows no token", () => {
  const remote = source({ database: "md:pets?motherduck_token=canary" })
  expect(remote).toMatchObject({ label: "md:pets", local: false, ephemeral: false })
  expect(JSON.stringify(remote)).not.toContain("canary")
})

test("the identity holds what changes results, and no secret", () => {
  const plain = source({}).identity
  const tuned = { threads: 2, memory_limit: "1GB", access_mode: "READ_ONLY", settings: { temp_directory: "/x" } }
  expect(source({ settings: tuned }).identity).toEqual(plain)
  const secret = source({ settings: { settings: { s3_secret_access_key: "canary", motherduck_token: "canary" } } })
  expect(JSON.stringify(secret)).not.toContain("canary")
  const ordered = source({ settings: { settings: { default_order: "desc" } } }).identity
  expect(ordered).not.toEqual(plain)
  expect(source({ query: { DEFAULT_ORDER: "desc" } }).identity).toEqual(ordered)
  expect(source({ connectArgs: { config: { default_order: "desc" } } }).identity).toEqual(ordered)
})

test("transactions begin as DuckDB can", async () => {
  expect(duckdb.begin({})).toEqual(["BEGIN TRANSACTION"])
  expect(duckdb.begin({ isolation: "snapshot", readOnly: true })).toEqual(["BEGIN TRANSACTION READ ONLY"])
  expect(duckdb.begin({ isolation: "repeatable read" })).toEqual(["BEGIN TRANSACTION"])
  for (const isolation of ["read uncommitted", "read committed", "serializable"] as const) {
    expect(() => duckdb.begin({ isolation })).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }))
  }
  const database = await open()
  const [a, b] = [await connect(database), await connect(database)]
  await execute(a, "create table pets (id int)")
  for (const text of duckdb.begin({})) await execute(a, text)
  await execute(a, "insert into pets values (1)")
  expect((await query(b, "from pets")).rowCount).toBe(0)
  await execute(a, "commit")
  expect((await query(b, "from pets")).rowCount).toBe(1)
})

test("what the syntax says is what DuckDB reads", async () => {
  const connection = await memory()
  const { syntax } = duckdb
  const reads = async (text: string) => (await query(connection, `select ${text} as x`)).table.column("x")!.at(0)
  expect(await reads(syntax.placeholder(1).replace("$1", "'$1'"))).toBe("$1")
  expect(syntax.dollarQuotes && (await reads("$tag$ ? :a $tag$"))).toBe(" ? :a ")
  expect(syntax.escapeStrings && (await reads("E'it\\'s'"))).toBe("it's")
  expect(!syntax.backslashEscapes && (await reads("'a\\'"))).toBe("a\\")
  expect(syntax.nestedComments && (await reads("/* a /* b */ c */ 'x'"))).toBe("x")
  expect(!syntax.bracketNames && (await reads("[1, 2, 3][2]"))).toBe(2)
  const name = 'a "b" $1'
  expect((await query(connection, `select 1 as ${syntax.quoteIdentifier(name)}`)).table.names).toEqual([name])
})

test("every type id of the driver is in the documentation's table", async () => {
  const { DuckDBTypeId } = await import("@duckdb/node-api")
  const documented = Object.keys(typeTable).join(" ")
  const spelt: Record<string, string> = { TIME_TZ: "TIMETZ", TIMESTAMP_TZ: "TIMESTAMPTZ", SQLNULL: "NULL" }
  const inner = ["INVALID", "ANY", "STRING_LITERAL", "INTEGER_LITERAL"]
  for (const name of Object.keys(DuckDBTypeId).filter((key) => /^[A-Z]/.test(key) && !inner.includes(key))) {
    expect(documented).toMatch(new RegExp(`\\b${spelt[name] ?? name}\\b`))
  }
})

/** A Kysely on one connection, by the parts that the dialect gives. */
// biome-ignore lint/suspicious/noExplicitAny: Kysely's own word for a database whose tables are not known.
function kyselyOn(connection: Awaited<ReturnType<typeof memory>>): kysely.Kysely<any> {
  const parts = duckdb.kysely!(kysely)
  const driver = new (class extends kysely.DummyDriver {
    override async acquireConnection(): Promise<kysely.DatabaseConnection> {
      return {
        executeQuery: async ({ sql, parameters }) => {
          const { table } = await execute(connection, sql, ...parameters)
          return { rows: table.toArray() as never[] }
        },
        streamQuery: () => {
          throw new Error("No test streams.")
        },
      }
    }
  })()
  return new kysely.Kysely({
    dialect: {
      createAdapter: () => parts.createAdapter(),
      createDriver: () => driver,
      createQueryCompiler: () => parts.createQueryCompiler(),
      createIntrospector: (db) => parts.createIntrospector(db as never),
    },
  })
}

test("Kysely compiles for DuckDB", async () => {
  const db = kyselyOn(await memory())
  await db.schema
    .createTable("pets")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("name", "varchar", (column) => column.notNull())
    .execute()
  const inserted = await db
    .insertInto("pets")
    .values([
      { id: 1, name: "Owl" },
      { id: 2, name: "Cat" },
    ])
    .returning("id")
    .execute()
  expect(inserted).toEqual([{ id: 1 }, { id: 2 }])
  expect(await db.selectFrom("pets").selectAll().where("name", "=", "Cat").execute()).toEqual([{ id: 2, name: "Cat" }])
})

test("Kysely sees DuckDB's tables", async () => {
  const connection = await memory()
  await execute(
    connection,
    `create sequence ids; create schema zoo;
     create table pets (id int default nextval('ids'), name varchar not null, age int default 3);
     comment on column pets.name is 'what it hears to';
     create table kysely_migration (name varchar);
     create view old_pets as select name from pets;
     create table zoo.animals (id bigint primary key)`,
  )
  const { introspection } = kyselyOn(connection)
  expect(await introspection.getSchemas()).toEqual([{ name: "main" }, { name: "zoo" }])
  const tables = await introspection.getTables()
  expect(tables.map(({ schema, name, isView }) => [schema, name, isView])).toEqual([
    ["main", "old_pets", true],
    ["main", "pets", false],
    ["zoo", "animals", false],
  ])
  expect(tables[1]!.columns).toEqual([
    { name: "id", dataType: "INTEGER", isNullable: true, isAutoIncrementing: true, hasDefaultValue: true },
    {
      name: "name",
      dataType: "VARCHAR",
      isNullable: false,
      isAutoIncrementing: false,
      hasDefaultValue: false,
      comment: "what it hears to",
    },
    { name: "age", dataType: "INTEGER", isNullable: true, isAutoIncrementing: false, hasDefaultValue: true },
  ])
  const all = await introspection.getTables({ withInternalKyselyTables: true })
  expect(all.map(({ name }) => name)).toContain("kysely_migration")
})
