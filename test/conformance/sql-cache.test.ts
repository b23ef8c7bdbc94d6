import { describe, expect } from "vitest"
import { cacheStats, configure, sql } from "../../src/index.ts"
import { type DialectName, inMemory, onEveryDatabase, owners, selectOwners } from "../support/databases.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

describe("ttl", () => {
  onEveryDatabase(
    "B25 a result is kept for those who accept its age, whatever their ttl",
    async ({ pets, watched }) => {
      const first = await pets.query(selectOwners, { ttl: "10m" })
      expect(first.toArray()).toEqual(owners)
      await pets.query(selectOwners, { ttl: 5 })
      await pets.query(selectOwners, { ttl: Number.POSITIVE_INFINITY })
      expect(watched.count(selectOwners)).toBe(1)
      await pause(30)
      await pets.query(selectOwners, { ttl: 0.02 })
      expect(watched.count(selectOwners)).toBe(2)
    },
  )

  onEveryDatabase("B27 without a ttl nothing is kept, and neither with a ttl of 0", async ({ pets, watched }) => {
    await pets.query(selectOwners)
    await pets.query(selectOwners)
    await pets.query(selectOwners, { ttl: 0 })
    await pets.query(selectOwners, { ttl: "inf" })
    expect(watched.count(selectOwners)).toBe(4)
  })

  onEveryDatabase("B27 equal calls in flight share one execution, without a ttl too", async ({ pets, watched }) => {
    const before = cacheStats().entries
    const [one, other] = await Promise.all([pets.query(selectOwners), pets.query(selectOwners)])
    expect(watched.count(selectOwners)).toBe(1)
    expect(one.toArray()).toEqual(other.toArray())
    expect(cacheStats().entries).toBe(before)
  })

  onEveryDatabase(
    "B27 query_ttl of the options keeps what names no ttl; \"inf\" is Streamlit's default; a call's own wins",
    async ({ pets, watched }) => {
      await pets.query(selectOwners)
      await pets.query(selectOwners)
      expect(watched.count(selectOwners)).toBe(1)
      await pets.query(selectOwners, { ttl: 0 })
      expect(watched.count(selectOwners)).toBe(2)
    },
    { options: { query_ttl: "inf" } },
  )

  onEveryDatabase("B27 configure({ cache: { ttl } }) is the weakest", async ({ pets, watched, open }) => {
    const undo = configure({ cache: { ttl: "1h" } })
    try {
      await pets.query(selectOwners)
      await pets.query(selectOwners)
      expect(watched.count(selectOwners)).toBe(1)
      const other = await open({ query_ttl: 0 }, "others")
      await other.execute("create table if not exists owners (name varchar(20), pet varchar(20), age integer)")
      watched.forget()
      await other.query(selectOwners)
      await other.query(selectOwners)
      expect(watched.count(selectOwners)).toBe(2)
    } finally {
      undo()
    }
  })

  onEveryDatabase("B27 fresh ignores what is kept and what was begun, and keeps its own", async ({ pets, watched }) => {
    const text = "select age from owners where name = 'Ada'"
    await pets.query(text, { ttl: "1h" })
    const held = gate()
    watched.interfere = () => held.promise
    const slow = pets.query(text, { ttl: "1h", fresh: true })
    await until(() => watched.count(text) === 2)
    watched.interfere = undefined
    await pets.query(text, { ttl: "1h", fresh: true })
    expect(watched.count(text)).toBe(3)
    held.open()
    await slow
    await pets.query(text, { ttl: "1h" })
    expect(watched.count(text)).toBe(3)
  })
})

describe("key", () => {
  const types: Record<DialectName, string> = {
    duckdb: "select typeof(?) as t",
    // A server that tells a parameter's type before it has the value.
    mysql: "select ? as t",
    postgresql: "select ?::text as t",
    sqlite: "select typeof(?) as t",
  }

  onEveryDatabase('B25 1, "1", true and 1n are four params', async ({ pets, watched, dialect }) => {
    const text = types[dialect]
    const ask = (value: unknown) => pets.query(text, { params: [value], ttl: "1h" })
    const given = [1, "1", true, 1n]
    const first = await Promise.all(given.map(ask))
    const second = await Promise.all(given.map(ask))
    expect(watched.statements).toHaveLength(4)
    expect(second.map((table) => table.toArray())).toEqual(first.map((table) => table.toArray()))
  })

  onEveryDatabase("B25 maxRows and maxBytes are part of the key", async ({ pets, watched }) => {
    for (const limits of [{}, { maxRows: 10 }, { maxRows: 11 }, { maxBytes: 1e6 }]) {
      await pets.query(selectOwners, { ...limits, ttl: "1h" })
      await pets.query(selectOwners, { ...limits, ttl: "1h" })
    }
    expect(watched.count(selectOwners)).toBe(4)
  })

  onEveryDatabase("B25 values, timeout, signal, onProgress and stale options are not", async ({ pets, watched }) => {
    const { signal } = new AbortController()
    const text = "select count(*) as n from owners"
    const all = [
      {},
      { values: { bigint: "string" } },
      { timeout: 10 },
      { signal },
      { onProgress: () => undefined },
      { staleWhileRevalidate: 1, staleIfError: 1 },
    ] as const
    const tables = []
    for (const options of all) tables.push(await pets.query(text, { ...options, ttl: "1h" }))
    expect(tables.map((table) => table.at(0))).toEqual([{ n: 2 }, { n: "2" }, { n: 2 }, { n: 2 }, { n: 2 }, { n: 2 }])
    expect(watched.statements).toHaveLength(1)
  })

  onEveryDatabase("B25 values are merged from configure, connection and call", async ({ open }) => {
    const undo = configure({ values: { bigint: "string", decimal: "number" } })
    try {
      const other = await open({ values: { bigint: "bigint" } }, "others")
      const table = await other.query("select count(*) as n from (select 1) as one", { values: { date: "Date" } })
      expect(table.values).toMatchObject({ bigint: "bigint", decimal: "number", date: "Date" })
      expect(table.at(0)).toEqual({ n: 1n })
    } finally {
      undo()
    }
  })

  onEveryDatabase("B25 a template and its text are asked for with their own values", async ({ pets, watched }) => {
    const ask = (name: string) => pets.query(sql`select pet from owners where name = ${name}`, { ttl: "1h" })
    expect((await ask("Ada")).toArray()).toEqual([{ pet: "owl" }])
    expect((await ask("Bob")).toArray()).toEqual([{ pet: "cat" }])
    await ask("Ada")
    expect(watched.statements).toHaveLength(2)
  })

  onEveryDatabase("B25 an object and an array of the same values are two keys", async ({ pets, watched }) => {
    await pets.query("select 1 as n where 1 = :a", { params: { a: 1 }, ttl: "1h" })
    const error = await failureOf(pets.query("select 1 as n where 1 = :a", { params: [1], ttl: "1h" }))
    expect(error).toMatchObject({ connection: "pets" })
    expect(watched.statements.length).toBeGreaterThanOrEqual(1)
  })

  onEveryDatabase(
    "B26 two connections of one name to other databases never share",
    async ({ pets, open, another, outlives }) => {
      // In memory the address is the same, and a name of its own makes another connection.
      const other = await open(await another(), outlives ? "pets" : "others")
      expect(other).not.toBe(pets)
      await other.execute("create table owners (name varchar(20), pet varchar(20), age integer)")
      expect((await pets.query(selectOwners, { ttl: "inf" })).numRows).toBe(2)
      expect((await other.query(selectOwners, { ttl: "inf" })).numRows).toBe(0)
      expect((await pets.query(selectOwners, { ttl: "inf" })).numRows).toBe(2)
    },
  )

  onEveryDatabase("B26 equal calls with other params never share, in flight either", async ({ pets }) => {
    const names = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? "Ada" : "Bob"))
    const text = "select name from owners where name = :name"
    const found = await Promise.all(names.map((name) => pets.scalar(text, { params: { name }, ttl: "1h" })))
    expect(found).toEqual(names)
  })

  onEveryDatabase(
    "B26 two connections with the same source share what is kept",
    async ({ pets, open, watched }) => {
      const other = await open({ pool_size: 2 }, "others")
      await pets.query(selectOwners, { ttl: "1h" })
      expect((await other.query(selectOwners, { ttl: "1h" })).toArray()).toEqual(owners)
      expect(watched.count(selectOwners)).toBe(1)
      await other.execute("delete from owners")
      expect((await pets.query(selectOwners, { ttl: "1h" })).numRows).toBe(0)
    },
    { except: inMemory("Each connection has a database of its own.") },
  )

  onEveryDatabase("B26 what is in memory is gone after a reset, and so are its results", async ({ pets, outlives }) => {
    await pets.query(selectOwners, { ttl: "inf" })
    await pets.reset()
    if (outlives) {
      expect((await pets.query(selectOwners, { ttl: "inf" })).toArray()).toEqual(owners)
    } else {
      expect(await failureOf(pets.query(selectOwners, { ttl: "inf" }))).toMatchObject({ kind: "missing" })
    }
  })
})
