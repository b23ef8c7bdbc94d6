import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { expect, onTestFinished, test } from "vitest"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { config, connect, databaseFile, execute, failure, folder, never, open, query, script } from "./support.ts"

test("query() creates no file, and execute() does", async () => {
  const file = join(folder(), "new.db")
  const connection = await connect(await open({ database: file }))
  const error = await failure(query(connection, "select 1"))
  expect(error).toMatchObject({ code: "CONNECT", message: /new\.db does not exist/, hint: /execute\(\)/ })
  expect(existsSync(file)).toBe(false)
  await execute(connection, "create table t (x)")
  expect(existsSync(file)).toBe(true)
  expect((await query(connection, "select * from t")).rowCount).toBe(0)
})

test("neither opening nor connecting creates a file", async () => {
  const file = join(folder(), "new.db")
  const database = await open({ database: file })
  const connection = await connect(database)
  await connection.ping({ signal: new AbortController().signal })
  expect(database.engine).toMatchObject({ path: file })
  expect(existsSync(file)).toBe(false)
})

test("relative paths begin at the project's folder", async () => {
  const file = databaseFile("create table t (x)")
  const connection = await connect(await open({ database: basename(file), projectDir: dirname(file) }))
  expect((await query(connection, "select * from t")).rowCount).toBe(0)
})

test("relative files in statements begin at the working folder, whichever database the process had before", async () => {
  const home = process.cwd()
  onTestFinished(() => process.chdir(home))
  for (const mark of ["one", "two"]) {
    const other = databaseFile(`create table ${mark} (x)`)
    process.chdir(dirname(other))
    const connection = await connect(await open())
    await execute(connection, `attach '${basename(other)}' as other`)
    expect((await execute(connection, `select * from other.${mark}`)).rowCount).toBe(0)
    process.chdir(home)
    await connection.close()
  }
})

test("what cannot be a database is said before anything is sent", async () => {
  const path = folder()
  mkdirSync(join(path, "sub"))
  writeFileSync(join(path, "text.db"), "This is no database, but a text that is long enough for a header.")
  writeFileSync(join(path, "empty.db"), "")
  const opening = (name: string) => failure(sqlite.open(config({ database: name, projectDir: path })))
  expect(await opening("sub")).toMatchObject({ code: "CONNECT", message: /^sub is a folder/ })
  expect(await opening("none/pets.db")).toMatchObject({ code: "CONNECT", message: /folder .* does not exist/ })
  expect(await opening("text.db")).toMatchObject({ code: "CONNECT", message: /not an SQLite database/ })
  const empty = await connect(await open({ database: join(path, "empty.db") }))
  expect((await query(empty, "select 1")).rowCount).toBe(1)
})

test("a file that turns out to be none is said as clearly, and the connection is not used again", async () => {
  const file = join(folder(), "late.db")
  const connection = await connect(await open({ database: file }))
  writeFileSync(file, "This is no database, but a text that is long enough for a header.")
  expect(await failure(query(connection, "select 1"))).toMatchObject({ message: /late\.db is not an SQLite database/ })
})

test("a corrupt file is reported, and its connection is not used again", async () => {
  const file = databaseFile("create table t (x)", "insert into t values (zeroblob(100000))")
  const connection = await connect(await open({ database: file }))
  const size = statSync(file).size
  const raw = openSync(file, "r+")
  writeSync(raw, Buffer.alloc(size - 4096, 0x55), 0, size - 4096, 4096)
  closeSync(raw)
  const error = await failure(query(connection, "select * from t"))
  expect(sqlite.classify(error)).toMatchObject({ action: "fatal", kind: "connection", hint: /integrity_check/ })
  expect(connection.usable).toBe(false)
})

test("a file that was replaced is read anew", async () => {
  const file = databaseFile("create table t (x)", "insert into t values ('old')")
  const connection = await connect(await open({ database: file }))
  expect((await query(connection, "select x from t")).table.at(0)).toEqual({ x: "old" })
  renameSync(databaseFile("create table t (x)", "insert into t values ('new')"), file)
  expect((await query(connection, "select x from t")).table.at(0)).toEqual({ x: "new" })
})

test("the journal is a write-ahead log once something is written, unless a setting says otherwise", async () => {
  const mode = (file: string) => {
    const handle = new DatabaseSync(file)
    const { journal_mode } = handle.prepare("pragma journal_mode").get() as { journal_mode: string }
    handle.close()
    return journal_mode
  }
  const read = databaseFile("create table t (x)")
  await query(await connect(await open({ database: read })), "select * from t")
  expect(mode(read)).toBe("delete")
  const written = databaseFile("create table t (x)")
  await execute(await connect(await open({ database: written })), "insert into t values (1)")
  expect(mode(written)).toBe("wal")
  const kept = databaseFile("create table t (x)")
  const settings = { journal_mode: "unchanged" }
  await execute(await connect(await open({ database: kept, settings })), "insert into t values (1)")
  expect(mode(kept)).toBe("delete")
})

test("closing in order leaves no write-ahead log behind", async () => {
  const file = databaseFile("create table t (x)")
  const database = await open({ database: file })
  const connection = await database.connect({ signal: new AbortController().signal })
  await execute(connection, "insert into t values (1)")
  await query(connection, "select * from t")
  expect(existsSync(`${file}-wal`)).toBe(true)
  await connection.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
})

test("a lock of another process is waited for, and after busy_timeout an error", async () => {
  const file = databaseFile("create table t (x)")
  const holder = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "-e",
    `const { DatabaseSync } = require("node:sqlite")
     const handle = new DatabaseSync(process.argv[1])
     handle.exec("begin exclusive; insert into t values ('theirs')")
     process.stdout.write("locked")
     process.stdin.once("data", () => { handle.exec("commit"); handle.close(); process.exit() })`,
    file,
  ])
  onTestFinished(() => void holder.kill())
  await once(holder.stdout, "data")

  const hasty = await connect(await open({ database: file, settings: { busy_timeout: 50 } }))
  const locked = { action: "fatal", kind: "locked", code: "LOCKED" }
  expect(sqlite.classify(await failure(execute(hasty, "insert into t values (1)")))).toMatchObject(locked)
  expect(sqlite.classify(await failure(query(hasty, "select * from t")))).toMatchObject(locked)
  expect(hasty.usable).toBe(true)

  const patient = await connect(await open({ database: file, settings: { busy_timeout: 15_000 } }))
  const waiting = execute(patient, "insert into t values ('ours')")
  setTimeout(() => holder.stdin.write("go"), 100)
  expect((await waiting).rowCount).toBe(1)
  const { table } = await query(patient, "select x from t")
  expect(table.toArray()).toEqual([{ x: "theirs" }, { x: "ours" }])
})

test("mode=ro and read_only refuse to write, sessions too, and may be read in a transaction", async () => {
  const file = databaseFile("create table t (x)", "insert into t values (1)")
  for (const changes of [{ query: { mode: "ro" } }, { settings: { read_only: true } }]) {
    const connection = await connect(await open({ database: file, ...changes }))
    const error = await failure(execute(connection, "insert into t values (2)"))
    expect(sqlite.classify(error)).toMatchObject({ action: "fatal", kind: "permission", hint: /read-only/ })
    for (const text of sqlite.begin({})) await execute(connection, text)
    expect((await execute(connection, "select * from t")).rowCount).toBe(1)
    await execute(connection, "commit")
  }
})

test("file: URLs of SQLite are read as such", async () => {
  const file = databaseFile("create table t (x)")
  const connection = await connect(await open({ database: `file:${file}?mode=ro&immutable=1` }))
  expect((await query(connection, "select * from t")).rowCount).toBe(0)
  expect(sqlite.source(config({ database: `file:${file}?mode=ro` })).identity).toEqual({ file })
})

test("where the data is", () => {
  const source = (database: string | undefined) => sqlite.source(config({ database, projectDir: "/project" }))
  expect(source("pets.db")).toEqual({
    label: "pets.db",
    identity: { file: "/project/pets.db" },
    local: true,
    ephemeral: false,
  })
  expect(source("/data/../pets.db").identity).toEqual({ file: "/pets.db" })
  for (const name of [undefined, ":memory:", "file::memory:?mode=memory"]) {
    expect(source(name)).toMatchObject({ ephemeral: true, label: ":memory:" })
  }
})

test.each([
  // The key may be the rest of a password.
  [{ query: { mod: "ro" } }, /has a key that sqlite/],
  [{ query: { mode: "wild" } }, /mode/],
  [{ query: { timeout: "soon" } }, /timeout/],
  // Milliseconds, as in SQLite's pragma, where seconds are meant.
  [{ settings: { busy_timeout: 5_000_000 } }, /83 minutes/],
  [{ query: { timeout: "5000" } }, /83 minutes/],
])("%j is refused", (changes, message) => {
  expect(() => sqlite.source(config(changes))).toThrow(message)
})

test("keys of SQLAlchemy's driver do no harm", async () => {
  const file = databaseFile("create table t (x)")
  const connection = await connect(
    await open({
      database: file,
      query: { timeout: "30", uri: "true" },
      connectArgs: { check_same_thread: false, timeout: 30, isolation_level: null },
    }),
  )
  const { table } = await execute(connection, "pragma busy_timeout")
  expect(table.at(0)).toEqual({ timeout: 30_000 })
})

test("a file that was replaced beside its write-ahead log is an error, never rows of either", async () => {
  const file = databaseFile("create table t (x)")
  const database = await open({ database: file })
  const connection = await connect(database)
  for (let i = 0; i < 10; i++) await execute(connection, "insert into t values ('old')")
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(0)
  renameSync(databaseFile("create table t (x)", "insert into t values ('new')"), file)
  const replaced = {
    code: "CONNECT",
    message: expect.stringMatching(/was replaced/),
    hint: expect.stringMatching(/-wal/),
  }
  for (let i = 0; i < 2; i++) {
    expect(await failure(query(connection, "select x from t"))).toMatchObject(replaced)
    expect(await failure(execute(connection, "insert into t values (1)"))).toMatchObject(replaced)
    expect(await failure(database.connect({ signal: never }))).toMatchObject(replaced)
  }
  for (const log of ["-wal", "-shm"]) renameSync(file + log, `${file}.old${log}`)
  for (const asked of [connection, await connect(database)]) {
    expect((await query(asked, "select x from t")).table.toArray()).toEqual([{ x: "new" }])
    expect((await execute(asked, "pragma integrity_check")).table.toArray()).toEqual([{ integrity_check: "ok" }])
  }
})

/** Whoever runs as root may write anywhere, so that another user has to try. */
const otherUser = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

test("a file with a write-ahead log, in a folder that may not be written to, is an error that says so", async () => {
  const file = databaseFile("pragma journal_mode = wal", "create table t (x)", "insert into t values (1)")
  chmodSync(dirname(file), 0o555)
  onTestFinished(() => chmodSync(dirname(file), 0o755))
  for (const readOnly of [true, false]) {
    const { output } = await script(
      `await connection.run({ text: "select * from t", values: [] }, { ...options, readOnly: ${readOnly} })
         .catch(({ code, message, hint }) => console.log(code, message, hint))`,
      { database: file, ...otherUser },
    )
    expect(output).toMatch(/^CONNECT The database file .*pets\.db cannot be opened\. Check .*immutable=1/)
  }
  const { output } = await script(`console.log((await query("select * from t")).rowCount)`, {
    database: `file:${file}?immutable=1`,
    ...otherUser,
  })
  expect(output).toBe("1\n")
})

test("a folder that may not be written to is an error that says so", async () => {
  const path = folder()
  const file = join(path, "pets.db")
  chmodSync(path, 0o555)
  onTestFinished(() => chmodSync(path, 0o755))
  const { output } = await script(
    `await connection.run({ text: "create table t (x)", values: [] }, { ...options, readOnly: false })
       .catch(({ code, message, hint }) => console.log(code, message, hint))`,
    { database: file, ...otherUser },
  )
  expect(output).toMatch(/^CONNECT The database file .*pets\.db cannot be opened\. Check its permissions/)
})
