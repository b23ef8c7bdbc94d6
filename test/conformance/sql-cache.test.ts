import { describe, expect, onTestFinished, test, vi } from "vitest"
import { cacheStats, configure, sql } from "../../src/index.ts"
import { dialects } from "../../src/sql/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { countRows, type DialectName, onEveryDatabase, openPets, owners, selectOwners } from "../support/databases.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"
import { BrokenLink, NotReady } from "../support/watched-dialect.ts"

const dialectsHere: Record<DialectName, true> = { duckdb: true, sqlite: true }

test("every dialect that comes with Mooring is in the conformance run", () => {
  expect(dialects.map(({ name }) => name).sort()).toEqual(Object.keys(dialectsHere).sort())
})

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
      await other.execute("create table if not exists owners (name varchar, pet varchar, age integer)")
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
  const types: Record<DialectName, string> = { duckdb: "select typeof(?) as t", sqlite: "select typeof(?) as t" }

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
      const table = await other.query("select count(*) as n from (select 1)", { values: { date: "Date" } })
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

  onEveryDatabase("B26 two connections of one name to other databases never share", async ({ pets, open, isFile }) => {
    const other = await open(isFile ? { database: "others.db" } : {}, isFile ? "pets" : "others")
    expect(other).not.toBe(pets)
    await other.execute("create table owners (name varchar, pet varchar, age integer)")
    expect((await pets.query(selectOwners, { ttl: "inf" })).numRows).toBe(2)
    expect((await other.query(selectOwners, { ttl: "inf" })).numRows).toBe(0)
    expect((await pets.query(selectOwners, { ttl: "inf" })).numRows).toBe(2)
  })

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
    {
      except: {
        "duckdb in memory": "Each connection has a database of its own.",
        "sqlite in memory": "Each connection has a database of its own.",
      },
    },
  )

  onEveryDatabase("B26 what is in memory is gone after a reset, and so are its results", async ({ pets, isFile }) => {
    await pets.query(selectOwners, { ttl: "inf" })
    await pets.reset()
    if (isFile) {
      expect((await pets.query(selectOwners, { ttl: "inf" })).toArray()).toEqual(owners)
    } else {
      expect(await failureOf(pets.query(selectOwners, { ttl: "inf" }))).toMatchObject({ kind: "missing" })
    }
  })
})

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
    async ({ pets, watched, isFile, dialect }) => {
      expect(await pets.scalar(text, kept)).toBe(2)
      await using session = pets.session
      await session.execute(add)
      // SQLite in memory has one lock: nobody reads while somebody writes.
      if (isFile || dialect === "duckdb") expect(await pets.scalar(text, kept)).toBe(2)
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

describe("sharing", () => {
  onEveryDatabase("B25 a failure reaches all who asked, and is never kept", async ({ pets, watched }) => {
    const wrong = "select nothing from nowhere"
    const ask = () => failureOf(pets.query(wrong, { ttl: "inf" }))
    const errors = await Promise.all([ask(), ask(), ask()])
    expect(errors.map(({ name }) => name)).toEqual(["QueryError", "QueryError", "QueryError"])
    expect(watched.count(wrong)).toBe(1)
    await ask()
    expect(watched.count(wrong)).toBe(2)
  })

  onEveryDatabase("B25 10,000 equal calls are one execution (R18)", async ({ pets, watched }) => {
    const tables = await Promise.all(Array.from({ length: 10_000 }, () => pets.query(selectOwners)))
    expect(watched.count(selectOwners)).toBe(1)
    expect(new Set(tables.map(({ numRows }) => numRows))).toEqual(new Set([2]))
  })

  onEveryDatabase("B25 one caller's abort is its own, with its own reason", async ({ pets, watched }) => {
    const held = gate()
    watched.interfere = () => held.promise
    const leaving = new AbortController()
    const one = pets.query(selectOwners, { signal: leaving.signal })
    const other = pets.query(selectOwners)
    await until(() => watched.count(selectOwners) === 1)
    const reason = { left: "for lunch" }
    leaving.abort(reason)
    expect(await failureOf(one)).toBe(reason)
    held.open()
    expect((await other).numRows).toBe(2)
    expect(watched.count(selectOwners)).toBe(1)
  })

  onEveryDatabase("B25 the execution is cancelled when its last caller leaves", async ({ pets, watched }) => {
    let shared: AbortSignal | undefined
    watched.interfere = (_, { signal }) => {
      shared = signal
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    }
    const leaving = [new AbortController(), new AbortController()]
    const callers = leaving.map(({ signal }) => failureOf(pets.query(selectOwners, { signal })))
    await until(() => shared !== undefined)
    leaving[0]!.abort(new Error("first"))
    await callers[0]
    expect(shared!.aborted).toBe(false)
    leaving[1]!.abort(new Error("second"))
    expect(await callers[1]).toMatchObject({ message: "second" })
    expect(shared!.aborted).toBe(true)
    watched.interfere = undefined
    expect((await pets.query(selectOwners)).numRows).toBe(2)
  })

  onEveryDatabase("B32 a kept result is shared, and no caller can corrupt another's", async ({ pets }) => {
    const first = await pets.query<{ name: string; age: number }>(selectOwners, { ttl: "1h" })
    const row = first.at(0)!
    row.name = "Mallory"
    first.column("age").toArray()[0] = 99
    const second = await pets.query(selectOwners, { ttl: "1h" })
    expect(second.toArray()).toEqual(owners)
    expect(first.toArray()).toEqual(owners)
  })
})

describe("stale answers (RFC 5861)", () => {
  const text = "select count(*) as n from owners"

  let ahead = 0
  const pass = (seconds: number) => {
    ahead += seconds * 1000
  }

  /** A cache whose clock the test moves. Timers stay real, since the databases need them. */
  const withClock = async (run: () => Promise<void>): Promise<void> => {
    ahead = 0
    const now = Date.now
    const spy = vi.spyOn(Date, "now").mockImplementation(() => now() + ahead)
    onTestFinished(() => spy.mockRestore())
    await withConnections({}, run)
  }

  onEveryDatabase(
    "B40 staleWhileRevalidate serves the old one at once and fetches a new one behind",
    async ({ pets, watched }) => {
      const options = { ttl: 60, staleWhileRevalidate: 60 }
      await pets.query(text, options)
      pass(59)
      await pets.query(text, options)
      expect(watched.count(text)).toBe(1)
      pass(2)
      const held = gate()
      watched.interfere = () => held.promise
      expect((await pets.query(text, options)).toArray()).toEqual([{ n: 2 }])
      await until(() => watched.count(text) === 2)
      held.open()
      watched.interfere = undefined
      await until(() => cacheStats().stored === 2)
      pass(59)
      await pets.query(text, options)
      expect(watched.count(text)).toBe(2)
      pass(62)
      const late = gate()
      watched.interfere = () => late.promise
      const after = pets.query(text, options)
      const arrived = settledFlag(after)
      await until(() => watched.count(text) === 3)
      await pause(5)
      expect(arrived()).toBe(false)
      late.open()
      await after
    },
    { within: withClock },
  )

  const unreachable: [string, () => Error][] = [
    ["a broken link", () => new BrokenLink("gone")],
    ["a server that is not ready", () => new NotReady("starting up")],
  ]
  for (const [what, failure] of unreachable) {
    onEveryDatabase(
      `B40 staleIfError covers up ${what}, within its window only`,
      async ({ pets, watched }) => {
        const options = { ttl: 60, staleIfError: 60 }
        await pets.query(text, options)
        pass(90)
        watched.interfere = () => Promise.reject(failure())
        expect(await pets.scalar(text, options)).toBe(2)
        pass(40)
        expect(await failureOf(pets.query(text, options))).toMatchObject({ kind: "connection", attempts: 3 })
      },
      {
        within: withClock,
        ...(what === "a broken link" && {
          except: {
            "duckdb in memory": "A broken link takes the database in memory with it, and its results.",
            "sqlite in memory": "A broken link takes the database in memory with it, and its results.",
          },
        }),
      },
    )
  }

  onEveryDatabase(
    "B40 staleIfError covers up a deadline, never a database that says no",
    async ({ pets, watched }) => {
      const options = { ttl: 60, staleIfError: 60 }
      await pets.query(text, options)
      pass(90)
      watched.interfere = () => pause(1000)
      expect(await pets.scalar(text, { ...options, timeout: 0.05 })).toBe(2)
      watched.interfere = () => Promise.reject(new Error("permission denied"))
      expect((await failureOf(pets.query(text, options))).message).toMatch(/permission denied/)
    },
    { within: withClock },
  )
})

test("B25 the limits are an error, never a cut, and exact at the border", async () => {
  for (const database of ["duckdb in memory", "sqlite in memory"] as const) {
    const { pets, dialect } = await openPets(database)
    const thousand = countRows[dialect](1000)
    expect((await pets.query(thousand, { maxRows: 1000 })).numRows).toBe(1000)
    expect(await failureOf(pets.query(thousand, { maxRows: 999, ttl: "1h" }))).toMatchObject({
      code: "TOO_LARGE",
      connection: "pets",
      hint: expect.stringContaining("maxRows"),
    })
    const { byteLength } = await pets.query(thousand)
    expect((await pets.query(thousand, { maxBytes: byteLength })).numRows).toBe(1000)
    expect(await failureOf(pets.query(thousand, { maxBytes: byteLength - 1 }))).toMatchObject({ code: "TOO_LARGE" })
    expect(await failureOf(pets.query(countRows[dialect](1_000_000), { maxRows: 10 }))).toMatchObject({
      code: "TOO_LARGE",
    })
  }
})
