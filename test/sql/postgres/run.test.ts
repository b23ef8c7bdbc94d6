import { expect } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { connect, execute, failure, never, onServer, open, query, reading, rows, running, typesOf } from "./support.ts"

onServer("a query gives its rows with their types", async () => {
  const connection = await connect()
  const { table, rowCount } = await query(connection, "select 1 as a, 'x' as b, null::float8 as c")
  expect(table.toArray()).toEqual([{ a: 1, b: "x", c: null }])
  expect(typesOf(table)).toEqual({ a: "int32", b: "utf8", c: "float64" })
  expect(rowCount).toBe(1)
})

onServer("an empty result has its columns, and a statement without rows has none", async () => {
  const connection = await connect()
  const { table } = await query(connection, "select 1::int8 as a, '{}'::int[] as b where false")
  expect([table.numRows, typesOf(table)]).toEqual([0, { a: "int64", b: "list<int32>" }])
  const made = await execute(connection, "create temporary table t (a int)")
  expect([made.table.numCols, made.rowCount]).toEqual([0, 0])
  expect((await execute(connection, "")).rowCount).toBe(0)
  expect((await query(connection, "select from generate_series(1, 3)")).rowCount).toBe(3)
})

onServer("changes tell how many rows they changed, and give what they return", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t (a int, b text)")
  const inserted = await execute(
    connection,
    "insert into t select i, 'x' || i from generate_series(1, 5) i returning a, b",
  )
  expect(inserted.rowCount).toBe(5)
  expect(inserted.table.toArray()[4]).toEqual({ a: 5, b: "x5" })
  expect((await execute(connection, "update t set b = $1 where a > $2", "y", 2)).rowCount).toBe(3)
  expect((await execute(connection, "delete from t")).rowCount).toBe(5)
})

onServer("a reading statement that writes is refused by the server, and nothing is left open", async () => {
  const [connection, other] = [await connect(), await connect()]
  const [{ pid }] = (await rows(connection, "select pg_backend_pid() as pid")) as [{ pid: number }]
  for (const text of [
    "create table never (a int)",
    "delete from pg_class",
    "delete from pg_class returning 1",
    "with gone as (delete from pg_class returning 1) select * from gone",
    "do $$ begin delete from pg_class; end $$",
    "copy (select 1) to program 'false'",
    "set timezone = 'Asia/Tokyo'",
    "set transaction read write",
    "listen a",
    "commit",
  ]) {
    const error = await failure(query(connection, text))
    expect(postgres.classify(error), text).toMatchObject({ kind: "readOnly", code: "READ_ONLY" })
    expect(await rows(other, "select state from pg_stat_activity where pid = $1", pid)).toEqual([{ state: "idle" }])
  }
})

async function readAll(connection: DriverConnection, text: string): Promise<void> {
  const stream = await connection.stream({ text, values: [] }, { signal: never, readOnly: true, batchRows: 10 })
  for await (const _ of stream);
}

onServer("neither a function nor a procedure gets past it, and the session may write afterwards", async () => {
  const connection = await connect()
  await execute(connection, "create table kept (a int)")
  const body = (text: string) => `language plpgsql as $$ begin ${text} end $$`
  const writes = "insert into kept values (1)"
  await execute(
    connection,
    `create function f_off() returns int ${body(`perform set_config('transaction_read_only', 'off', true); ${writes}; return 1;`)}`,
  )
  await execute(
    connection,
    `create function f_set() returns int ${body(`set transaction_read_only = off; ${writes}; return 1;`)}`,
  )
  await execute(connection, `create procedure p(inout a int) ${body(`commit; ${writes};`)}`)
  for (const text of [
    "select f_off()",
    "with w as (select f_set() as a) select a from w",
    "table kept union all select f_off()",
    "values (f_set())",
    "call p(1)",
    `do $$ begin commit; ${writes}; end $$`,
    "explain analyze insert into kept values (1)",
    "select set_config('transaction_read_only', 'off', true), f_off()",
  ]) {
    // Three times: not prepared, prepared, and known.
    for (let time = 0; time < 3; time++) await failure(query(connection, text))
    await failure(readAll(connection, text))
    expect(await rows(connection, "select a from kept"), text).toEqual([])
    expect((await execute(connection, writes)).rowCount, text).toBe(1)
    await execute(connection, "delete from kept")
  }
})

onServer("what a read-only transaction lets pass is undone", async () => {
  const connection = await connect()
  await query(connection, "explain analyze create table never as select 1")
  expect(await rows(connection, "select to_regclass('never') as t")).toEqual([{ t: null }])
  await query(connection, "select set_config('timezone', 'Asia/Tokyo', false)")
  expect(await rows(connection, "show timezone")).not.toEqual([{ TimeZone: "Asia/Tokyo" }])
  // PostgreSQL 16 refuses it itself.
  await query(connection, "select lo_from_bytea(2147483647, 'a')").catch(() => undefined)
  expect(await rows(connection, "select 1 from pg_largeobject_metadata where oid = 2147483647")).toEqual([])
})

onServer("a reading statement leaves no lock of its session behind", async () => {
  const [connection, other] = [await connect(), await connect()]
  for (const text of ["select pg_advisory_lock(1)", "select pg_try_advisory_lock_shared(1)"]) {
    await query(connection, text)
    expect(await rows(other, "select count(*) as n from pg_locks where locktype = 'advisory'"), text).toEqual([
      { n: 0 },
    ])
  }
})

onServer("a statement that was prepared to write is refused, too, and one without columns reads", async () => {
  const connection = await connect()
  for (let i = 0; i < 3; i++) await execute(connection, "set timezone = 'Asia/Tokyo'")
  expect(postgres.classify(await failure(query(connection, "set timezone = 'Asia/Tokyo'")))).toMatchObject({
    kind: "readOnly",
  })
  expect((await query(connection, "select from pg_class limit 2")).rowCount).toBe(2)
})

onServer("two statements in one text are refused, and so is a NUL", async () => {
  const connection = await connect()
  const error = await failure(execute(connection, "select 1; select 2"))
  expect(postgres.classify(error)).toMatchObject({ kind: "syntax", hint: expect.stringContaining("one statement") })
  expect(await failure(execute(connection, "select 1 \0 drop"))).toMatchObject({ code: "BAD_PARAMS" })
  expect(await rows(connection, "select 3 as a")).toEqual([{ a: 3 }])
})

onServer("an error tells where in the statement it is", async () => {
  const connection = await connect()
  const failed = postgres.classify(await failure(query(connection, "select 'é🦉',\n  nme from pg_class")))
  expect(failed).toMatchObject({ kind: "missing", sqlState: "42703" })
  expect(failed.hint).toContain("Line 2, column 3:\n  nme from pg_class\n  ^")
})

onServer("an error in the middle of rows leaves the connection usable", async () => {
  const connection = await connect()
  const error = await failure(query(connection, "select 1 / (500000 - i) from generate_series(1, 600000) i"))
  expect(postgres.classify(error)).toMatchObject({ kind: "value", sqlState: "22012", action: "fatal" })
  expect(connection.usable).toBe(true)
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("more than maxRows or maxBytes is an error, and the rest is not read", async () => {
  const connection = await connect()
  const text = "select generate_series(1, 20000000) as i, repeat('x', 100) as x"
  for (const limit of [{ maxRows: 1000 }, { maxBytes: 100_000 }]) {
    const error = await failure(connection.run({ text, values: [] }, { ...reading, ...limit }))
    expect(error).toMatchObject({ code: "TOO_LARGE" })
    expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  }
  // One row, refused by what the server says of its length.
  const large = { text: "select 1 as i, repeat('x', 30000000) as x", values: [] }
  expect(await failure(connection.run(large, { ...reading, maxBytes: 100_000 }))).toMatchObject({ code: "TOO_LARGE" })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  const exact = { text: "select generate_series(1, 1000)", values: [] }
  expect((await connection.run(exact, { ...reading, maxRows: 1000 })).rowCount).toBe(1000)
})

onServer("an abort cancels the statement on the server and rejects with its reason", async () => {
  const [connection, other] = [await connect(), await connect()]
  const [{ pid }] = (await rows(connection, "select pg_backend_pid() as pid")) as [{ pid: number }]
  for (const text of ["select pg_sleep(60)", "select i from generate_series(1, 1000000000) i"]) {
    const controller = new AbortController()
    const reason = new Error("enough")
    setTimeout(() => controller.abort(reason), 50)
    const error = await failure(connection.run({ text, values: [] }, { ...reading, signal: controller.signal }))
    expect(error).toBe(reason)
    expect(connection.usable).toBe(true)
    expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
    const left = await rows(other, "select 1 from pg_stat_activity where state = 'active' and pid = $1", pid)
    expect(left).toEqual([])
  }
})

onServer("an abort before the start runs nothing", async () => {
  const connection = await connect()
  const signal = AbortSignal.abort(new Error("early"))
  expect(await failure(connection.run({ text: "select 1", values: [] }, { ...reading, signal }))).toBe(signal.reason)
})

onServer("a statement is prepared when it comes again, and told apart by its text", async () => {
  const connection = await connect()
  for (let i = 0; i < 5; i++) expect(await rows(connection, "select $1::int + 1 as a", i)).toEqual([{ a: i + 1 }])
  const kept = await rows(connection, "select statement from pg_prepared_statements where statement like '%::int + 1%'")
  expect(kept).toEqual([{ statement: "select $1::int + 1 as a" }])
})

onServer(
  "no more than 256 statements are kept",
  async () => {
    const connection = await connect()
    for (let i = 0; i < 300; i++) {
      for (let time = 0; time < 2; time++) await query(connection, `select ${i} as a`)
    }
    const [kept] = (await rows(
      connection,
      "select count(*) as n from pg_prepared_statements where statement like 'select %'",
    )) as {
      n: number
    }[]
    expect(kept!.n).toBe(256)
    expect(await rows(connection, "select 0 as a")).toEqual([{ a: 0 }])
  },
  60_000,
)

onServer("a kept statement that the server lost, or whose columns changed, is prepared anew", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t as select 1 as a")
  for (let i = 0; i < 3; i++) expect(await rows(connection, "select * from t")).toEqual([{ a: 1 }])
  await execute(connection, "alter table t add column b text default 'x'")
  expect(await rows(connection, "select * from t")).toEqual([{ a: 1, b: "x" }])
  await execute(connection, "deallocate all")
  expect(await rows(connection, "select * from t")).toEqual([{ a: 1, b: "x" }])
  await execute(connection, "do $$ begin execute 'deallocate all'; end $$")
  expect(await rows(connection, "select * from t")).toEqual([{ a: 1, b: "x" }])
})

onServer("with prepared_statements = unnamed nothing is kept", async () => {
  const connection = await connect({ settings: { prepared_statements: "unnamed" } })
  for (let i = 0; i < 3; i++) expect(await rows(connection, "select $1::int as a", i)).toEqual([{ a: i }])
  expect(await rows(connection, "select name from pg_prepared_statements")).toEqual([])
})

onServer("COPY is refused and leaves the connection usable", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t (a int)")
  const values = "copy (select i from generate_series(1, 100000) i) to stdout"
  expect(await failure(execute(connection, values))).toMatchObject({ code: "UNSUPPORTED" })
  expect(await failure(execute(connection, "copy t from stdin"))).toMatchObject({ code: "UNSUPPORTED" })
  expect(await rows(connection, "select count(*) as n from t")).toEqual([{ n: 0 }])
})

onServer("progress tells the rows so far", async () => {
  const connection = await connect()
  const told: number[] = []
  const text = "select repeat('x', 500) from generate_series(1, 300000)"
  await connection.run({ text, values: [] }, { ...running, onProgress: ({ rows }) => told.push(rows!) })
  expect(told.length).toBeGreaterThan(0)
  expect(told).toEqual([...told].sort((a, b) => a - b))
})

onServer("reset gives a fresh session", async () => {
  const connection = await connect()
  for (const text of [
    "begin",
    "set search_path = nowhere",
    "create temporary table t (a int)",
    "select pg_advisory_lock(42)",
    "listen pets",
  ]) {
    await execute(connection, text)
  }
  await connection.reset()
  const [state] = (await rows(
    connection,
    `select current_setting('search_path') as path, to_regclass('pg_temp.t') as t,
       (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
       (select count(*) from pg_listening_channels()) as channels`,
  )) as Record<string, unknown>[]
  expect(state).toEqual({ path: '"$user", public', t: null, locks: 0, channels: 0 })
})

onServer("reset keeps prepared statements and the configured role", async () => {
  const connection = await connect({ settings: { role: "pg_monitor" } })
  for (let i = 0; i < 3; i++) await query(connection, "select $1::int as kept", i)
  await execute(connection, "set role pg_read_all_data")
  await execute(connection, "begin")
  await connection.reset()
  const kept = "select count(*) as n from pg_prepared_statements where statement like '%as kept'"
  expect(await rows(connection, `select current_user as role, (${kept}) as n`)).toEqual([{ role: "pg_monitor", n: 1 }])
  await execute(connection, "prepare mine as select 1")
  await connection.reset()
  expect(await rows(connection, "select name from pg_prepared_statements where name not like 'mooring%'")).toEqual([])
  for (let i = 0; i < 3; i++) expect(await rows(connection, "select $1::int as kept", i)).toEqual([{ kept: i }])
})

onServer("a reading statement does not run in a transaction that somebody left open", async () => {
  const connection = await connect()
  for (const left of ["select 1", "select 1 / 0"]) {
    await execute(connection, "begin")
    await execute(connection, "create temporary table unfinished (a int)")
    await execute(connection, left).catch(() => undefined)
    expect(await rows(connection, "select to_regclass('pg_temp.unfinished') as t")).toEqual([{ t: null }])
  }
})

onServer("a failed transaction is over after reset", async () => {
  const connection = await connect()
  await execute(connection, "begin")
  await failure(execute(connection, "select 1 / 0"))
  await connection.reset()
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("ping answers, and tells when the link is dead", async () => {
  const [connection, other] = [await connect(), await connect()]
  await connection.ping({ signal: never })
  const [{ pid }] = (await rows(connection, "select pg_backend_pid() as pid")) as [{ pid: number }]
  await execute(other, "select pg_terminate_backend($1)", pid)
  const error = await failure(connection.ping({ signal: never }))
  expect(postgres.classify(error)).toMatchObject({ action: "lost", kind: "connection" })
  expect(connection.usable).toBe(false)
})

onServer("the server's version is known once connected", async () => {
  const database = await open()
  const connection = await database.connect({ signal: never })
  expect(database.version).toMatch(/^\d+/)
  await connection.close()
})
