import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, onTestFinished, test, vi } from "vitest"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { config, connect, execute, failure, folder, never, open, query } from "./support.ts"

/** A file with a table of two rows. */
async function petsFile(): Promise<string> {
  const path = join(folder(), "pets.duckdb")
  const database = await duckdb.open(config({ database: path }))
  const connection = await database.connect({ signal: never })
  await execute(connection, "create table pets as select i as id from range(2) t(i)")
  await connection.close()
  await database.close()
  return path
}

test("query() never makes a file; execute() does", async () => {
  const path = join(folder(), "new.duckdb")
  const connection = await connect(await open({ database: path }))
  await connection.ping({ signal: never })
  const error = await failure(query(connection, "select 1"))
  expect(error).toMatchObject({ code: "CONNECT", hint: expect.stringContaining("execute()") })
  expect(error.message).toContain("does not exist yet")
  expect(
    await failure(connection.stream({ text: "select 1", values: [] }, { signal: never, readOnly: true, batchRows: 1 })),
  ).toMatchObject({ code: "CONNECT" })
  await connection.reset()
  expect(existsSync(path)).toBe(false)
  await execute(connection, "create table pets (id int)")
  expect(existsSync(path)).toBe(true)
  expect((await query(connection, "from pets")).rowCount).toBe(0)
  expect(connection.usable).toBe(true)
})

test("relative files are relative to the project", async () => {
  const projectDir = folder()
  const connection = await connect(await open({ database: "pets.duckdb", projectDir }))
  await execute(connection, "create table pets (id int)")
  expect(readdirSync(projectDir)).toContain("pets.duckdb")
})

test("connections share what each other writes, by any spelling of the path", async () => {
  const path = await petsFile()
  const link = join(folder(), "link.duckdb")
  symlinkSync(path, link)
  const spellings = [path, join(path, "..", "..", path.split("/").at(-2)!, "pets.duckdb"), link]
  const connections = await Promise.all(spellings.map(async (database) => connect(await open({ database }))))
  for (const connection of connections) await execute(connection, "insert into pets values (9)")
  for (const connection of connections) expect((await query(connection, "from pets")).rowCount).toBe(5)
})

test("two copies of the package share the file", async () => {
  const path = await petsFile()
  vi.resetModules()
  const copy = await import("../../../src/sql/dialects/duckdb/index.ts")
  expect(copy.duckdb).not.toBe(duckdb)
  const other = await copy.duckdb.open(config({ database: path }))
  onTestFinished(() => other.close())
  const [a, b] = [await connect(await open({ database: path })), await connect(other)]
  for (const connection of [a, b, a]) await execute(connection, "insert into pets values (9)")
  for (const connection of [a, b]) expect((await query(connection, "from pets")).rowCount).toBe(5)
})

test("other settings for a file that is open are refused", async () => {
  const path = await petsFile()
  await connect(await open({ database: path }))
  const error = await failure(duckdb.open(config({ database: path, settings: { threads: 1 } })))
  expect(error).toMatchObject({ code: "BAD_CONFIG", hint: expect.stringContaining("threads") })
  expect(error.message).toContain(path)
})

test.each([
  ["a folder", (path: string) => mkdirSync(path), /is a folder/],
  ["text", (path: string) => writeFileSync(path, "id,name\n".repeat(4000)), /is not a DuckDB database/],
  ["empty", (path: string) => writeFileSync(path, ""), /is not a DuckDB database/],
])("a file that is %s is an error that says so", async (_name, make, message) => {
  const path = join(folder(), "x.duckdb")
  make(path)
  const error = await failure(duckdb.open(config({ database: path })))
  expect(error).toMatchObject({ code: "CONNECT", message: expect.stringMatching(message) })
  expect(error.message).toContain(path)
})

test("a folder that is not there is an error at once", async () => {
  const database = await open({ database: join(folder(), "none", "x.duckdb") })
  expect(await failure(database.connect({ signal: never }))).toMatchObject({
    code: "CONNECT",
    message: expect.stringMatching(/folder that does not exist/),
  })
})

test("READ_ONLY reads, refuses to write, and needs the file", async () => {
  const path = await petsFile()
  const settings = { access_mode: "READ_ONLY" }
  const connection = await connect(await open({ database: path, settings }))
  expect((await query(connection, "from pets")).rowCount).toBe(2)
  const refused = duckdb.classify(await failure(execute(connection, "insert into pets values (1)")))
  expect(refused).toMatchObject({ kind: "permission", hint: expect.stringContaining("READ_ONLY") })
  const byUrl = await open({ database: path, query: { access_mode: "read_only" } })
  expect((await query(await connect(byUrl), "from pets")).rowCount).toBe(2)
  const missing = await open({ database: join(folder(), "none.duckdb"), settings })
  expect(await failure(missing.connect({ signal: never }))).toMatchObject({
    code: "CONNECT",
    message: expect.stringMatching(/does not exist/),
  })
})

/** Opens the file in another process, which says what came of it and stays until it is killed. */
async function elsewhere(path: string, accessMode = "AUTOMATIC"): Promise<{ said: string; child: ChildProcess }> {
  const script = `
    import { DuckDBInstance } from "@duckdb/node-api"
    try {
      globalThis.instance = await DuckDBInstance.create(process.argv[1], { access_mode: process.argv[2] })
      console.log("open")
    } catch (error) { console.log(error.message) }
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, path, accessMode])
  onTestFinished(() => void child.kill("SIGKILL"))
  const [said] = await once(child.stdout!, "data")
  return { said: String(said).trim(), child }
}

test("a file that another process has open is LOCKED, by whom is said", async () => {
  const path = await petsFile()
  const { said, child } = await elsewhere(path)
  expect(said).toBe("open")
  for (const access_mode of ["AUTOMATIC", "READ_ONLY"]) {
    const error = await failure(duckdb.open(config({ database: path, settings: { access_mode } })))
    expect(duckdb.classify(error)).toMatchObject({
      action: "wait",
      kind: "locked",
      code: "LOCKED",
      message: expect.stringContaining(`process ${child.pid}`),
      hint: expect.stringContaining('access_mode = "READ_ONLY"'),
    })
  }
  child.kill("SIGKILL")
  await once(child, "exit")
  expect((await query(await connect(await open({ database: path })), "from pets")).rowCount).toBe(2)
})

test("several processes may read", async () => {
  const path = await petsFile()
  expect((await elsewhere(path, "READ_ONLY")).said).toBe("open")
  const connection = await connect(await open({ database: path, settings: { access_mode: "READ_ONLY" } }))
  expect((await query(connection, "from pets")).rowCount).toBe(2)
})

test("closing gives the file free, whatever was left unread", async () => {
  const path = await petsFile()
  const database = await duckdb.open(config({ database: path }))
  const many = "select i, 'row number ' || i as text from range(1000000) t(i)"
  const connections = await Promise.all([1, 2, 3, 4, 5].map(() => database.connect({ signal: never })))
  const options = { signal: never, readOnly: true, batchRows: 1000 }
  // Read to the end, too large, a stream that was begun, one that was not, and one of a session.
  await query(connections[0]!, many)
  await failure(connections[1]!.run({ text: many, values: [] }, { ...options, maxRows: 5000, maxBytes: 1e9 }))
  const begun = await connections[2]!.stream({ text: many, values: [] }, options)
  await begun[Symbol.asyncIterator]().next()
  await connections[3]!.stream({ text: many, values: [] }, options)
  const session = await connections[4]!.stream({ text: many, values: [] }, { ...options, readOnly: false })
  await session[Symbol.asyncIterator]().next()
  for (const connection of connections) await connection.close()
  await database.close()
  expect((await elsewhere(path)).said).toBe("open")
})

test("closing while a batch is on its way", async () => {
  const path = await petsFile()
  const database = await duckdb.open(config({ database: path }))
  const connection = await database.connect({ signal: never })
  // The first rows come soon, others never.
  const text = "select i from range(1000000000000) t(i) where i < 300000 or hash(i) % 3 = 7"
  const stream = await connection.stream({ text, values: [] }, { signal: never, readOnly: true, batchRows: 1e6 })
  const pending = failure(stream[Symbol.asyncIterator]().next())
  await connection.close()
  await database.close()
  expect(await pending).toMatchObject({ code: "ABORTED" })
  expect((await elsewhere(path)).said).toBe("open")
})

test("a hard link is another spelling", async () => {
  const path = await petsFile()
  const link = `${path}.link`
  linkSync(path, link)
  const first = await duckdb.open(config({ database: path }))
  const [a, b] = [await first.connect({ signal: never }), await connect(await open({ database: link }))]
  await execute(a, "insert into pets values (8)")
  expect((await query(b, "from pets")).rowCount).toBe(3)
  await a.close()
  await first.close()
  await execute(b, "insert into pets values (9)")
  expect((await query(await connect(await open({ database: path })), "from pets")).rowCount).toBe(4)
})

test("settings of the instance and of the session", async () => {
  const connection = await connect(
    await open({
      settings: { threads: 1, memory_limit: "512MB", settings: { search_path: "memory.main", default_order: "desc" } },
      query: { integer_division: "true" },
    }),
  )
  const text = "select current_setting('threads')::int as threads, 7 / 2 as half"
  expect((await query(connection, text)).table.toArray()).toEqual([{ threads: 1, half: 3 }])
  expect((await query(connection, "select * from range(3) t(i) order by i")).table.column("i")!.toArray()).toEqual([
    2, 1, 0,
  ])
})

test.each([
  [{ settings: { settings: { nonsense: 1 } } }, /nonsense/],
  [{ settings: { settings: { "a; drop": 1 } } }, /not the name of an option/],
  [{ settings: { settings: { threads: ["many"] } } }, /neither a text/],
  [{ connectArgs: { check_same_thread: false } }, /check_same_thread/],
])("settings that DuckDB does not have are refused: %j", async (changes, message) => {
  const error = await failure(open(changes as never))
  expect(error.message).toMatch(message)
})

test("a value that an option does not take is refused", async () => {
  const error = await failure(
    open({ settings: { threads: "many" } }).then((database) => database.connect({ signal: never })),
  )
  expect(error.message).toMatch(/many/)
})

test("connections to :memory: are apart; a name joins them", async () => {
  const [a, b] = [await connect(await open()), await connect(await open())]
  await execute(a, "create table pets (id int)")
  expect(duckdb.classify(await failure(query(b, "from pets"))).kind).toBe("missing")
  const [c, d] = [await open({ database: ":memory:shared" }), await open({ database: ":memory:shared" })]
  await execute(await connect(c), "create table pets (id int)")
  expect((await query(await connect(d), "from pets")).rowCount).toBe(0)
})

test("connections of one database share it", async () => {
  const database = await open()
  const [a, b] = [await connect(database), await connect(database)]
  await execute(a, "create table pets (id int)")
  expect((await query(b, "from pets")).rowCount).toBe(0)
  expect(database.version).toMatch(/^v\d+\.\d+/)
  expect(database.engine).toBeDefined()
})
