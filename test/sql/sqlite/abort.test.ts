import { spawnSync } from "node:child_process"
import { existsSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test, vi } from "vitest"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import {
  childOf,
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
  stopDeadlines,
} from "./support.ts"

const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"

test("an abort between rows stops the statement, and its connection goes on", async () => {
  const connection = await memory()
  const controller = new AbortController()
  const wait = stopDeadlines()
  const run = connection.run({ text: endless, values: [] }, { ...reading, signal: controller.signal })
  await wait(100)
  const reason = new Error("enough")
  controller.abort(reason)
  expect(await failure(run)).toBe(reason)
  expect(connection.usable).toBe(true)
  expect((await query(connection, "select 1")).rowCount).toBe(1)
})

test("a statement between two rows ends when it is aborted, with the process that ran it", async () => {
  const connection = await memory()
  const controller = new AbortController()
  const run = connection.run({ text: slow, values: [] }, { ...reading, signal: controller.signal })
  const child = childOf(connection)
  setTimeout(() => controller.abort(new Error("enough")), 50)
  expect((await failure(run)).message).toBe("enough")
  // The rejection comes after the end.
  expect(child.signalCode).toBe("SIGKILL")
  expect(connection.usable).toBe(false)
  expect(sqlite.classify(await failure(query(connection, "select 1")))).toMatchObject({ action: "lost" })
})

test("a database in memory outlives the statement that was ended", async () => {
  const database = await open()
  const connection = await connect(database)
  await execute(connection, "create table t as select 42 as a")
  const signal = AbortSignal.timeout(50)
  await failure(connection.run({ text: slow, values: [] }, { ...reading, signal }))
  expect((await query(await connect(database), "select a from t")).table.toArray()).toEqual([{ a: 42 }])
})

test.for([
  { journal_mode: "wal", log: "-wal" },
  { journal_mode: "delete", log: "-journal" },
])("a write that is cut off with journal_mode $journal_mode leaves nothing, and the file is whole", async (mode) => {
  const { journal_mode, log } = mode
  const file = databaseFile("create table t (x)", "insert into t values (1)")
  const database = await open({ database: file, settings: { journal_mode } })
  const connection = await connect(database)
  // Pages of the transaction reach the files before it is cut off.
  await execute(connection, "pragma cache_size = 10")
  const controller = new AbortController()
  const text = `insert into t select i from (${countTo(100_000_000_000)})`
  const run = failure(connection.run({ text, values: [] }, { ...running, signal: controller.signal }))
  await vi.waitFor(() => {
    expect(existsSync(file + log)).toBe(true)
    expect(statSync(file).size + statSync(file + log).size).toBeGreaterThan(100_000)
  }, 10_000)
  controller.abort(new Error("enough"))
  await run
  expect(existsSync(file + log)).toBe(true)
  const other = await connect(database)
  expect((await query(other, "pragma integrity_check")).table.toArray()).toEqual([{ integrity_check: "ok" }])
  expect((await query(other, "select count(*) as n from t")).table.toArray()).toEqual([{ n: 1 }])
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

test("what a transaction had done is rolled back when its statement is ended", async () => {
  const file = databaseFile("create table t (x)")
  const database = await open({ database: file })
  const connection = await connect(database)
  for (const text of sqlite.begin({})) await execute(connection, text)
  await execute(connection, "insert into t values (1)")
  const controller = new AbortController()
  const run = connection.run({ text: slow, values: [] }, { ...running, signal: controller.signal })
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
  const run = failure(connection.run({ text: endless, values: [] }, { ...reading, signal: never }))
  childOf(connection).kill("SIGKILL")
  expect(sqlite.classify(await run)).toMatchObject({ action: "lost", kind: "connection" })
  expect(connection.usable).toBe(false)
})

test("process.exit() ends at once while a statement runs, and nothing of it stays", async () => {
  const { code, output } = await script(`
    query(${JSON.stringify(slow)}).catch(() => {})
    setTimeout(() => {
      console.log(childPid(), database.engine.path)
      process.exit(3)
    }, 50)
  `)
  expect(code).toBe(3)
  const [pid, path] = output.trim().split(" ")
  await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH"), 10_000)
  expect(existsSync(dirname(path!))).toBe(false)
})

test("after SIGKILL of the process, its worker ends as well, and removes what was in memory", async () => {
  const { output } = await script(`
    query(${JSON.stringify(slow)}).catch(() => {})
    process.stdout.write(childPid() + " " + database.engine.path, () => process.kill(process.pid, "SIGKILL"))
  `)
  const [pid, path] = output.trim().split(" ")
  await vi.waitFor(() => expect(() => process.kill(Number(pid), 0)).toThrow("ESRCH"), 10_000)
  expect(existsSync(dirname(path!))).toBe(false)
})

test("what a process left in memory that was killed without a worker goes with the next one that needs some", async (context) => {
  const { output } = await script(`
    const worker = childPid()
    const { path } = database.engine
    await connection.close()
    process.kill(worker, "SIGKILL")
    process.stdout.write(path, () => process.kill(process.pid, "SIGKILL"))
  `)
  const left = dirname(output.trim())
  if (!left.startsWith("/dev/shm/")) return context.skip("this machine has no gigabyte free in /dev/shm")
  expect(existsSync(left)).toBe(true)
  const next = await script(`console.log(database.engine.path)`)
  expect(next.code).toBe(0)
  expect(existsSync(left)).toBe(false)
})

const prlimit = spawnSync("prlimit", ["--version"])

test.skipIf(prlimit.error)("without files for another process, the error says so (needs prlimit)", async () => {
  const { output } = await script(`
    const { execFileSync } = await import("node:child_process")
    const { openSync } = await import("node:fs")
    execFileSync("prlimit", ["--pid", process.pid, "--nofile=128:128"])
    try { for (;;) openSync("/dev/null") } catch {}
    await database.connect({ signal }).catch(({ code, message, hint }) => console.log(code, message, hint))
  `)
  expect(output).toMatch(/^CONNECT SQLite's worker process could not be started \(EMFILE\)\. .*pool_size/)
})

test("without child processes the work runs in a thread", async () => {
  const flags = ["--permission", "--allow-fs-read=*", "--allow-fs-write=*", "--allow-worker"]
  const { code, output } = await script(`console.log((await query("select 7 as n")).table.at(0).n, childPid())`, {
    flags,
  })
  expect({ code, output }).toEqual({ code: 0, output: expect.stringMatching(/^7 undefined$/m) })
})
