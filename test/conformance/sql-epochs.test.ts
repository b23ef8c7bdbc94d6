import { describe, expect } from "vitest"
import { sql } from "../../src/index.ts"
import { onEveryDatabase, selectOwners } from "../support/databases.ts"
import { failureOf, gate, until } from "../support/waiting.ts"

describe("epochs", () => {
  const kept = { ttl: "inf" } as const
  const text = "select count(*) as n from owners"
  const add = "insert into owners values ('Eve', 'fox', 1)"

  onEveryDatabase("B27 execute begins a new epoch", async ({ pets }) => {
    expect(await pets.scalar(text, kept)).toBe(2)
    await pets.execute(add)
    expect(await pets.scalar(text, kept)).toBe(3)
  })

  onEveryDatabase("B27 an execute that fails begins one too: it may have done something", async ({ pets, watched }) => {
    await pets.scalar(text, kept)
    await failureOf(pets.execute("insert into owners values ('Ada', 'owl', 1)"))
    await pets.scalar(text, kept)
    expect(watched.count(text)).toBe(2)
  })

  onEveryDatabase(
    "B27 a session's commit begins one; its statements and a rollback do not",
    async ({ pets, watched, outlives, dialect }) => {
      expect(await pets.scalar(text, kept)).toBe(2)
      await using session = pets.session
      await session.execute(add)
      // SQLite in memory has one lock: nobody reads while somebody writes.
      if (outlives || dialect === "duckdb") expect(await pets.scalar(text, kept)).toBe(2)
      expect(watched.count(text)).toBe(1)
      await session.rollback()
      await pets.scalar(text, kept)
      expect(watched.count(text)).toBe(1)
      await session.execute(add)
      await session.commit()
      expect(await pets.scalar(text, kept)).toBe(3)
    },
  )

  onEveryDatabase("B27 a transaction begins one", async ({ pets }) => {
    expect(await pets.scalar(text, kept)).toBe(2)
    await pets.transaction((tx) => tx.execute(add))
    expect(await pets.scalar(text, kept)).toBe(3)
  })

  onEveryDatabase(
    "B27 each statement of an autocommit session begins one",
    async ({ pets }) => {
      expect(await pets.scalar(text, kept)).toBe(2)
      await using session = pets.session
      await session.execute(add)
      expect(await pets.scalar(text, kept)).toBe(3)
    },
    { options: { autocommit: true } },
  )

  onEveryDatabase("B27 query({ readOnly: false }) begins one", async ({ pets }) => {
    expect(await pets.scalar(text, kept)).toBe(2)
    await pets.query(`${add} returning name`, { readOnly: false })
    expect(await pets.scalar(text, kept)).toBe(3)
  })

  onEveryDatabase("B27 a raw connection that comes back begins one", async ({ pets, watched }) => {
    await pets.scalar(text, kept)
    await (await pets.connect())[Symbol.asyncDispose]()
    await pets.scalar(text, kept)
    expect(watched.count(text)).toBe(2)
  })

  onEveryDatabase(
    "B27 a query begun before a commit is neither kept nor joined after it",
    async ({ pets, watched }) => {
      const held = gate()
      watched.interfere = ({ text: asked }) => (asked === text ? held.promise : undefined)
      const before = pets.scalar(text, kept)
      await until(() => watched.count(text) === 1)
      await pets.execute(add)
      watched.interfere = undefined
      expect(await pets.scalar(text, kept)).toBe(3)
      expect(watched.count(text)).toBe(2)
      held.open()
      await before
      expect(await pets.scalar(text, kept)).toBe(3)
      expect(watched.count(text)).toBe(2)
    },
  )

  onEveryDatabase("B27 clearCache() forgets all of the source", async ({ pets, watched }) => {
    await pets.query(selectOwners, kept)
    await pets.scalar(text, kept)
    await pets.clearCache()
    await pets.query(selectOwners, kept)
    await pets.scalar(text, kept)
    expect(watched.statements).toHaveLength(4)
  })

  onEveryDatabase("B27 clearCache(sql) forgets one statement, with all its params", async ({ pets, watched }) => {
    const byName = "select pet from owners where name = :name"
    const ask = (name: string) => pets.scalar(byName, { ...kept, params: { name } })
    await Promise.all([ask("Ada"), ask("Bob"), pets.scalar(text, kept)])
    await pets.clearCache(byName)
    await Promise.all([ask("Ada"), ask("Bob"), pets.scalar(text, kept)])
    expect(watched.statements).toHaveLength(5)
    expect(watched.count(text)).toBe(1)
  })

  onEveryDatabase(
    "B27 clearCache(sql, { params }) forgets it with these only, whatever its limits",
    async ({ pets, watched }) => {
      const byName = "select pet from owners where name = :name"
      const ask = (name: string, limits = {}) => pets.scalar(byName, { ...kept, ...limits, params: { name } })
      const all = () => Promise.all([ask("Ada"), ask("Bob"), ask("Ada", { maxRows: 5 })])
      await all()
      await pets.clearCache(byName, { params: { name: "Ada" } })
      await all()
      expect(watched.statements).toHaveLength(5)
    },
  )

  onEveryDatabase("B27 clearCache() of a template forgets its values only", async ({ pets, watched }) => {
    const ask = (name: string) => sql`select pet from owners where name = ${name}`
    await pets.query(ask("Ada"), kept)
    await pets.query(ask("Bob"), kept)
    await pets.clearCache(ask("Ada"))
    await pets.query(ask("Ada"), kept)
    await pets.query(ask("Bob"), kept)
    expect(watched.statements).toHaveLength(3)
  })
})
