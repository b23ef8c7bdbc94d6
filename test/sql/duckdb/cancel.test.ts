import { readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import type { Progress } from "../../../src/sql/dialect.ts"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { config, connect, execute, failure, memory, never, open, query, reading, running } from "./support.ts"

/** Takes minutes. */
const endless = "select count(*) from range(1000000000000) t(i) where hash(i) % 3 = 7"

test.each([
  ["a read", reading, endless],
  ["a write", running, `create table t as ${endless}`],
  ["several statements", running, `create table t (i int); insert into t ${endless}`],
  ["rows on their way", reading, "select i, hash(i) as h from range(1000000000000) t(i)"],
])("%s is cancelled, and the connection goes on", async (_name, options, text) => {
  const connection = await memory()
  const reason = new Error("enough")
  const controller = new AbortController()
  const pending = connection.run({ text, values: [] }, { ...options, signal: controller.signal })
  setTimeout(() => controller.abort(reason), 150)
  expect(await failure(pending)).toBe(reason)
  expect(connection.usable).toBe(true)
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("a signal that aborted before runs nothing", async () => {
  const connection = await memory()
  const signal = AbortSignal.abort(new Error("before"))
  const pending = connection.run({ text: "create table t (i int)", values: [] }, { ...running, signal })
  expect((await failure(pending)).message).toBe("before")
  expect((await query(connection, "from duckdb_tables()")).rowCount).toBe(0)
})

test("cancelling at any moment settles", async () => {
  const connection = await memory()
  for (let i = 0; i < 40; i++) {
    const controller = new AbortController()
    const reason = new Error(`number ${i}`)
    const text = "select i, 'row ' || i as t from range(300000) t(i)"
    const pending = connection.run({ text, values: [] }, { ...reading, signal: controller.signal })
    setTimeout(() => controller.abort(reason), i)
    const result = await pending.then(
      ({ rowCount }) => rowCount,
      (error) => error,
    )
    expect([300_000, reason]).toContain(result)
    expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
  }
})

test("an open transaction is aborted with its statement", async () => {
  const connection = await memory()
  await execute(connection, "begin transaction")
  const signal = AbortSignal.timeout(100)
  await failure(connection.run({ text: endless, values: [] }, { ...running, signal }))
  expect((await failure(execute(connection, "select 1"))).message).toMatch(/transaction is aborted/)
  await execute(connection, "rollback")
  await execute(connection, "select 1")
})

test("busy queries leave a thread for files, and a caller in the queue can leave", async () => {
  const database = await open()
  const connections = await Promise.all(Array.from({ length: 8 }, () => connect(database)))
  const controller = new AbortController()
  const reason = new Error("enough")
  const options = { ...reading, signal: controller.signal }
  const pending = connections.map((connection) => failure(connection.run({ text: endless, values: [] }, options)))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect((await readFile(new URL(import.meta.url))).length).toBeGreaterThan(0)
  controller.abort(reason)
  expect(await Promise.all(pending)).toEqual(Array(8).fill(reason))
  for (const connection of connections) expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("closing during a statement cancels it", async () => {
  const database = await duckdb.open(config())
  const connection = await database.connect({ signal: never })
  const pending = failure(query(connection, endless))
  await new Promise((resolve) => setTimeout(resolve, 100))
  await connection.close()
  expect(await pending).toMatchObject({ code: "ABORTED" })
  expect(connection.usable).toBe(false)
  expect(await failure(query(connection, "select 1"))).toMatchObject({ code: "CLOSED" })
  await connection.close()
  await database.close()
})

test("progress is told, and rises", async () => {
  const connection = await memory({ threads: 1 })
  await execute(connection, "create table t as select hash(i) as h from range(3000000) t(i)")
  const controller = new AbortController()
  const seen: number[] = []
  const onProgress = ({ fraction }: Progress) => {
    seen.push(fraction!)
    if (seen.length > 2 && seen.at(-1)! > seen[0]!) controller.abort(new Error("enough"))
  }
  const text = "select count(distinct md5(md5(md5(md5(h::varchar))))) as n from t"
  await failure(connection.run({ text, values: [] }, { ...reading, signal: controller.signal, onProgress }))
  expect(seen.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))
  expect(seen.length).toBeGreaterThan(2)
})

test("a locked configuration has no progress, and runs all the same", async () => {
  const connection = await memory({ settings: { lock_configuration: true } })
  const options = { ...reading, onProgress: () => undefined }
  expect((await connection.run({ text: "select 1 as x", values: [] }, options)).rowCount).toBe(1)
})

test("limits hold while rows are read", async () => {
  const connection = await memory()
  const text = "select i, 'row number ' || i as text from range(1000000000000) t(i)"
  const rows = await failure(connection.run({ text, values: [] }, { ...reading, maxRows: 10_000 }))
  expect(rows).toMatchObject({ code: "TOO_LARGE", message: "The result has more than 10000 rows." })
  const bytes = await failure(connection.run({ text, values: [] }, { ...reading, maxBytes: 1_000_000 }))
  expect(bytes).toMatchObject({ code: "TOO_LARGE", hint: expect.stringContaining("maxBytes") })
  for (const value of ["repeat('x', 3000000)", "repeat('x', 3000000)::blob"]) {
    const large = { text: `select 'short' as a, ${value} as b`, values: [] }
    expect(await failure(connection.run(large, { ...reading, maxBytes: 1_000_000 }))).toMatchObject({
      code: "TOO_LARGE",
    })
    expect((await connection.run(large, { ...reading, maxBytes: 4_000_000 })).rowCount).toBe(1)
  }
  const exact = { ...reading, maxRows: 3 }
  expect((await connection.run({ text: "from range(3)", values: [] }, exact)).rowCount).toBe(3)
  expect(connection.usable).toBe(true)
})

test("a reset session has nothing of the old one", async () => {
  const connection = await memory()
  const { raw } = connection
  await execute(connection, "create table kept (id int)")
  await execute(connection, "set search_path = 'temp'")
  await execute(connection, "create temp table gone (id int)")
  await execute(connection, "prepare gone as select 1")
  await execute(connection, "begin transaction")
  await execute(connection, "insert into memory.main.kept values (1)")
  await connection.reset()
  expect(connection.raw).not.toBe(raw)
  expect((await query(connection, "from kept")).rowCount).toBe(0)
  expect(duckdb.classify(await failure(query(connection, "from gone"))).kind).toBe("missing")
  expect(duckdb.classify(await failure(execute(connection, "execute gone"))).kind).toBe("missing")
})

test("a reset after statements that leave nothing keeps the session", async () => {
  const database = await open()
  const connection = await connect(database)
  const opened = connection.raw
  await connection.reset()
  expect(connection.raw).not.toBe(opened)
  await connection.reset()
  await query(connection, "select 1 as x")
  await execute(connection, "select 1 as x")
  await connection.ping({ signal: never })
})
