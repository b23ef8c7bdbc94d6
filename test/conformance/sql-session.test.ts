import { describe, expect } from "vitest"
import type { QueryError, SQLConnection } from "../../src/index.ts"
import type { TransactionOptions } from "../../src/sql/index.ts"
import { type DialectName, onEveryDatabase, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"

const add = "insert into owners values (:name, 'fox', 1)"
const countOwners = "select count(*) as n from owners"

/** Looked at from outside. */
const count = (pets: SQLConnection) => pets.scalar(countOwners, { outside: true })

/** One lock for all: nobody reads while somebody writes. */
const oneLock = { "sqlite in memory": "A SQLite database in memory has one lock, and readers wait for the writer." }

describe("session", () => {
  onEveryDatabase("B31 a new one at each access; the first statement begins", async ({ pets, watched }) => {
    await using first = pets.session
    await using second = pets.session
    expect(first).not.toBe(second)
    expect(watched.statements).toEqual([])
    await first.query(selectOwners)
    expect(watched.statements.at(-2)).toMatch(/^BEGIN/)
    expect(watched.statements.at(-1)).toBe(selectOwners)
  })

  onEveryDatabase(
    "B31 sees its own changes; others do after the commit",
    async ({ pets }) => {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
      expect(await session.scalar(countOwners)).toBe(3)
      expect(await count(pets)).toBe(2)
      await session.commit()
      expect(await count(pets)).toBe(3)
    },
    { except: oneLock },
  )

  onEveryDatabase("B31 after commit and rollback the next statement begins anew", async ({ pets, watched }) => {
    await using session = pets.session
    await session.execute(add, { name: "Eve" })
    await session.commit()
    await session.execute(add, { name: "Fay" })
    await session.rollback()
    await session.execute(add, { name: "Gus" })
    await session.commit()
    expect(watched.statements.filter((text) => /^(BEGIN|COMMIT|ROLLBACK)/.test(text))).toEqual([
      expect.stringMatching(/^BEGIN/),
      "COMMIT",
      expect.stringMatching(/^BEGIN/),
      "ROLLBACK",
      expect.stringMatching(/^BEGIN/),
      "COMMIT",
    ])
    const names = await pets.query("select name from owners order by name")
    expect(names.toArray().map(({ name }) => name)).toEqual(["Ada", "Bob", "Eve", "Gus"])
  })

  onEveryDatabase("B31 commit and rollback without a statement do nothing", async ({ pets, watched }) => {
    await using session = pets.session
    await session.commit()
    await session.rollback()
    expect(watched.statements).toEqual([])
  })

  onEveryDatabase("B31 leaving without a commit rolls back, and gives the connection back", async ({ pets }) => {
    {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
    }
    const { idle, size } = (await pets.engine).stats
    expect(idle).toBe(size)
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase("B31 a session that was disposed of refuses everything", async ({ pets }) => {
    const { session } = pets
    await session.query(selectOwners)
    await session[Symbol.asyncDispose]()
    await session[Symbol.asyncDispose]()
    const uses = [() => session.query(selectOwners), () => session.commit(), () => session.rollback()]
    for (const use of uses) {
      expect(await failureOf(use)).toMatchObject({ code: "SESSION_STATE", connection: "pets", hint: "Take a new one." })
    }
  })

  onEveryDatabase("B31 statements of one session queue, in the order of asking", async ({ pets, watched }) => {
    await using session = pets.session
    const work = ["Eve", "Fay", "Gus"].map((name) => session.execute(add, { name }))
    const counted = session.scalar(countOwners)
    expect(await counted).toBe(5)
    await Promise.all(work)
    expect(watched.made).toBeLessThanOrEqual(2)
  })

  onEveryDatabase(
    "B31 who gives up in the queue is told at once, and its statement is not run",
    async ({ pets, watched }) => {
      const held = gate()
      await using session = pets.session
      await session.scalar(countOwners)
      watched.interfere = () => held.promise
      const slow = session.scalar(countOwners)
      await until(() => watched.count(countOwners) === 2)
      const leaving = new AbortController()
      const queued = session.execute(add, { name: "Eve" }, { signal: leaving.signal })
      const late = session.execute(add, { name: "Fay" }, { timeout: 0.02 })
      const reason = new Error("left")
      leaving.abort(reason)
      expect(await failureOf(queued)).toBe(reason)
      expect(await failureOf(late)).toMatchObject({ code: "TIMEOUT", connection: "pets" })
      held.open()
      watched.interfere = undefined
      await slow
      expect(await session.scalar(countOwners)).toBe(2)
    },
  )

  onEveryDatabase("B31 nothing of a session is cached", async ({ pets, watched }) => {
    await using session = pets.session
    await session.query(selectOwners)
    await session.query(selectOwners)
    expect(watched.count(selectOwners)).toBe(2)
  })

  onEveryDatabase("B31 a failed statement leaves what its database leaves", async ({ pets, dialect }) => {
    await using session = pets.session
    await session.execute(add, { name: "Eve" })
    const error = await failureOf<QueryError>(session.execute(add, { name: "Ada" }))
    expect(error).toMatchObject({ kind: "unique", outcome: "failed", attempts: 1, connection: "pets" })
    const goesOn: Record<DialectName, boolean> = { duckdb: false, mysql: true, postgresql: false, sqlite: true }
    if (goesOn[dialect]) {
      expect(await session.scalar(countOwners)).toBe(3)
      await session.commit()
      expect(await count(pets)).toBe(3)
      return
    }
    const refused = { code: "SESSION_STATE", hint: expect.stringContaining("rollback()") }
    expect(await failureOf(session.scalar(countOwners))).toMatchObject(refused)
    expect(await failureOf(session.commit())).toMatchObject(refused)
    await session.rollback()
    expect(await session.scalar(countOwners)).toBe(2)
  })

  onEveryDatabase(
    "B31 an abort in the middle of a statement ends it; after a rollback the session goes on",
    async ({ pets, dialect }) => {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
      const leaving = new AbortController()
      const slow = session.query(slowQuery[dialect], { signal: leaving.signal })
      setTimeout(() => leaving.abort(new Error("left")), 30)
      expect(await failureOf(slow)).toMatchObject({ message: "left" })
      await session.rollback()
      expect(await session.scalar(countOwners)).toBe(2)
    },
  )

  onEveryDatabase(
    "B31 begin() takes an access mode, and what the database cannot do is an error at once",
    async ({ pets, dialect }) => {
      const readOnly = pets.begin({ readOnly: true })
      expect(await readOnly.scalar(countOwners)).toBe(2)
      expect(await failureOf(readOnly.execute(add, { name: "Eve" }))).toMatchObject({ name: "QueryError" })
      await readOnly[Symbol.asyncDispose]()
      const levels: Record<DialectName, { has: "snapshot" | "serializable"; lacks: string }> = {
        duckdb: { has: "snapshot", lacks: "read uncommitted" },
        // These take every level of the standard.
        mysql: { has: "snapshot", lacks: "chaos" },
        postgresql: { has: "serializable", lacks: "chaos" },
        sqlite: { has: "serializable", lacks: "read uncommitted" },
      }
      const { has, lacks } = levels[dialect]
      const lacking = { isolation: lacks } as TransactionOptions
      await using session = pets.begin({ isolation: has })
      expect(await session.scalar(countOwners)).toBe(2)
      const unsupported = { code: "UNSUPPORTED", connection: "pets", hint: expect.stringContaining(has) }
      expect(await failureOf(() => pets.begin(lacking))).toMatchObject(unsupported)
      expect(await failureOf(pets.transaction(() => 1, lacking))).toMatchObject(unsupported)
      await session.rollback()
      await pets.execute(add, { name: "Eve" })
    },
  )

  onEveryDatabase(
    "B31 a broken connection fails the transaction; rollback() takes another one (R09)",
    async ({ pets, watched, outlives }) => {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
      const { BrokenLink } = await import("../support/watched-dialect.ts")
      watched.interfere = () => Promise.reject(new BrokenLink("gone"))
      const error = await failureOf<QueryError>(session.execute(add, { name: "Fay" }))
      expect(error).toMatchObject({ kind: "connection", outcome: "unknown", attempts: 1 })
      watched.interfere = undefined
      expect(await failureOf(session.scalar(countOwners))).toMatchObject({ code: "SESSION_STATE" })
      await session.rollback()
      // What was in memory went with the connection.
      if (outlives) expect(await session.scalar(countOwners)).toBe(2)
    },
  )

  onEveryDatabase("B31 a stream in a session sees its changes, and has its turn", async ({ pets }) => {
    await using session = pets.session
    await session.execute(add, { name: "Eve" })
    const stream = session.stream(selectOwners)
    expect((await stream.schema).fields.map(({ name }) => name)).toEqual(["name", "pet", "age"])
    const after = session.scalar(countOwners)
    const arrived = settledFlag(after)
    await pause(10)
    expect(arrived()).toBe(false)
    let rows = 0
    for await (const batch of stream) rows += batch.numRows
    expect(rows).toBe(3)
    expect(await after).toBe(3)
  })

  onEveryDatabase("B31 a stream that nobody reads does not hold up the disposal", async ({ pets }) => {
    const { session } = pets
    const [begun, queued] = [session.stream(selectOwners), session.stream(selectOwners)]
    await begun.schema
    const never = failureOf(queued.schema)
    await session[Symbol.asyncDispose]()
    expect(await never).toMatchObject({ code: "SESSION_STATE" })
    expect((await pets.engine).stats).toMatchObject({ waiting: 0 })
    expect(await count(pets)).toBe(2)
  })
})
