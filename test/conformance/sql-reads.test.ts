import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { connection, type QueryError, type SQLConnection } from "../../src/index.ts"
import { capabilitiesOf } from "../../src/sql/dialect.ts"
import {
  countRows,
  type DialectName,
  type FileDialectName,
  inMemory,
  onEveryDatabase,
  openPets,
  owners,
  selectOwners,
  slowQuery,
} from "../support/databases.ts"
import { useProject } from "../support/project.ts"
import { failureOf, pause, until } from "../support/waiting.ts"
import { BrokenLink, NotReady } from "../support/watched-dialect.ts"

const countOwners = "select count(*) as n from owners"
const memoryDies = inMemory("A broken link takes the database in memory with it.")

/** Fails the first `times` statements. */
function failing(times: number, failure: () => Error): () => Promise<unknown> | undefined {
  let left = times
  return () => (left-- > 0 ? Promise.reject(failure()) : undefined)
}

describe("retries", () => {
  onEveryDatabase("B28 a wrong statement runs once, and nothing is reset (R07)", async ({ pets, watched }) => {
    const { opened, made } = watched
    const error = await failureOf<QueryError>(pets.query("selec 1"))
    expect(error).toMatchObject({ kind: "syntax", outcome: "failed", attempts: 1, connection: "pets" })
    expect(watched.statements).toEqual(["selec 1"])
    expect([watched.opened, watched.made]).toEqual([opened, made])
    expect((await pets.query(selectOwners)).toArray()).toEqual(owners)
  })

  onEveryDatabase(
    "B28 after a broken link a read is run again on a fresh connection, at once",
    async ({ pets, watched }) => {
      const { opened, made } = watched
      watched.interfere = failing(1, () => new BrokenLink("gone"))
      expect((await pets.query(selectOwners)).toArray()).toEqual(owners)
      expect(watched.count(selectOwners)).toBe(2)
      expect(watched.made).toBeGreaterThan(made)
      // A database of this process went with the link, and is opened anew; a server did not.
      expect(watched.opened).toBe(opened + (capabilitiesOf(watched.dialect).embedded ? 1 : 0))
    },
    { except: memoryDies },
  )

  onEveryDatabase(
    "B28 a server that is not ready is asked again, on the same connection",
    async ({ pets, watched }) => {
      const { opened } = watched
      watched.interfere = failing(2, () => new NotReady("starting up"))
      expect((await pets.query(selectOwners)).toArray()).toEqual(owners)
      expect(watched.count(selectOwners)).toBe(3)
      expect(watched.opened).toBe(opened)
    },
  )

  onEveryDatabase("B28 after three attempts the last error is thrown, and tells them", async ({ pets, watched }) => {
    watched.interfere = failing(99, () => new NotReady("starting up"))
    const error = await failureOf<QueryError>(pets.query(selectOwners))
    expect(error).toMatchObject({ name: "QueryError", kind: "connection", attempts: 3, connection: "pets" })
    expect(error.message).toBe('Connection "pets": starting up')
    expect(watched.count(selectOwners)).toBe(3)
  })

  onEveryDatabase("B28 an execute that reached the database is not run again (R08)", async ({ pets, watched }) => {
    const add = "insert into owners values ('Eve', 'fox', 1)"
    watched.interfere = failing(1, () => new BrokenLink("gone"))
    expect(await failureOf(pets.execute(add))).toMatchObject({ outcome: "unknown", attempts: 1, kind: "connection" })
    expect(watched.count(add)).toBe(1)
  })

  onEveryDatabase("B28 one that cannot have reached it is", async ({ pets, watched, open }) => {
    let refusals = 2
    const other = await open({ lazy: true, pool_size: 3 }, "others")
    watched.onConnect = () => (refusals-- > 0 ? Promise.reject(new NotReady("starting up")) : undefined)
    await other.execute("create table toys (name varchar(20))")
    await pets.query("select 1 as n")
    refusals = 1
    await using session = other.session
    await session.execute("insert into toys values ('ball')")
    await session.commit()
    expect(await other.scalar("select count(*) as n from toys")).toBe(1)
  })

  onEveryDatabase("B28 what never reached it says so", async ({ watched, open }) => {
    const other = await open({ lazy: true }, "others")
    watched.onConnect = () => Promise.reject(new Error("wrong password"))
    expect(await failureOf(other.execute("delete from owners"))).toMatchObject({
      code: "CONNECT",
      message: 'Connection "others": wrong password',
      connection: "others",
    })
    expect(watched.statements).toEqual([])
  })

  onEveryDatabase("B28 query({ readOnly: false }) is neither kept nor run again", async ({ pets, watched }) => {
    const add = "insert into owners values ('Eve', 'fox', 1) returning name"
    const options = { readOnly: false, ttl: "inf" } as const
    expect((await pets.query(add, options)).toArray()).toEqual([{ name: "Eve" }])
    expect(await failureOf(pets.query(add, options))).toMatchObject({ kind: "unique" })
    watched.interfere = failing(1, () => new BrokenLink("gone"))
    expect(await failureOf(pets.query(add, options))).toMatchObject({ outcome: "unknown" })
    expect(watched.count(add)).toBe(3)
  })
})

describe("connections are given back", () => {
  onEveryDatabase(
    "B29 300 different queries in a row use one, and in parallel no more than the pool has (R13)",
    async ({ pets, watched }) => {
      for (let i = 0; i < 300; i++) await pets.query(`select ${i} as n`)
      expect(watched.open).toBe(1)
      await Promise.all(Array.from({ length: 100 }, (_, i) => pets.query(`select ${i} as m`)))
      await Promise.all(Array.from({ length: 20 }, (_, i) => failureOf(pets.query(`selec ${i}`))))
      const pool = await pets.engine
      await until(() => pool.stats.idle === pool.stats.size)
      expect(watched.open).toBeLessThanOrEqual(3)
      expect(pool.stats).toMatchObject({ waiting: 0, max: 3 })
    },
    { options: { pool_size: 2, max_overflow: 1 }, timeout: 60_000 },
  )

  onEveryDatabase(
    "B29 a pool that is used up says so after pool_timeout, whatever asks",
    async ({ pets }) => {
      await using held = pets.session
      await held.scalar(countOwners)
      for (const ask of [() => pets.query(selectOwners), () => pets.execute(selectOwners), () => pets.connect()]) {
        expect(await failureOf(ask)).toMatchObject({
          code: "TIMEOUT",
          connection: "pets",
          hint: expect.stringContaining("pool_size"),
        })
      }
    },
    { options: { pool_size: 1, max_overflow: 0, pool_timeout: 0.02 } },
  )
})

describe("deadlines", () => {
  onEveryDatabase(
    "B43 a deadline ends a running query, names the connection, and the next one works",
    async ({ pets, dialect }) => {
      const error = await failureOf(pets.query(slowQuery[dialect], { timeout: "200ms" }))
      expect(error).toMatchObject({ name: "TimeoutError", code: "TIMEOUT", connection: "pets" })
      expect(error.message).toBe('A call on connection "pets" took longer than its timeout of 0.2 s.')
      expect(await pets.scalar(countOwners)).toBe(2)
    },
  )

  onEveryDatabase("B43 it covers the connect and the wait for a connection", async ({ watched, open }) => {
    watched.onConnect = () => pause(5000)
    const other = await open({ lazy: true }, "others")
    expect(await failureOf(other.query("select 1 as n", { timeout: 0.05 }))).toMatchObject({ code: "TIMEOUT" })
    expect(await failureOf(other.execute("select 1 as n", [], { timeout: 0.05 }))).toMatchObject({ code: "TIMEOUT" })
    expect(await failureOf(other.connect({ timeout: 0.05 }))).toMatchObject({ code: "TIMEOUT" })
    expect(await failureOf(other.transaction((tx) => tx.scalar("select 1"), { timeout: 0.05 }))).toMatchObject({
      code: "TIMEOUT",
    })
    watched.onConnect = undefined
  })

  onEveryDatabase("B43 it covers retries and their waits", async ({ pets, watched }) => {
    watched.interfere = () => Promise.reject(new NotReady("starting up"))
    expect(await failureOf(pets.query(selectOwners, { timeout: 0.03 }))).toMatchObject({ code: "TIMEOUT" })
    watched.interfere = undefined
    expect((await pets.query(selectOwners)).numRows).toBe(2)
  })

  onEveryDatabase("B43 a signal that has aborted already runs nothing", async ({ pets, watched }) => {
    const reason = new Error("left")
    const signal = AbortSignal.abort(reason)
    const calls = [
      () => pets.query(selectOwners, { signal }),
      () => pets.execute(selectOwners, [], { signal }),
      () => pets.transaction((tx) => tx.query(selectOwners), { signal }),
      () => pets.connect({ signal }),
      () => pets.stream(selectOwners, { signal }).schema,
    ]
    for (const call of calls) expect(await failureOf(call)).toBe(reason)
    expect(watched.statements).toEqual([])
  })
})

describe("read-only", () => {
  const writes = [
    "insert into owners values ('Eve', 'fox', 1)",
    "update owners set age = 0",
    "delete from owners",
    "drop table owners",
    "create table toys (name varchar(20))",
    "create temporary table toys (name varchar(20))",
    "insert into owners values ('Eve', 'fox', 1) returning name",
  ]
  // Where `with` may stand before it.
  const insertsWith = "with eve as (select 'Eve' as name) insert into owners select name, 'fox', 1 from eve"
  const ofDialect: Record<DialectName, readonly string[]> = {
    duckdb: [
      insertsWith,
      "copy owners to 'out.csv'",
      "attach ':memory:' as other",
      "set threads = 1",
      "begin",
      "commit",
    ],
    mysql: [
      "select 'x' into outfile 'out.csv'",
      "set time_zone = '+09:00'",
      "set session transaction read write",
      "prepare p from 'select 1'",
      "lock tables owners write",
      "begin",
      "commit",
    ],
    postgresql: [
      insertsWith,
      "copy owners to program 'cat > out.csv'",
      "set timezone = 'Asia/Tokyo'",
      "prepare p as select 1",
      "notify owners",
      "begin",
      "commit",
    ],
    sqlite: [
      insertsWith,
      "vacuum into 'out.db'",
      "attach ':memory:' as other",
      "pragma user_version = 1",
      "begin",
      "commit",
    ],
  }

  onEveryDatabase(
    "B45 the engine refuses what changes something, and the error points to execute and session",
    async ({ pets, dialect, watched }) => {
      for (const text of [...writes, ...ofDialect[dialect]]) {
        const error = await failureOf<QueryError>(pets.query(text, { ttl: "inf" }))
        expect(error, text).toMatchObject({ name: "QueryError", code: "READ_ONLY", kind: "readOnly", attempts: 1 })
        expect(error.hint, text).toMatch(/execute.*session/)
        expect(error.connection).toBe("pets")
        expect(watched.count(text)).toBe(1)
      }
      expect((await pets.query(selectOwners)).toArray()).toEqual(owners)
    },
  )

  onEveryDatabase("B45 scalar and stream refuse it too", async ({ pets }) => {
    expect(await failureOf(pets.scalar("delete from owners returning name"))).toMatchObject({ code: "READ_ONLY" })
    const rows = pets.stream("delete from owners returning name")
    expect(await failureOf(rows.schema)).toMatchObject({
      code: "READ_ONLY",
      hint: expect.stringMatching(/execute.*session/),
    })
    expect(await pets.scalar(countOwners)).toBe(2)
  })

  const schemes: Record<FileDialectName, string> = { duckdb: "duckdb:///new.db", sqlite: "sqlite:///new.db" }
  for (const dialect of Object.keys(schemes) as FileDialectName[]) {
    test(`B45 query() never makes a file; execute() and a session do — ${dialect}`, async () => {
      const { dir } = useProject()
      const file = join(dir, "new.db")
      const pets = await connection("pets", { type: "sql", url: schemes[dialect] })
      expect(await pets.isHealthy()).toBe(true)
      const error = await failureOf(pets.query("select 1 as n"))
      expect(error).toMatchObject({ code: "CONNECT", connection: "pets" })
      expect(error.message).toContain("new.db")
      expect((error as QueryError).hint).toMatch(/execute\(\)/)
      expect(await failureOf(pets.stream("select 1 as n").schema)).toMatchObject({ code: "CONNECT" })
      expect(existsSync(file)).toBe(false)
      await pets.execute("create table owners (name varchar(20))")
      expect(existsSync(file)).toBe(true)
      expect(await pets.scalar(countOwners)).toBe(0)
      const others = await connection("others", { type: "sql", url: schemes[dialect].replace("new", "newer") })
      await using session = others.session
      await session.execute("create table owners (name varchar(20))")
      await session.commit()
      expect(existsSync(join(dir, "newer.db"))).toBe(true)
    })
  }
})

describe("scalar", () => {
  onEveryDatabase("B27 the first column of the first row, kept as query() keeps it", async ({ pets, watched }) => {
    expect(await pets.scalar("select name, pet from owners order by name", { ttl: "1h" })).toBe("Ada")
    await pets.query("select name, pet from owners order by name", { ttl: "1h" })
    expect(watched.statements).toHaveLength(1)
    expect(await pets.scalar("select name from owners where 1 = 0")).toBeUndefined()
    expect(await pets.scalar("select null as n")).toBeNull()
    expect(await pets.scalar("select count(*) as n from owners", { values: { bigint: "string" } })).toBe("2")
  })
})

test("B44 onProgress tells how far DuckDB has come, and each caller's ends with its call", async () => {
  const { pets } = await openPets("duckdb in memory")
  const fractions: number[] = []
  // DuckDB knows how far a scan of a table has come, and seldom how far range() has.
  await pets.execute("create table numbers as select range as i from range(20000000)")
  const text = "select count(*) as n from numbers where md5(i::varchar) like 'zz%'"
  await pets.query(text, { onProgress: ({ fraction }) => void fractions.push(fraction ?? 0) })
  expect(fractions.length).toBeGreaterThan(0)
  expect(fractions.every((fraction) => fraction >= 0 && fraction <= 1)).toBe(true)
  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
  const told = fractions.length
  await pets.query(countRows.duckdb(1000))
  expect(fractions).toHaveLength(told)
})

onEveryDatabase(
  "the engine is the pool, and a reset makes another",
  async ({ pets }) => {
    const before = await pets.engine
    expect(before.stats).toEqual({ size: 1, idle: 1, waiting: 0, max: 6 })
    expect(before.native).toBeDefined()
    await pets.reset()
    const after: SQLConnection["engine"] = pets.engine
    expect(await after).not.toBe(before)
  },
  { options: { pool_size: 4, max_overflow: 2 } },
)
