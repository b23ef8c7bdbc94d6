import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { MooringError, QueryError } from "../../../src/errors.ts"
import { connection } from "../../../src/index.ts"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { connect, execute, failure, folder, memory, never, open, query } from "./support.ts"

const setup = `
  create table owners (id int primary key, name varchar);
  create table pets (id int primary key, owner int references owners (id), name varchar not null, age int check (age > 0));
  insert into owners values (1, 'Ada');
  insert into pets values (1, 1, 'Owl', 3)`

test.each([
  ["unique", "insert into owners values (1, 'Bob')"],
  ["foreignKey", "insert into pets values (2, 7, 'Cat', 1)"],
  ["foreignKey", "delete from owners"],
  ["notNull", "insert into pets values (2, 1, null, 1)"],
  ["check", "insert into pets values (2, 1, 'Cat', -1)"],
  ["syntax", "selec 1"],
  ["syntax", "insert into owners values (1)"],
  ["missing", "select * from nowhere"],
  ["missing", "select nothing from owners"],
  ["missing", "select nothing(1)"],
  ["missing", "drop table nowhere"],
  ["value", "select 'a'::int"],
  ["value", "select 9223372036854775807 + 1"],
  ["value", "select 'x'::decimal(4, 2)"],
  ["other", "create table owners (i int)"],
  ["other", "select error('boom')"],
])("%s: %s", async (kind, text) => {
  const connection = await memory()
  await execute(connection, setup)
  const found = duckdb.classify(await failure(execute(connection, text)))
  expect(found).toMatchObject({ action: "fatal", kind })
  expect(found.code).toBeUndefined()
})

test.each([
  ["begin; update owners set name = 'a'", "begin; update owners set name = 'b'"],
  ["begin; delete from pets", "begin; delete from pets"],
  ["begin; alter table owners add column a int", "begin; alter table owners add column b int"],
  ["begin; create table n (i int)", "begin; create table n (i int)"],
])("transactions that conflict may be run again: %s", async (first, second) => {
  const database = await open()
  const [a, b] = [await connect(database), await connect(database)]
  await execute(a, setup)
  await execute(a, first)
  const error = await failure(
    (async () => {
      await execute(b, second)
      await execute(a, "commit")
      await execute(b, "commit")
    })(),
  )
  expect(duckdb.classify(error)).toMatchObject({ action: "rerun", kind: "serialization" })
})

test("two transactions that make one key may be run again", async () => {
  const database = await open()
  const [a, b] = [await connect(database), await connect(database)]
  await execute(a, setup)
  await execute(a, "begin; insert into owners values (2, 'a')")
  await execute(b, "begin; insert into owners values (2, 'b')")
  await execute(a, "commit")
  expect(duckdb.classify(await failure(execute(b, "commit")))).toMatchObject({ action: "rerun", kind: "unique" })
})

test("after a defect of DuckDB's the instance is lost, and the connection is not lent again", async () => {
  const database = await open()
  const [a, b] = [await connect(database), await connect(database)]
  const defect = await failure(query(a, "select typeof($1), $1::varchar", "x"))
  expect(defect.message).toMatch(/^INTERNAL Error/)
  const found = duckdb.classify(defect)
  expect(found).toMatchObject({ action: "fatal", hint: expect.stringContaining("defect of DuckDB") })
  expect(found.message).not.toContain("\n")
  expect(a.usable).toBe(false)
  const lost = await failure(query(b, "select 1"))
  expect(duckdb.classify(lost)).toMatchObject({ action: "fatal", kind: "connection", code: "DATA_LOST" })
  expect(lost.message).toMatch(/^The in-memory database and its tables are lost: INTERNAL Error: [^\n]*\.$/)
  expect(b.usable).toBe(false)
  // No empty database takes its place.
  await expect(database.connect({ signal: never })).rejects.toMatchObject({ code: "DATA_LOST" })
})

test("after a defect of DuckDB's a file is opened anew", async () => {
  const database = await open({ database: join(folder(), "pets.duckdb") })
  const a = await connect(database)
  await execute(a, "create table owners as select 42 as id")
  await failure(query(a, "select typeof($1), $1::varchar", "x"))
  expect(a.usable).toBe(false)
  expect(duckdb.classify(await failure(query(await connect(database), "select 1")))).toMatchObject({ action: "lost" })
})

test("a connection whose database in memory was lost says so until it is closed", async () => {
  const pets = await connection("pets", { type: "sql", url: "duckdb://" })
  onTestFinished(() => pets.close())
  await pets.execute("create table owners as select 42 as id")
  await expect(pets.query("select typeof(:a), :a::varchar", { params: { a: "x" } })).rejects.toThrow("INTERNAL")
  for (const call of [
    () => pets.query("from owners"),
    () => pets.execute("create table if not exists owners as select 0 as id"),
    () => pets.scalar("select 1"),
    () => pets.stream("from owners").schema,
    () => pets.transaction((tx) => tx.query("select 1")),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: "DATA_LOST", kind: "connection" })
  }
})

test("an interrupt from outside is told as one", async () => {
  const connection = await memory()
  const raw = connection.raw as { interrupt(): void }
  const pending = failure(execute(connection, "select count(*) from range(1000000000000) t(i) where hash(i) % 3 = 7"))
  const timer = setInterval(() => raw.interrupt(), 50)
  const error = await pending
  clearInterval(timer)
  expect(error.message).toBe("INTERRUPT Error: Interrupted!")
  expect(duckdb.classify(error)).toMatchObject({ action: "fatal", kind: "interrupted" })
})

test("too little memory says what to do", async () => {
  const connection = await memory({ memory_limit: "1MB", settings: { temp_directory: "" } })
  const error = await failure(execute(connection, "create table t as select * from range(10000000)"))
  expect(duckdb.classify(error)).toMatchObject({ action: "fatal", hint: expect.stringContaining("memory_limit") })
})

test("Mooring's own errors and strangers are left as they are", () => {
  const own = new QueryError("No.", { kind: "readOnly", hint: "Go." }, "READ_ONLY")
  expect(duckdb.classify(own)).toEqual({
    action: "fatal",
    kind: "readOnly",
    code: "READ_ONLY",
    message: "No.",
    hint: "Go.",
  })
  expect(duckdb.classify(new MooringError("CONNECT", "No."))).toMatchObject({ action: "fatal", code: "CONNECT" })
  for (const stranger of [undefined, null, "text", {}, new TypeError("x is not a function")]) {
    expect(duckdb.classify(stranger)).toEqual({ action: "fatal", kind: "other" })
  }
})
