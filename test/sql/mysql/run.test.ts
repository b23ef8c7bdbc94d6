import { expect } from "vitest"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { FaultProxy } from "../../support/fault-proxy.ts"
import { mariadbServer, newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { hearWarnings } from "../../support/waiting.ts"
import {
  connect,
  connectAsAdmin,
  execute,
  failure,
  idOf,
  kill,
  never,
  onServer,
  open,
  query,
  reading,
  rows,
  running,
  typesOf,
} from "./support.ts"

onServer("a query gives its rows with their types", async () => {
  const connection = await connect()
  const { table, rowCount } = await query(connection, "select 1 as a, 'x' as b, cast(null as double) as c")
  expect(table.toArray()).toEqual([{ a: 1, b: "x", c: null }])
  expect(typesOf(table)).toEqual({ a: "int32", b: "utf8", c: "float64" })
  expect(rowCount).toBe(1)
})

onServer("an empty result has its columns, and a statement without rows has none", async () => {
  const connection = await connect()
  const { table } = await query(connection, "select 1 as a, 'x' as b from dual where false")
  expect([table.numRows, typesOf(table)]).toEqual([0, { a: "int32", b: "utf8" }])
  const made = await execute(connection, "create temporary table t (a int)")
  expect([made.table.numCols, made.rowCount]).toEqual([0, 0])
})

onServer("changes tell how many rows they met, and which id was counted up", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t (id bigint auto_increment primary key, b varchar(9))")
  const inserted = await execute(connection, "insert into t (b) values (?), (?)", "x", "y")
  expect(inserted).toMatchObject({ rowCount: 2, lastInsertId: 1 })
  // As in other databases, a row that already has the value counts as well.
  expect((await execute(connection, "update t set b = ?", "x")).rowCount).toBe(2)
  expect(await execute(connection, "delete from t")).not.toHaveProperty("lastInsertId")
  await execute(connection, "insert into t values (9007199254740992, 'z')")
  expect(await execute(connection, "insert into t (b) values ('z')")).toMatchObject({ lastInsertId: 9007199254740993n })
})

onServer("insert … returning gives its rows", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t (id int auto_increment primary key, b varchar(9))")
  const { table, rowCount } = await execute(connection, "insert into t (b) values (?), (?) returning id, b", "x", "y")
  expect(table.toArray()).toEqual([
    { id: 1, b: "x" },
    { id: 2, b: "y" },
  ])
  expect(rowCount).toBe(2)
})

onServer("of a procedure's results the first is taken, and none is left behind", async () => {
  const connection = await connect()
  await execute(connection, "drop procedure if exists three")
  await execute(
    connection,
    "create procedure three(in n int) begin select n as a; select 'x' as b, 2 as c union all select 'y', 3; select 4 as d; end",
  )
  for (const run of [query, execute]) {
    const { table, rowCount } = await run(connection, "call three(?)", 7)
    expect([table.toArray(), rowCount]).toEqual([[{ a: 7 }], 1])
    expect((await run(connection, "call three(8)")).table.toArray()).toEqual([{ a: 8 }])
  }
  const stream = await connection.stream({ text: "call three(9)", values: [] }, { ...reading, batchRows: 10 })
  const batches: unknown[] = []
  for await (const batch of stream) batches.push(...batch.toArray())
  expect(batches).toEqual([{ a: 9 }])
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  await execute(
    connection,
    "create or replace procedure three() begin create temporary table made (a int); insert into made values (1), (2); end",
  )
  const changed = await execute(connection, "call three()")
  expect([changed.table.numCols, changed.rowCount]).toEqual([0, 2])
  await execute(connection, "drop procedure three")
})

onServer("what cannot be prepared runs all the same, with its rows", async () => {
  const connection = await connect()
  await execute(connection, "prepare mine from 'select 1.50 as a, cast(? as char) as b'")
  await execute(connection, "set @x = 'y'")
  const { table } = await execute(connection, "execute mine using @x")
  expect(table.toArray()).toEqual([{ a: "1.50", b: "y" }])
  const batches: unknown[] = []
  const options = { signal: never, readOnly: false, batchRows: 1 }
  for await (const batch of await connection.stream({ text: "execute mine using @x", values: [] }, options)) {
    batches.push(...batch.toArray())
  }
  expect(batches).toEqual([{ a: "1.50", b: "y" }])
  expect(
    (await execute(connection, "set statement max_statement_time = 10 for select 1 as a")).table.toArray(),
  ).toEqual([{ a: 1 }])
})

onServer("two statements in one text are refused", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t (a int)")
  for (const text of ["select 1; select 2", "set @a = 1; insert into t values (1)"]) {
    const error = await failure(execute(connection, text))
    expect(mysql.classify(error), text).toMatchObject({ kind: "syntax", driverCode: 1064 })
  }
  expect(await rows(connection, "select * from t")).toEqual([])
})

onServer("more or fewer values than placeholders are an error, and the connection stays usable", async () => {
  const connection = await connect()
  for (const values of [[], [1], [1, 2, 3]]) {
    const error = await failure(execute(connection, "select ? + ? as a", ...values))
    expect(error, String(values)).toMatchObject({ code: "BAD_PARAMS" })
  }
  expect(await rows(connection, "select ? + ? as a", 1, 2)).toHaveLength(1)
})

onServer("an error in the middle of rows leaves the connection usable", async () => {
  const connection = await connect()
  await execute(connection, "set sql_mode = 'error_for_division_by_zero,strict_all_tables'")
  const text =
    "select json_value(if(seq = 500000, json_query('[', '$'), '{}'), '$.a'), exp(if(seq = 500000, 100000, 1)) from seq_1_to_600000"
  const error = await failure(execute(connection, text))
  expect(mysql.classify(error)).toMatchObject({ kind: "value", sqlState: "22003", action: "fatal" })
  expect(connection.usable).toBe(true)
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("more than maxRows or maxBytes is an error, and the rest is not read", async () => {
  const connection = await connect()
  const text = "select seq, repeat('x', 100) as x from seq_1_to_100000000"
  for (const limit of [{ maxRows: 1000 }, { maxBytes: 100_000 }]) {
    const error = await failure(connection.run({ text, values: [] }, { ...reading, ...limit }))
    expect(error).toMatchObject({ code: "TOO_LARGE" })
    expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  }
  const exact = { text: "select seq from seq_1_to_1000", values: [] }
  expect((await connection.run(exact, { ...reading, maxRows: 1000 })).rowCount).toBe(1000)
})

onServer("a value that its column cannot hold fails the query, not the link", async () => {
  const connection = await connect()
  await execute(connection, "set sql_mode = ''")
  await execute(connection, "create temporary table t (d date)")
  await execute(connection, "insert into t values ('0000-00-00')")
  expect(await failure(query(connection, "select d from t"))).toMatchObject({ code: "BAD_VALUE" })
  expect(await rows(connection, "select cast(d as char) as d from t")).toEqual([{ d: "0000-00-00" }])
})

onServer("an abort cancels the statement on the server and rejects with its reason", async () => {
  const [connection, other] = [await connect(), await connectAsAdmin()]
  const id = await idOf(connection)
  for (const text of [
    "select sleep(60)",
    "select count(*) from seq_1_to_100000000000 where seq % 7 = 8",
    "select seq from seq_1_to_1000000000",
  ]) {
    const controller = new AbortController()
    const reason = new Error("enough")
    setTimeout(() => controller.abort(reason), 50)
    const error = await failure(connection.run({ text, values: [] }, { ...reading, signal: controller.signal }))
    expect(error, text).toBe(reason)
    expect(connection.usable, text).toBe(true)
    expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
    const left = "select 1 from information_schema.processlist where command <> 'Sleep' and id = ?"
    await expect.poll(() => rows(other, left, id)).toEqual([])
  }
})

onServer("aborts at any time hit no later statement", async () => {
  const connection = await connect()
  for (let i = 0; i < 40; i++) {
    const controller = new AbortController()
    const text = `select ${i}, sleep(0.012)`
    setTimeout(() => controller.abort(new Error("enough")), i)
    await connection.run({ text, values: [] }, { ...reading, signal: controller.signal }).catch(() => undefined)
    expect(await rows(connection, "select ? as i, sleep(0.001) as s", i)).toEqual([{ i, s: 0 }])
  }
})

onServer("an abort before the start runs nothing", async () => {
  const connection = await connect()
  const signal = AbortSignal.abort(new Error("early"))
  expect(await failure(connection.run({ text: "select 1", values: [] }, { ...reading, signal }))).toBe(signal.reason)
})

onServer("a statement is prepared once, and told apart by its text", async () => {
  const connection = await connect()
  const prepared = async () => {
    const [row] = (await rows(
      connection,
      "select variable_value as n from information_schema.session_status where variable_name = 'Com_stmt_prepare'",
    )) as [{ n: string }]
    return Number(row.n)
  }
  await prepared()
  const before = await prepared()
  for (let i = 0; i < 5; i++)
    expect(await rows(connection, "select concat(?, 'x') as a", `${i}`)).toEqual([{ a: `${i}x` }])
  expect(await prepared()).toBe(before + 1)
})

onServer(
  "no more than 128 statements are kept at the server",
  async () => {
    const connection = await connect()
    const warnings = hearWarnings()
    for (let i = 0; i < 300; i++) await query(connection, `select ${i} as a`)
    const status = "select variable_value as n from information_schema.session_status where variable_name like ?"
    const made = async (name: string) => Number(((await rows(connection, status, name)) as [{ n: string }])[0].n)
    expect((await made("Com_stmt_prepare")) - (await made("Com_stmt_close"))).toBeLessThanOrEqual(129)
    expect(await rows(connection, "select 0 as a")).toEqual([{ a: 0 }])
    expect(warnings).toEqual([])
  },
  60_000,
)

onServer("a kept statement whose columns have changed gives the new ones", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table t as select 1 as a")
  for (let i = 0; i < 3; i++) expect(await rows(connection, "select * from t")).toEqual([{ a: 1 }])
  await execute(connection, "alter table t add column b varchar(9) default 'x'")
  expect(await rows(connection, "select * from t")).toEqual([{ a: 1, b: "x" }])
})

onServer("progress tells the rows so far", async () => {
  const connection = await connect()
  const told: number[] = []
  const text = "select repeat('x', 500) as x from seq_1_to_100000"
  await connection.run({ text, values: [] }, { ...running, onProgress: ({ rows: n }) => told.push(n!) })
  expect(told.length).toBeGreaterThan(0)
  expect(told).toEqual([...told].sort((a, b) => a - b))
})

onServer("reset gives a fresh session, set up as configured", async () => {
  const connection = await connect()
  for (const text of [
    "begin",
    "set time_zone = '+05:00', sql_mode = '', names latin1, @mine = 1",
    "create temporary table t (a int)",
    "set session transaction isolation level serializable",
  ].map((statement) => statement.replace(", names latin1", ""))) {
    await execute(connection, text)
  }
  await execute(connection, "set names latin1")
  await query(connection, "select get_lock('mooring', 0)")
  await connection.reset()
  const [state] = await rows(
    connection,
    `select @@time_zone as zone, @@sql_mode = @@global.sql_mode as mode, @@character_set_client as charset, @mine as mine,
       @@tx_isolation = @@global.tx_isolation as isolation, @@in_transaction as open, @@autocommit as autocommit,
       is_used_lock('mooring') as locked, 'é🦉' as text`,
  )
  expect(state).toEqual({
    zone: "+00:00",
    mode: 1,
    charset: "utf8mb4",
    mine: null,
    isolation: 1,
    open: 0,
    autocommit: 1,
    locked: null,
    text: "é🦉",
  })
  expect(mysql.classify(await failure(query(connection, "select * from t")))).toMatchObject({ kind: "missing" })
})

onServer("only a session that may hold something is made fresh", async () => {
  const proxy = await FaultProxy.start(await mariadbServer())
  try {
    const { database } = await newMariaDBDatabase()
    const connection = await connect({ database, port: proxy.port, settings: { ssl_mode: "DISABLED" } })
    let resets = 0
    const reset = Buffer.from([1, 0, 0, 0, 0x1f])
    proxy.tap = (way, bytes) => void (way === "toServer" && bytes.equals(reset) && resets++)
    const told: [text: string, resets: number][] = []
    const expected: typeof told = [
      ["do 1", 1],
      ["set @a = 1", 1],
      ["begin", 1],
      ["insert into mooring.no_such_table values (1)", 1],
      ["select @a := 1", 1],
      ["select get_lock('x', 0)", 1],
      ["call mooring.no_such_procedure()", 1],
      [`select length('${"x".repeat(30_000)}')`, 1],
      ["create temporary table mine (a int)", 1],
      ["create table t (a int primary key)", 1],
      ["insert into t values (1)", 0],
      ["select count(*) from t", 0],
      ["update t set a = 2", 0],
      ["/* it's */ delete from t", 0],
    ]
    await connection.reset()
    for (const [text] of expected) {
      resets = 0
      await execute(connection, text).catch(() => undefined)
      await connection.reset()
      told.push([text, resets])
    }
    expect(told).toEqual(expected)
  } finally {
    await proxy.stop()
  }
})

onServer("statements that were prepared before a reset are prepared again", async () => {
  const connection = await connect()
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 2; j++) expect(await rows(connection, "select ? as a", `${i}`)).toEqual([{ a: `${i}` }])
    await execute(connection, "set @used = 1")
    await connection.reset()
  }
})

onServer("ping answers, and tells when the link is dead", async () => {
  const connection = await connect()
  await connection.ping({ signal: never })
  await kill(await idOf(connection))
  const error = await failure(connection.ping({ signal: never }))
  expect(mysql.classify(error)).toMatchObject({ action: "lost", kind: "connection" })
  expect(connection.usable).toBe(false)
})

onServer("the server's version is known once connected", async () => {
  const database = await open()
  const connection = await database.connect({ signal: never })
  expect(database.version).toMatch(/^1\d\.\d+\.\d+-MariaDB/)
  await connection.close()
})
