import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { execute, failure, folder, memory, query } from "./support.ts"

async function pets(): Promise<DriverConnection> {
  const connection = await memory()
  await execute(connection, "create table pets (id int primary key, name varchar, born date)")
  await execute(connection, "insert into pets values (1, 'Ada', '2020-01-01'), (2, 'Bob', '2021-01-01')")
  await execute(connection, "create sequence ids")
  return connection
}

test.each([
  "select * from pets",
  "with p as (select * from pets) select count(*) from p",
  "from pets",
  "values (1), (2)",
  "table pets",
  "describe pets",
  "summarize pets",
  "show tables",
  "show all tables",
  "pragma version",
  "pragma table_info('pets')",
  "explain select * from pets",
  "EXPLAIN ANALYZE select * from pets where name <> '--' -- a comment",
  "/* a */ explain (analyze, format json) select * from pets",
  "explain (select 1)",
  "pivot pets on name using count(*)",
  "pivot (select id, name, id % 2 as odd from pets) on name, odd using sum(id)",
  "pivot pets on name in ('Ada', 'Bob') using count(*)",
  "unpivot (select 1 as a, 2 as b) on a, b",
  ";; select 1 ;; -- the end",
])("query() reads: %s", async (text) => {
  const { table } = await query(await pets(), text)
  expect(table.numRows).toBeGreaterThan(0)
})

test.each([
  "insert into pets values (3, 'Cy', null)",
  "insert into pets values (3, 'Cy', null) returning id",
  "update pets set name = 'x'",
  "delete from pets",
  "merge into pets using (select 1 as id) s using (id) when matched then delete",
  "truncate pets",
  "create table other (id int)",
  "create temp table other (id int)",
  "create temp macro f(x) as x",
  "create temp view v as select 1",
  "drop table pets",
  "alter table pets add column owner varchar",
  "copy pets to 'FILE'",
  "copy (select 1) to 'FILE' (format parquet)",
  "export database 'FILE'",
  "attach 'FILE' as other",
  "attach ':memory:' as other",
  "set threads = 1",
  "set variable x = 1",
  "reset threads",
  "use memory",
  "pragma threads = 1",
  "pragma enable_profiling",
  "call enable_logging()",
  "checkpoint",
  "vacuum",
  "begin",
  "commit",
  "rollback",
  "prepare p as select 1",
  "load json",
  "install json",
  "select nextval('ids')",
  "explain analyze insert into pets values (4, 'Di', null)",
  "explain insert into pets values (4, 'Di', null)",
  "explain analyze copy pets to 'FILE'",
  "explain (analyze) copy pets to 'FILE'",
  "/* x */ -- y\n explain /* z */ analyze copy pets to 'FILE'",
  "explain analyze create temp table other as select 1",
  "commit; insert into pets values (5, 'Ed', null)",
  "select 1; select 2",
  "select 1; drop table pets",
  "create temp table other (id int); select 1",
  "create temp table other (id int); pivot pets on name using count(*)",
  "pivot pets on name using count(*); select 1",
])("query() refuses: %s", async (text) => {
  const connection = await pets()
  const file = join(folder(), "file")
  const error = await failure(query(connection, text.replace("FILE", file)))
  const { kind } = duckdb.classify(error)
  expect({ text, kind }).toEqual({ text, kind: "readOnly" })
  expect(duckdb.classify(error).code).toBe("READ_ONLY")
  expect(existsSync(file)).toBe(false)
  expect((await query(connection, "select count(*)::int as n from pets")).table.toArray()).toEqual([{ n: 2 }])
  const { table } = await query(connection, "select count(*)::int as n from duckdb_tables() where temporary")
  expect(table.toArray()).toEqual([{ n: 0 }])
  expect(connection.usable).toBe(true)
})

test("a refusal tells the way out", async () => {
  const error = await failure(query(await pets(), "create temp table t (id int)"))
  expect(error).toMatchObject({ name: "QueryError", code: "READ_ONLY", kind: "readOnly", outcome: "notRun" })
  expect((error as { hint?: string }).hint).toMatch(/execute\(\).*session/)
})

test("a PIVOT leaves no types behind", async () => {
  const connection = await pets()
  const text = "pivot pets on name using count(*) group by id"
  for (let i = 0; i < 3; i++) expect((await query(connection, text)).table.names).toEqual(["id", "Ada", "Bob"])
  const { table } = await query(connection, "select type_name from duckdb_types() where type_name like '%pivot%'")
  expect(table.numRows).toBe(0)
  expect((await execute(connection, text)).table.names).toEqual(["id", "Ada", "Bob"])
})

test("a PIVOT of nothing says what is missing", async () => {
  const error = await failure(query(await pets(), "pivot nowhere on name using count(*)"))
  expect(error.message).toMatch(/nowhere does not exist/)
})

test("an empty statement is an error", async () => {
  for (const text of ["", "  ", ";", "-- nothing"]) {
    const error = await failure(query(await pets(), text))
    expect(error).toMatchObject({ code: "QUERY", kind: "syntax", message: "The statement is empty." })
  }
})

test("execute() runs several statements and answers for the last", async () => {
  const connection = await pets()
  const { table, rowCount } = await execute(
    connection,
    "insert into pets values (3, 'Cy', null); update pets set name = 'x'; select count(*)::int as n from pets",
  )
  expect(rowCount).toBe(1)
  expect(table.toArray()).toEqual([{ n: 3 }])
})

test("a value means the same in each of several statements", async () => {
  const connection = await pets()
  const text = "insert into pets values ($1, $2, null); select name from pets where id = $1"
  expect((await execute(connection, text, 7, "Gus")).table.toArray()).toEqual([{ name: "Gus" }])
  expect(await failure(execute(connection, text, 8, "Hal", "unused"))).toMatchObject({ code: "BAD_PARAMS" })
})
