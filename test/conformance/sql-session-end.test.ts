import { describe, expect } from "vitest"
import type { SQLConnection } from "../../src/index.ts"
import { type DialectName, onEveryDatabase, selectOwners } from "../support/databases.ts"
import { failureOf } from "../support/waiting.ts"

const add = "insert into owners values (:name, 'fox', 1)"
const countOwners = "select count(*) as n from owners"

/** Looked at from outside. */
const count = (pets: SQLConnection) => pets.scalar(countOwners, { outside: true })

describe("a close meanwhile", () => {
  onEveryDatabase("B31 waits for the session, whose commit is told as it was", async ({ pets }) => {
    const { session } = pets
    await session.execute(add, { name: "Eve" })
    const closing = pets.close()
    await session.commit()
    await session[Symbol.asyncDispose]()
    await closing
    expect(await failureOf(pets.query(selectOwners))).toMatchObject({ code: "CLOSED", connection: "pets" })
  })

  onEveryDatabase(
    "B31 cuts it off at the timeout: what comes later is an error, and is not committed",
    async ({ pets, open, outlives }) => {
      const { session } = pets
      await session.execute(add, { name: "Eve" })
      await pets.close({ timeout: 0.02 })
      expect(await failureOf(session.commit())).toMatchObject({ connection: "pets" })
      await session[Symbol.asyncDispose]()
      if (outlives) expect(await count(await open())).toBe(2)
    },
  )
})

describe("what a session leaves behind", () => {
  const temporary = "create temporary table t as select 1 as a"
  const setting: Record<DialectName, { set: string; get: string; not: unknown }> = {
    duckdb: { set: "set timezone = 'Asia/Tokyo'", get: "select current_setting('timezone')", not: "Asia/Tokyo" },
    mysql: { set: "set time_zone = '+09:00'", get: "select @@time_zone", not: "+09:00" },
    postgresql: { set: "set timezone = 'Asia/Tokyo'", get: "show timezone", not: "Asia/Tokyo" },
    sqlite: { set: "pragma cache_size = 123", get: "pragma cache_size", not: 123 },
  }

  onEveryDatabase(
    "B31 the next borrower finds no transaction, no setting and no temporary table (R14)",
    async ({ pets, dialect }) => {
      {
        await using session = pets.session
        await session.execute(temporary)
        await session.execute(add, { name: "Eve" })
      }
      {
        await using raw = pets.begin()
        const { set, get } = setting[dialect]
        await raw.execute(set)
        expect(await raw.scalar(get)).toBe(setting[dialect].not)
        await raw.commit()
      }
      await using session = pets.session
      expect(await failureOf(session.query("select * from t"))).toMatchObject({ kind: "missing" })
      await session.rollback()
      expect(await session.scalar(setting[dialect].get)).not.toBe(setting[dialect].not)
      expect(await session.scalar(countOwners)).toBe(2)
      expect((await pets.engine).stats.size).toBe(1)
    },
    { options: { pool_size: 1, max_overflow: 0 } },
  )

  /** The method of the driver's own connection that runs a statement. */
  const runsIt: Record<DialectName, string> = { duckdb: "run", mysql: "execute", postgresql: "query", sqlite: "exec" }

  onEveryDatabase(
    "B31 a raw connection that was given back is made fresh",
    async ({ pets, dialect }) => {
      {
        await using raw = await pets.connect()
        expect(raw.raw).toBeDefined()
        await (raw.raw as Record<string, (sql: string) => unknown>)[runsIt[dialect]]!(temporary)
      }
      expect(await failureOf(pets.query("select * from t"))).toMatchObject({ kind: "missing" })
    },
    { options: { pool_size: 1, max_overflow: 0 } },
  )
})
