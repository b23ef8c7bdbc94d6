import { expect, test } from "vitest"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { connect, databaseFile, execute, failure, memory, open, query, reading } from "./support.ts"

test("a statement tells rows and id of what it did, and of nothing else", async () => {
  const connection = await memory()
  const done = async (text: string) => {
    const { rowCount, lastInsertId, table } = await execute(connection, text)
    return { rowCount, lastInsertId, columns: table.numCols }
  }
  expect(await done("create table t (id integer primary key, x)")).toEqual({ rowCount: 0, columns: 0 })
  expect(await done("insert into t (x) values (1), (2), (3)")).toEqual({ rowCount: 3, lastInsertId: 3, columns: 0 })
  expect(await done("update t set x = replace(x, 1, 2)")).toEqual({ rowCount: 3, columns: 0 })
  expect(await done("create table u (x)")).toEqual({ rowCount: 0, columns: 0 })
  expect(await done("with n(x) as (select 9) insert into t (x) select x from n")).toEqual({
    rowCount: 1,
    lastInsertId: 4,
    columns: 0,
  })
  expect(await done("insert into t (x) select 1 where 0")).toEqual({ rowCount: 0, columns: 0 })
  expect(await done("insert into t (x) values (7) returning id, x")).toEqual({
    rowCount: 1,
    lastInsertId: 5,
    columns: 2,
  })
  expect(await done("with n as (select 1) update t set x = 0 where id > 3 returning id")).toEqual({
    rowCount: 2,
    columns: 1,
  })
  expect(await done("with n as (select 1) delete from t where id > 3")).toEqual({ rowCount: 2, columns: 0 })
  expect(await done("/* with */ select * from t")).toEqual({ rowCount: 3, columns: 2 })
})

test("an id beyond 2^53 is a bigint", async () => {
  const connection = await memory()
  await execute(connection, "create table t (id integer primary key)")
  const { lastInsertId } = await execute(connection, "insert into t values (9007199254740993)")
  expect(lastInsertId).toBe(9007199254740993n)
})

test.each([
  ["unique", "insert into t values (1, 'b', 1, 1)"],
  ["unique", "insert into t values (3, 'a', 1, 1)"],
  ["notNull", "insert into t values (3, null, 1, 1)"],
  ["check", "insert into t values (3, 'c', -1, 1)"],
  ["foreignKey", "insert into t values (3, 'c', 1, 99)"],
  ["value", "insert into s values ('text')"],
  ["missing", "select * from nowhere"],
  ["missing", "select absent from t"],
  ["missing", "select absent()"],
  ["syntax", "selec 1"],
  ["syntax", "select * from"],
  ["syntax", "select 'unfinished"],
])("%s: %s", async (kind, text) => {
  const connection = await memory()
  await execute(connection, "create table owners (id integer primary key)")
  await execute(connection, "insert into owners values (1)")
  await execute(
    connection,
    `create table t (id integer primary key, name text unique not null, age check (age > 0),
       owner references owners (id))`,
  )
  await execute(connection, "create table s (x integer) strict")
  await execute(connection, "insert into t values (1, 'a', 1, 1)")
  const error = await failure(execute(connection, text))
  expect(sqlite.classify(error)).toMatchObject({ action: "fatal", kind, driverCode: expect.any(Number) })
  expect(connection.usable).toBe(true)
})

test("more values than SQLite binds are an error that says what to do", async () => {
  const connection = await memory()
  const values = Array.from({ length: 32_767 }, (_, i) => i)
  const text = `select 1 where 1 in (${values.map(() => "?").join()})`
  const error = await failure(query(connection, text, ...values))
  expect(sqlite.classify(error)).toMatchObject({ kind: "value", hint: expect.stringContaining("json_each") })
  const list = "select count(*) as n from (select value from json_each(?))"
  expect((await query(connection, list, JSON.stringify(values))).table.toArray()).toEqual([{ n: 32_767 }])
})

test("foreign keys can be switched off", async () => {
  const connection = await memory({ foreign_keys: false })
  await execute(connection, "create table owners (id integer primary key)")
  await execute(connection, "create table t (owner references owners (id))")
  expect((await execute(connection, "insert into t values (5)")).rowCount).toBe(1)
})

test("the next borrower finds no transaction, temporary table, attached file or changed setting", async () => {
  const file = databaseFile("create table t (x)")
  const connection = await connect(await open({ database: file }))
  const leave = async (...statements: string[]) => {
    for (const text of statements) await execute(connection, text)
    await connection.reset()
  }
  await leave("begin", "insert into t values (1)")
  expect((await execute(connection, "select * from t")).rowCount).toBe(0)
  await leave("create temporary table left_over (x)")
  expect(sqlite.classify(await failure(execute(connection, "select * from left_over"))).kind).toBe("missing")
  await leave("create table temp.left_over (x)")
  expect(sqlite.classify(await failure(execute(connection, "select * from left_over"))).kind).toBe("missing")
  await leave(`attach '${databaseFile("create table u (x)")}' as other`)
  expect(sqlite.classify(await failure(execute(connection, "select * from other.u"))).kind).toBe("missing")
  await leave("pragma foreign_keys = off")
  expect((await execute(connection, "pragma foreign_keys")).table.at(0)).toEqual({ foreign_keys: 1 })
  await leave(...sqlite.begin({ readOnly: true }))
  expect((await execute(connection, "insert into t values (1)")).rowCount).toBe(1)
})

test("a read-only transaction refuses to write, and the next one does not", async () => {
  const connection = await memory()
  await execute(connection, "create table t (x)")
  for (const text of sqlite.begin({ readOnly: true })) await execute(connection, text)
  const error = await failure(execute(connection, "insert into t values (1)"))
  expect(sqlite.classify(error)).toMatchObject({ action: "fatal", driverCode: 8 })
  await execute(connection, "commit")
  for (const text of sqlite.begin({})) await execute(connection, text)
  expect((await execute(connection, "insert into t values (1)")).rowCount).toBe(1)
  await execute(connection, "commit")
})

test("there is one isolation level", () => {
  expect(sqlite.begin({ isolation: "serializable" })).toEqual(sqlite.begin({}))
  expect(() => sqlite.begin({ isolation: "read committed" })).toThrow(/isolation level/)
})

test("transactions that may write take turns from their beginning", async () => {
  const database = await open({ database: databaseFile("create table t (n)", "insert into t values (0)") })
  const connections = await Promise.all([1, 2, 3].map(() => connect(database)))
  await Promise.all(
    connections.map(async (connection) => {
      for (let i = 0; i < 20; i++) {
        for (const text of sqlite.begin({})) await execute(connection, text)
        const { table } = await execute(connection, "select n from t")
        await execute(connection, "update t set n = ?", (table.at(0)!.n as number) + 1)
        await execute(connection, "commit")
      }
    }),
  )
  expect((await query(connections[0]!, "select n from t")).table.at(0)).toEqual({ n: 60 })
})

test("a snapshot that somebody overtook is to be run again", async () => {
  const database = await open({ database: databaseFile("create table t (n)", "insert into t values (0)") })
  const [one, two] = [await connect(database), await connect(database)]
  await execute(one, "pragma journal_mode = wal")
  await execute(one, "begin")
  await execute(one, "select n from t")
  await execute(two, "update t set n = 1")
  const error = await failure(execute(one, "update t set n = 2"))
  expect(sqlite.classify(error)).toMatchObject({ action: "rerun", kind: "serialization", driverCode: 517 })
})

test("a transaction that SQLite gave up by itself is not carried on as single statements", async () => {
  const connection = await connect(await open({ database: databaseFile("create table t (x unique)") }))
  for (const text of sqlite.begin({})) await execute(connection, text)
  await execute(connection, "insert into t values (1)")
  await failure(execute(connection, "insert or rollback into t values (1)"))
  expect(connection.usable).toBe(false)
})

test("a failed statement leaves its transaction as it was", async () => {
  const connection = await memory()
  await execute(connection, "create table t (x unique)")
  for (const text of sqlite.begin({})) await execute(connection, text)
  await execute(connection, "insert into t values (1)")
  await failure(execute(connection, "insert into t values (1)"))
  await execute(connection, "insert into t values (2)")
  await execute(connection, "commit")
  expect(connection.usable).toBe(true)
  expect((await query(connection, "select * from t")).rowCount).toBe(2)
})

test("all connections of a database in memory share it, and each database is its own", async () => {
  const database = await open()
  const [one, two] = [await connect(database), await connect(database)]
  await execute(one, "create table t (x)")
  await execute(one, "insert into t values (1)")
  expect((await query(two, "select * from t")).rowCount).toBe(1)
  await one.close()
  await two.close()
  expect((await query(await connect(database), "select * from t")).rowCount).toBe(1)
  expect(sqlite.classify(await failure(query(await memory(), "select * from t"))).kind).toBe("missing")
})

test("raw is a handle of node:sqlite on the same data, and goes with the session", async () => {
  const connection = await memory()
  await execute(connection, "create table t (x)")
  const raw = connection.raw as import("node:sqlite").DatabaseSync
  raw.exec("insert into t values (1)")
  expect((await connection.run({ text: "select * from t", values: [] }, reading)).rowCount).toBe(1)
  raw.exec("begin immediate")
  await connection.reset()
  expect(raw.isOpen).toBe(false)
  expect((await execute(connection, "insert into t values (2)")).rowCount).toBe(1)
})
