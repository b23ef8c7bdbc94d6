import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import {
  connect,
  countTo,
  databaseFile,
  execute,
  failure,
  memory,
  never,
  open,
  query,
  reading,
  running,
  script,
  slow,
} from "./support.ts"

const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"

test("an abort between rows stops the statement, and its connection goes on", async () => {
  const connection = await memory()
  const controller = new AbortController()
  const run = connection.run({ text: endless, values: [] }, { ...reading, signal: controller.signal })
  await sleep(100)
  const reason = new Error("enough")
  controller.abort(reason)
  expect(await failure(run)).toBe(reason)
  expect(connection.usable).toBe(true)
  expect((await query(connection, "select 1")).rowCount).toBe(1)
})

test("an abort ends the wait for a statement that cannot be stopped, and its connection is not used again", async () => {
  const connection = await memory()
  const controller = new AbortController()
  const run = connection.run({ text: slow, values: [] }, { ...reading, signal: controller.signal })
  setTimeout(() => controller.abort(new Error("enough")), 50)
  expect((await failure(run)).message).toBe("enough")
  expect(connection.usable).toBe(false)
  expect(sqlite.classify(await failure(query(connection, "select 1")))).toMatchObject({ action: "lost" })
})

test("an abort before the statement sends nothing", async () => {
  const connection = await memory()
  const run = connection.run(
    { text: "create table t (x)", values: [] },
    { ...running, signal: AbortSignal.abort(new Error("too late")) },
  )
  expect((await failure(run)).message).toBe("too late")
  expect((await query(connection, "select * from sqlite_schema")).rowCount).toBe(0)
})

test("what an abandoned transaction had done is rolled back when its statement ends", async () => {
  const file = databaseFile("create table t (x)")
  const database = await open({ database: file })
  const connection = await connect(database)
  for (const text of sqlite.begin({})) await execute(connection, text)
  await execute(connection, "insert into t values (1)")
  const controller = new AbortController()
  const text = `select count(*) as n from (${countTo(3_000_000)})`
  const run = connection.run({ text, values: [] }, { ...running, signal: controller.signal })
  await sleep(20)
  controller.abort(new Error("enough"))
  await failure(run)
  expect(connection.usable).toBe(false)
  const other = await connect(database)
  expect((await execute(other, "insert into t values (2)")).rowCount).toBe(1)
  expect((await query(other, "select x from t")).table.toArray()).toEqual([{ x: 2 }])
})

test("close() ends the wait of a statement that still runs", async () => {
  const connection = await memory()
  const run = failure(query(connection, slow))
  await sleep(50)
  await connection.close()
  expect(await run).toMatchObject({ code: "ABORTED" })
  expect(connection.usable).toBe(false)
})

test("connecting can be aborted", async () => {
  const database = await open()
  const controller = new AbortController()
  const connecting = database.connect({ signal: controller.signal })
  controller.abort(new Error("enough"))
  expect((await failure(connecting)).message).toBe("enough")
})

test("the event loop is free while a statement runs", async () => {
  const connection = await memory()
  let ticks = 0
  const timer = setInterval(() => ticks++, 5)
  await query(connection, `select count(*) as n from (${countTo(3_000_000)})`)
  clearInterval(timer)
  expect(ticks).toBeGreaterThan(5)
})

test("an idle connection does not keep the process alive, and gives no warning", async () => {
  const { code, output } = await script(`console.log((await query("select 7 as n")).table.at(0).n)`)
  expect({ code, output }).toEqual({ code: 0, output: "7\n" })
})

test("a running statement keeps the process alive", async () => {
  const { output } = await script(`query(${JSON.stringify(countTo(200_000))}).then((r) => console.log(r.rowCount))`)
  expect(output).toBe("200000\n")
})

test("other warnings are not suppressed", async () => {
  const { output } = await script(
    `process.emitWarning("SQLite is fine"); process.emitWarning("later", "ExperimentalWarning")`,
  )
  expect(output).toMatch(/SQLite is fine/)
  expect(output).toMatch(/ExperimentalWarning: later/)
})

test("a worker that dies is a lost connection", async () => {
  const connection = await memory()
  const { link } = connection as unknown as { link: { worker: import("node:worker_threads").Worker } }
  const run = failure(connection.run({ text: endless, values: [] }, { ...reading, signal: never }))
  await sleep(50)
  await link.worker.terminate()
  expect(sqlite.classify(await run)).toMatchObject({ action: "lost", kind: "connection" })
  expect(connection.usable).toBe(false)
})
