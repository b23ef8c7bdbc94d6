import { describe, expect } from "vitest"
import type { MooringError, SQLConnection } from "../../src/index.ts"
import type { TransactionOptions } from "../../src/sql/index.ts"
import { type DialectName, onEveryDatabase, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

const add = "insert into owners values (:name, 'fox', 1)"
const countOwners = "select count(*) as n from owners"

/** Looked at from outside. */
const count = (pets: SQLConnection) => pets.scalar(countOwners, { outside: true })

/** One lock for all: nobody reads while somebody writes. */
const oneLock = { "sqlite in memory": "A SQLite database in memory has one lock, and readers wait for the writer." }

/** The options with which a database finds that two transactions have changed the same row. */
const strict: Record<DialectName, TransactionOptions> = {
  duckdb: {},
  mysql: { isolation: "serializable" },
  postgresql: { isolation: "serializable" },
  sqlite: {},
}

const locksReads = "MySQL locks what a serializable transaction has read: who would change it waits."

const noSavepoints = { duckdb: "DuckDB has no savepoints." }

describe("transaction", () => {
  onEveryDatabase("B31 commits on return, and gives what the callback gave", async ({ pets }) => {
    const { rowCount } = await pets.transaction((tx) => tx.execute(add, { name: "Eve" }))
    expect(rowCount).toBe(1)
    expect(await count(pets)).toBe(3)
  })

  onEveryDatabase("B31 rolls back on a throw, and passes the error on", async ({ pets }) => {
    const mine = new Error("changed my mind")
    const work = pets.transaction(async (tx) => {
      await tx.execute(add, { name: "Eve" })
      throw mine
    })
    expect(await failureOf(work)).toBe(mine)
    expect(await count(pets)).toBe(2)
    expect((await pets.engine).stats.waiting).toBe(0)
  })

  onEveryDatabase("B31 has no commit and no rollback of its own; what leaks out is refused", async ({ pets }) => {
    const leaked = await pets.transaction(async (tx) => {
      expect(Object.keys(tx).sort()).toEqual(["db", "execute", "query", "scalar", "stream", "transaction"])
      return tx
    })
    expect(await failureOf(leaked.query(selectOwners))).toMatchObject({ code: "SESSION_STATE" })
  })

  onEveryDatabase("B31 is not run again after other errors", async ({ pets }) => {
    let runs = 0
    const work = pets.transaction(async (tx) => {
      runs++
      await tx.execute(add, { name: "Ada" })
    })
    expect(await failureOf(work)).toMatchObject({ kind: "unique" })
    expect(runs).toBe(1)
  })

  onEveryDatabase(
    "B31 is run again after a conflict with another transaction, from its beginning",
    async ({ pets, dialect }) => {
      let runs = 0
      await pets.transaction(async (tx) => {
        runs++
        const age = await tx.scalar<number>("select age from owners where name = 'Ada'")
        if (runs === 1)
          await pets.execute("update owners set age = age + 1 where name = 'Ada'", undefined, { outside: true })
        await tx.execute("update owners set age = :age where name = 'Ada'", { age: age! + 10 })
      }, strict[dialect])
      expect(runs).toBe(2)
      expect(await pets.scalar("select age from owners where name = 'Ada'")).toBe(47)
    },
    {
      except: {
        mysql: locksReads,
        sqlite: "A writing transaction of SQLite takes the lock at its beginning: no other can interfere.",
      },
    },
  )

  onEveryDatabase(
    "B31 gives up after maxAttempts, with the conflict",
    async ({ pets, dialect }) => {
      let runs = 0
      const work = pets.transaction(
        async (tx) => {
          runs++
          await tx.scalar(countOwners)
          await pets.execute("update owners set age = age + 1 where name = 'Ada'", undefined, { outside: true })
          await tx.execute("update owners set age = 0 where name = 'Ada'")
        },
        { ...strict[dialect], maxAttempts: 2 },
      )
      expect(await failureOf(work)).toMatchObject({ kind: "serialization", name: "QueryError" })
      expect(runs).toBe(2)
    },
    {
      except: {
        mysql: locksReads,
        sqlite: "A writing transaction of SQLite takes the lock at its beginning: no other can interfere.",
      },
    },
  )

  onEveryDatabase(
    "B31 a transaction that cannot get the lock says so, and is not begun",
    async ({ pets, open }) => {
      const other = await open({ busy_timeout: 0.05 }, "others")
      await using holder = pets.session
      await holder.execute(add, { name: "Eve" })
      let runs = 0
      const work = other.transaction(async (tx) => {
        runs++
        await tx.execute(add, { name: "Fay" })
      })
      expect(await failureOf(work)).toMatchObject({ code: "LOCKED", kind: "locked", outcome: "notRun" })
      expect(runs).toBe(1)
      await holder.commit()
      await other.transaction((tx) => tx.execute(add, { name: "Fay" }))
      expect(await count(pets)).toBe(4)
    },
    {
      except: {
        duckdb: "DuckDB has no locks between transactions: the later one finds the conflict.",
        mysql: "MySQL locks rows only, and who wants the same one waits for it.",
        postgresql: "PostgreSQL locks rows only, and who wants the same one waits for it.",
        "sqlite in memory": "Each connection has a database of its own.",
      },
    },
  )

  onEveryDatabase(
    "B31 increments of several workers add up (R10)",
    async ({ pets, dialect }) => {
      const increment = () =>
        pets.transaction(
          async (tx) => {
            const age = await tx.scalar<number>("select age from owners where name = 'Ada'")
            await tx.execute("update owners set age = :age where name = 'Ada'", { age: age! + 1 })
          },
          { ...strict[dialect], maxAttempts: 200 },
        )
      const worker = async () => {
        for (let i = 0; i < 10; i++) await increment()
      }
      await Promise.all([worker(), worker(), worker(), worker()])
      expect(await pets.scalar("select age from owners where name = 'Ada'")).toBe(36 + 40)
    },
    { timeout: 60_000 },
  )

  onEveryDatabase("B31 a call on the connection inside its callback is an error", async ({ pets }) => {
    const refused = { code: "IN_TRANSACTION", connection: "pets", hint: expect.stringContaining("outside: true") }
    await pets.transaction(async () => {
      const calls: (() => unknown)[] = [
        () => pets.query(selectOwners),
        () => pets.scalar(countOwners),
        () => pets.execute(add, { name: "Eve" }),
        () => pets.stream(selectOwners),
        () => pets.session,
        () => pets.begin(),
        () => pets.connect(),
        () => pets.transaction(async () => 1),
      ]
      for (const call of calls) {
        await pause(0)
        expect(await failureOf(call)).toMatchObject(refused)
      }
    })
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase(
    "B31 outside: true uses another connection",
    async ({ pets }) => {
      await pets.transaction(async (tx) => {
        await tx.execute(add, { name: "Eve" })
        expect(await tx.scalar(countOwners)).toBe(3)
        expect(await count(pets)).toBe(2)
      })
    },
    { except: oneLock },
  )

  onEveryDatabase("B31 another connection object may be used inside", async ({ pets, open }) => {
    const other = await open({}, "others")
    expect(await pets.transaction(async () => other.scalar("select 1 as n"))).toBe(1)
  })

  onEveryDatabase(
    "B31 tx.transaction is a savepoint: undone alone, or kept",
    async ({ pets }) => {
      await pets.transaction(async (tx) => {
        await tx.execute(add, { name: "Eve" })
        const undone = tx.transaction(async (inner) => {
          await inner.execute(add, { name: "Fay" })
          await inner.transaction((deeper) => deeper.execute(add, { name: "Gus" }))
          throw new Error("no")
        })
        expect(await failureOf(undone)).toMatchObject({ message: "no" })
        expect(await tx.scalar(countOwners)).toBe(3)
        await tx.transaction((inner) => inner.execute(add, { name: "Hal" }))
      })
      const names = await pets.query("select name from owners order by name")
      expect(names.toArray().map(({ name }) => name)).toEqual(["Ada", "Bob", "Eve", "Hal"])
    },
    { except: noSavepoints },
  )

  onEveryDatabase(
    "B31 a statement that fails in a savepoint is undone with it, and the transaction goes on",
    async ({ pets }) => {
      await pets.transaction(async (tx) => {
        await tx.execute(add, { name: "Eve" })
        const failed = tx.transaction(async (inner) => {
          await inner.execute(add, { name: "Fay" })
          await inner.execute(add, { name: "Ada" })
        })
        expect(await failureOf(failed)).toMatchObject({ kind: "unique" })
        await tx.execute(add, { name: "Gus" })
      })
      const names = await pets.query("select name from owners order by name")
      expect(names.toArray().map(({ name }) => name)).toEqual(["Ada", "Bob", "Eve", "Gus"])
    },
    { except: noSavepoints },
  )

  onEveryDatabase(
    "B31 without savepoints, tx.transaction is an error that says so",
    async ({ pets }) => {
      const work = pets.transaction((tx) => tx.transaction(async () => 1))
      expect(await failureOf(work)).toMatchObject({ code: "UNSUPPORTED", connection: "pets" })
    },
    {
      except: {
        mysql: "MySQL has savepoints.",
        postgresql: "PostgreSQL has savepoints.",
        sqlite: "SQLite has savepoints.",
      },
    },
  )

  onEveryDatabase("B31 a deadline ends it, and what comes late is not committed", async ({ pets }) => {
    const late = gate()
    const work = pets.transaction(
      async (tx) => {
        await tx.execute(add, { name: "Eve" })
        await late.promise
      },
      { timeout: 0.3 },
    )
    const error = await failureOf<MooringError>(work)
    expect(error).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    late.open()
    await until(async () => (await pets.engine).stats.idle === (await pets.engine).stats.size)
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase("B31 an abort ends it with the caller's reason", async ({ pets, dialect }) => {
    const leaving = new AbortController()
    const reason = { why: "closed" }
    setTimeout(() => leaving.abort(reason), 200)
    const work = pets.transaction((tx) => tx.query(slowQuery[dialect]), { signal: leaving.signal })
    expect(await failureOf(work)).toBe(reason)
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase("B31 a reset inside does not wait for the transaction itself", async ({ pets, outlives }) => {
    await pets.transaction(async (tx) => {
      await tx.execute(add, { name: "Eve" })
      await pets.reset({ timeout: "5s" })
      expect(await tx.scalar(countOwners)).toBe(3)
    })
    if (outlives) expect(await count(pets)).toBe(3)
  })
})
