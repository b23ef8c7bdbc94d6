import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { describe, expect, onTestFinished, test } from "vitest"
import {
  connection,
  isMooringError,
  MooringError,
  type Outcome,
  QueryError,
  type QueryErrorKind,
} from "../../src/index.ts"
import type { Dialect, Failure } from "../../src/sql/dialect.ts"
import { sqlite } from "../../src/sql/dialects/sqlite/index.ts"
import { actionOf, toConnectError, toQueryError } from "../../src/sql/query-error.ts"
import { type DialectName, type Exceptions, type FileDialectName, onEveryDatabase } from "../support/databases.ts"
import { useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

/** A mistake, the statements that it needs, and how each dialect calls it. */
interface Mistake {
  readonly what: string
  readonly before?: readonly string[]
  readonly text: Record<DialectName, string>
  readonly kind: Record<DialectName, QueryErrorKind>
  /** Default: failed. */
  readonly outcome?: Record<DialectName, Outcome>
  readonly except?: Exceptions
}

const same = <T>(value: T): Record<DialectName, T> => ({
  duckdb: value,
  mysql: value,
  postgresql: value,
  sqlite: value,
})

const loose = { sqlite: "SQLite keeps any value in any column, except in strict tables." }

const toys = [
  "create table shops (id integer primary key)",
  "create table toys (id integer primary key, name varchar(20) not null, price integer check (price > 0), shop integer references shops (id))",
  "insert into shops values (1)",
  "insert into toys values (1, 'ball', 5, 1)",
]

const mistakes: Mistake[] = [
  { what: "a key twice", before: toys, text: same("insert into toys values (1, 'rope', 5, 1)"), kind: same("unique") },
  {
    what: "a parent that is missing",
    before: toys,
    text: same("insert into toys values (2, 'rope', 5, 9)"),
    kind: same("foreignKey"),
  },
  { what: "a parent that is still needed", before: toys, text: same("delete from shops"), kind: same("foreignKey") },
  {
    what: "NULL where there must be a value",
    before: toys,
    text: same("insert into toys values (2, null, 5, 1)"),
    kind: same("notNull"),
  },
  {
    what: "a check that fails",
    before: toys,
    text: same("insert into toys values (2, 'rope', -1, 1)"),
    kind: same("check"),
  },
  { what: "a spelling mistake", text: same("selec 1"), kind: same("syntax") },
  { what: "half a statement", text: same("select (1"), kind: same("syntax") },
  { what: "a table that is missing", text: same("select * from nowhere"), kind: same("missing") },
  { what: "a column that is missing", text: same("select colour from owners"), kind: same("missing") },
  { what: "a function that is missing", text: same("select nonsense(1)"), kind: same("missing") },
  {
    what: "a text that is no number",
    text: { ...same("select 'a'::integer"), mysql: "update owners set age = 'a'" },
    kind: same("value"),
    except: loose,
  },
  {
    what: "a number that is too large",
    text: {
      ...same("select 300::tinyint"),
      mysql: "update owners set age = 3000000000",
      postgresql: "select 70000::smallint",
    },
    kind: same("value"),
    except: loose,
  },
]

describe("mistakes have the same kind on every dialect", () => {
  for (const { what, before = [], text, kind, outcome = same<Outcome>("failed"), except = {} } of mistakes) {
    onEveryDatabase(
      what,
      async ({ pets, dialect, watched }) => {
        for (const each of before) await pets.execute(each)
        watched.forget()
        const error = await failureOf<QueryError>(pets.execute(text[dialect]))
        expect(error, error.message).toMatchObject({
          name: "QueryError",
          code: "QUERY",
          kind: kind[dialect],
          outcome: outcome[dialect],
          attempts: 1,
          connection: "pets",
        })
        expect(error).toBeInstanceOf(QueryError)
        expect(error).toBeInstanceOf(MooringError)
        expect(error.message).toMatch(/^Connection "pets": ./)
        expect(watched.statements).toHaveLength(1)
        expect(await pets.scalar("select count(*) as n from owners")).toBe(2)
      },
      { except },
    )
  }

  onEveryDatabase(
    "a text in a strict table's number",
    async ({ pets }) => {
      await pets.execute("create table strict_toys (price integer) strict")
      expect(await failureOf(pets.execute("insert into strict_toys values ('much')"))).toMatchObject({ kind: "value" })
    },
    {
      except: {
        duckdb: "All tables of DuckDB are strict.",
        mysql: "All tables of MySQL are strict, unless its sql_mode says otherwise.",
        postgresql: "All tables of PostgreSQL are strict.",
      },
    },
  )
})

const urls: Record<FileDialectName, (path: string) => string> = {
  duckdb: (path) => `duckdb:///${path}`,
  sqlite: (path) => `sqlite:///${path}`,
}
const dialectNames = Object.keys(urls) as FileDialectName[]

/** Another process that holds a file, once it says that it does. */
async function holder(dialect: FileDialectName, file: string): Promise<ChildProcess> {
  const programs: Record<FileDialectName, string> = {
    duckdb: `import { DuckDBInstance } from "@duckdb/node-api"
      const c = await (await DuckDBInstance.create(${JSON.stringify(file)})).connect()
      await c.run("create table if not exists t (a integer)")`,
    sqlite: `import { DatabaseSync } from "node:sqlite"
      const d = new DatabaseSync(${JSON.stringify(file)})
      d.exec("create table if not exists t (a integer); begin exclusive; insert into t values (1)")`,
  }
  const program = `${programs[dialect]}\nconsole.log("held"); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { cwd: process.cwd() })
  onTestFinished(() => void child.kill("SIGKILL"))
  const errors: string[] = []
  child.stderr.on("data", (chunk) => errors.push(String(chunk)))
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", () => resolve())
    child.on("exit", () => reject(new Error(errors.join(""))))
  })
  return child
}

describe("files", () => {
  for (const dialect of dialectNames) {
    const open = (options = {}) => connection("pets", { type: "sql", url: urls[dialect]("pets.db"), ...options })

    test(`a file that another process has locked: says so, and works once it is free — ${dialect}`, async () => {
      const { dir } = useProject()
      const child = await holder(dialect, join(dir, "pets.db"))
      const options: Record<FileDialectName, object> = { duckdb: {}, sqlite: { busy_timeout: 0.05 } }
      const work = async () => (await open(options[dialect])).execute("insert into t values (2)")
      const error = await failureOf<QueryError>(work)
      expect(error).toMatchObject({ code: "LOCKED", connection: "pets", hint: expect.any(String) })
      if (dialect === "duckdb") expect(error.message).toContain(`process ${child.pid}`)
      else expect(error).toMatchObject({ kind: "locked", outcome: "failed", attempts: 1 })
      const gone = new Promise((resolve) => child.once("exit", resolve))
      child.kill("SIGKILL")
      await gone
      await work()
    }, 30_000)

    test(`a folder in the place of a file — ${dialect}`, async () => {
      const { dir } = useProject()
      mkdirSync(join(dir, "pets.db"))
      const error = await failureOf(async () => (await open()).execute("select 1"))
      expect(error).toMatchObject({ code: "CONNECT", connection: "pets" })
      expect(error.message).toMatch(/pets\.db.*folder/)
    })

    test(`a file that is no database — ${dialect}`, async () => {
      const { dir } = useProject()
      writeFileSync(join(dir, "pets.db"), "This is a letter to the editor. ".repeat(500))
      const error = await failureOf(async () => (await open()).query("select 1 as n"))
      expect(error).toMatchObject({ code: "CONNECT", connection: "pets", hint: expect.any(String) })
      expect(error.message).toMatch(/pets\.db.*is not an? .*database/i)
    })

    test(`a folder that does not exist — ${dialect}`, async () => {
      useProject()
      const work = connection("pets", { type: "sql", url: urls[dialect]("nowhere/pets.db") })
      expect(await failureOf(async () => (await work).execute("select 1"))).toMatchObject({
        code: "CONNECT",
        connection: "pets",
        message: expect.stringContaining("nowhere"),
      })
    })

    test.skipIf(process.getuid?.() === 0)(`a folder that may not be written to — ${dialect}`, async () => {
      const { dir } = useProject()
      mkdirSync(join(dir, "closed"))
      chmodSync(join(dir, "closed"), 0o500)
      const work = connection("pets", { type: "sql", url: urls[dialect]("closed/pets.db") })
      const error = await failureOf(async () => (await work).execute("create table t (a integer)"))
      expect(error).toMatchObject({ connection: "pets", code: "CONNECT" })
    })

    test(`a connection that was closed — ${dialect}`, async () => {
      useProject()
      const pets = await open()
      await pets.close()
      for (const use of [
        () => pets.query("select 1"),
        () => pets.execute("select 1"),
        () => pets.session.execute("select 1"),
      ]) {
        expect(await failureOf(use)).toMatchObject({ code: "CLOSED", connection: "pets" })
      }
    })
  }
})

describe("a driver's error as one of ours", () => {
  const dialect = (failure: Partial<Failure>): Dialect => ({
    ...sqlite,
    classify: () => ({ action: "fatal", kind: "other", ...failure }),
  })
  const driver = Object.assign(new Error("it broke"), { sql: "select 'hunter2'", password: "hunter2", errcode: 5 })

  test("keeps the message and the stack, and nothing that hangs on it", () => {
    for (const error of [
      toQueryError(driver, dialect({}), { connection: "pets" }),
      toConnectError(driver, dialect({}), "pets"),
    ]) {
      expect(error.cause).toMatchObject({ message: "it broke", stack: driver.stack })
      expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("hunter2")
    }
  })

  test("knows what the driver's meant, though the code is gone", () => {
    const busy = dialect({ action: "rerun" })
    const calm = dialect({ action: "fatal" })
    expect(actionOf(toQueryError(driver, busy, { connection: "pets" }), calm)).toBe("rerun")
    expect(actionOf(new MooringError("CONNECT", "no"), busy)).toBe("fatal")
    expect(actionOf(driver, busy)).toBe("rerun")
  })

  test("has the dialect's sentence, hint, codes", () => {
    const known = dialect({ kind: "unique", message: "twice", hint: "once", sqlState: "23505", driverCode: 7 })
    const error = toQueryError(driver, known, { connection: "pets", attempts: 3, outcome: "unknown" })
    expect(error).toMatchObject({
      message: 'Connection "pets": twice',
      hint: "once",
      kind: "unique",
      sqlState: "23505",
      driverCode: 7,
      attempts: 3,
      outcome: "unknown",
      code: "QUERY",
    })
  })

  test("a connect that failed is CONNECT where the dialect knows no better", () => {
    expect(toConnectError(driver, dialect({}), "pets")).toMatchObject({ code: "CONNECT", connection: "pets" })
    expect(toConnectError(driver, dialect({ code: "LOCKED" }), "pets")).toMatchObject({ code: "LOCKED" })
  })

  test("one of ours is only given the connection's name, once", () => {
    const ours = toQueryError(new MooringError("BAD_PARAMS", "Too few."), sqlite, { connection: "pets" })
    expect(ours).toMatchObject({ connection: "pets", message: 'Connection "pets": Too few.', code: "BAD_PARAMS" })
    expect(toQueryError(ours, sqlite, { connection: "others" })).toBe(ours)
    expect(ours.message).toBe('Connection "pets": Too few.')
  })

  test("what is thrown and is no error is a sentence too", () => {
    expect(toQueryError("nope", sqlite, { connection: "pets" }).message).toBe('Connection "pets": nope')
  })

  test("is cut at a sane length, and shows what a terminal would obey", () => {
    const long = new Error(`\x1b[2J\n\tone${"x".repeat(5_000_000)}`)
    const hint = `\u202e${"y".repeat(5_000_000)}`
    for (const error of [
      toQueryError(long, dialect({ hint, driverCode: hint }), { connection: "pets" }),
      toQueryError(new Error("short"), dialect({ hint, message: long.message }), { connection: "pets" }),
      toConnectError(long, dialect({ hint }), "pets"),
    ]) {
      const all = inspect(error, { depth: 20, showHidden: true, maxStringLength: null })
      expect(all.length).toBeLessThan(50_000)
      for (const char of ["\x1b", "\u202e"]) expect(all).not.toContain(char)
      expect(error.message).toContain("\\x1b[2J\n\tone")
      expect(error.message).toContain("… (5,000,009 characters)")
    }
  })

  test("is recognised across copies of the package", () => {
    const foreign = { [Symbol.for("mooring.error@1")]: true, code: "QUERY" }
    expect(isMooringError(foreign, "QUERY")).toBe(true)
  })
})
