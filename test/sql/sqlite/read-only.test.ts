import { existsSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Database, DriverConnection } from "../../../src/sql/dialect.ts"
import { wouldOnlyRead } from "../../../src/sql/dialects/sqlite/authorizer.ts"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { config, connect, databaseFile, execute, failure, folder, never, open, query, reading } from "./support.ts"

const schema = [
  "create table pets (id integer primary key, name text unique)",
  "create index by_name on pets (name)",
  "create view names as select name from pets",
  "insert into pets values (1, 'Ada'), (2, 'Bob')",
]

const reads = [
  "select * from pets",
  "with p as (select * from pets) select count(*) as n from p",
  "values (1), (2)",
  "select * from names where name like 'A%'",
  "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select i from n",
  "select upper(name), row_number() over (order by name) from pets",
  "explain query plan select * from pets where name = 'Ada'",
  "explain select * from pets",
  "pragma table_info(pets)",
  "pragma index_list(pets)",
  "pragma user_version",
  "pragma integrity_check",
  "select * from pragma_table_info('pets')",
  "select * from json_each('[1, 2]')",
  "select * from sqlite_schema",
  "/* a */ select 1; -- the end",
]

const writes = [
  "insert into pets values (3, 'Cy')",
  "insert into pets values (3, 'Cy') returning id",
  "with n as (select 3) insert into pets select *, 'Cy' from n",
  "replace into pets values (1, 'Cy')",
  "update pets set name = 'x'",
  "delete from pets",
  "create table other (id)",
  "create temp table other (id)",
  "create temp view other as select 1",
  "create virtual table other using fts5(a)",
  "drop table pets",
  "drop view names",
  "alter table pets add column owner",
  "reindex",
  "analyze",
  "vacuum",
  "vacuum into 'FILE'",
  "attach 'FILE' as other",
  "attach ':memory:' as other",
  "detach main",
  "begin",
  "begin immediate",
  "savepoint a",
  "commit",
  "pragma journal_mode = delete",
  "pragma user_version = 5",
]

let database: Database
let connection: DriverConnection
const files: string[] = []

beforeAll(async () => {
  database = await sqlite.open(config())
  connection = await database.connect({ signal: never })
  for (const statement of schema) await execute(connection, statement)
})

afterAll(async () => {
  await connection.close()
  await database.close()
})

test.each(reads)("query() reads: %s", async (text) => {
  expect((await query(connection, text)).rowCount).toBeGreaterThan(0)
})

test.each([...writes, "pragma query_only = 0", "pragma writable_schema = 1", "select load_extension('FILE')"])(
  "query() refuses: %s",
  async (text) => {
    const file = join(folder(), "written.db")
    files.push(file)
    const error = await failure(query(connection, text.replace("FILE", file)))
    if (!text.includes("load_extension")) {
      expect(sqlite.classify(error)).toMatchObject({ action: "fatal", kind: "readOnly", code: "READ_ONLY" })
    }
    expect(existsSync(file)).toBe(false)
    const { table } = await query(connection, "select count(*) as n, max(name) as name from pets")
    expect(table.at(0)).toEqual({ n: 2, name: "Bob" })
  },
)

test("a file is refused alike, and nothing of it changes", async () => {
  const file = databaseFile(...schema)
  const onFile = await connect(await open({ database: file }))
  for (const text of writes) {
    const error = await failure(query(onFile, text.replace("FILE", join(folder(), "written.db"))))
    expect(sqlite.classify(error), text).toMatchObject({ kind: "readOnly" })
  }
  expect((await query(onFile, "select * from pets")).rowCount).toBe(2)
})

test("streams are refused alike", async () => {
  const statement = { text: "insert into pets values (3, 'Cy') returning id", values: [] }
  const error = await failure(connection.stream(statement, { signal: never, readOnly: true, batchRows: 10 }))
  expect(sqlite.classify(error).kind).toBe("readOnly")
})

test("readOnly: false lifts it", async () => {
  const { table } = await connection.run(
    { text: "insert into pets values (9, 'Zoe') returning id", values: [] },
    { ...reading, readOnly: false },
  )
  expect(table.toArray()).toEqual([{ id: 9 }])
  await execute(connection, "delete from pets where id = 9")
})

test("where Node has no authorizer, the engine's program of a statement tells the same", () => {
  const handle = new DatabaseSync(databaseFile(...schema), { readOnly: true })
  for (const text of reads) expect(wouldOnlyRead(handle, text), text).toBe(true)
  const file = join(folder(), "written.db")
  for (const text of writes) {
    // These two a read-only handle refuses by itself.
    if (text === "vacuum" || text === "reindex") continue
    expect(wouldOnlyRead(handle, text.replace("FILE", file)), text).toBe(false)
  }
  expect(existsSync(file)).toBe(false)
  handle.close()
})
