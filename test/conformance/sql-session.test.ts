import { describe, expect } from "vitest"
import { type MooringError, type QueryError, type SQLConnection, sql } from "../../src/index.ts"
import { type DialectName, onEveryDatabase, owners, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"

const add = "insert into owners values (:name, 'fox', 1)"
const countOwners = "select count(*) as n from owners"

/** Looked at from outside. */
const count = (pets: SQLConnection) => pets.scalar(countOwners, { outside: true })

/** One lock for all: nobody reads while somebody writes. */
const oneLock = { "sqlite in memory": "A SQLite database in memory has one lock, and readers wait for the writer." }

const noSavepoints = { duckdb: "DuckDB has no savepoints." }

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
    const goesOn: Record<DialectName, boolean> = { duckdb: false, sqlite: true }
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
      const levels: Record<DialectName, { has: "snapshot" | "serializable"; lacks: "read uncommitted" }> = {
        duckdb: { has: "snapshot", lacks: "read uncommitted" },
        sqlite: { has: "serializable", lacks: "read uncommitted" },
      }
      const { has, lacks } = levels[dialect]
      await using session = pets.begin({ isolation: has })
      expect(await session.scalar(countOwners)).toBe(2)
      const unsupported = { code: "UNSUPPORTED", connection: "pets", hint: expect.stringContaining(has) }
      expect(await failureOf(() => pets.begin({ isolation: lacks }))).toMatchObject(unsupported)
      expect(await failureOf(pets.transaction(() => 1, { isolation: lacks }))).toMatchObject(unsupported)
      await session.rollback()
      await pets.execute(add, { name: "Eve" })
    },
  )

  onEveryDatabase(
    "B31 a broken connection fails the transaction; rollback() takes another one (R09)",
    async ({ pets, watched, isFile }) => {
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
      if (isFile) expect(await session.scalar(countOwners)).toBe(2)
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
    async ({ pets, open, isFile }) => {
      const { session } = pets
      await session.execute(add, { name: "Eve" })
      await pets.close({ timeout: 0.02 })
      expect(await failureOf(session.commit())).toMatchObject({ connection: "pets" })
      await session[Symbol.asyncDispose]()
      if (isFile) expect(await count(await open())).toBe(2)
    },
  )
})

describe("what a session leaves behind", () => {
  const temporary: Record<DialectName, string> = {
    duckdb: "create temporary table t as select 1 as a",
    sqlite: "create temporary table t as select 1 as a",
  }
  const setting: Record<DialectName, { set: string; get: string; not: unknown }> = {
    duckdb: { set: "set timezone = 'Asia/Tokyo'", get: "select current_setting('timezone')", not: "Asia/Tokyo" },
    sqlite: { set: "pragma cache_size = 123", get: "pragma cache_size", not: 123 },
  }

  onEveryDatabase(
    "B31 the next borrower finds no transaction, no setting and no temporary table (R14)",
    async ({ pets, dialect }) => {
      {
        await using session = pets.session
        await session.execute(temporary[dialect])
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

  onEveryDatabase(
    "B31 a raw connection that was given back is made fresh",
    async ({ pets, dialect }) => {
      {
        await using raw = await pets.connect()
        expect(raw.raw).toBeDefined()
        if (dialect === "duckdb") await (raw.raw as { run(sql: string): Promise<unknown> }).run(temporary.duckdb)
        else (raw.raw as { exec(sql: string): void }).exec(temporary.sqlite)
      }
      expect(await failureOf(pets.query("select * from t"))).toMatchObject({ kind: "missing" })
    },
    { options: { pool_size: 1, max_overflow: 0 } },
  )
})

describe("autocommit", () => {
  const options = { autocommit: true }

  onEveryDatabase(
    "B24 each statement is its own transaction, and commit() and rollback() are errors",
    async ({ pets, watched }) => {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
      expect(await count(pets)).toBe(3)
      expect(watched.statements.some((text) => /^BEGIN/.test(text))).toBe(false)
      for (const use of [() => session.commit(), () => session.rollback(), () => session.savepoint(async () => 1)]) {
        expect(await failureOf(use)).toMatchObject({ code: "SESSION_STATE", connection: "pets" })
      }
      expect(await failureOf(() => pets.begin({ readOnly: true }))).toMatchObject({ code: "SESSION_STATE" })
    },
    { options },
  )

  onEveryDatabase(
    "B24 transaction() and an array of param sets are transactions all the same",
    async ({ pets }) => {
      await failureOf(
        pets.transaction(async (tx) => {
          await tx.execute(add, { name: "Eve" })
          throw new Error("no")
        }),
      )
      expect(await count(pets)).toBe(2)
      await pets.transaction((tx) => tx.execute(add, { name: "Eve" }))
      expect(await count(pets)).toBe(3)
      await failureOf(pets.execute(add, [{ name: "Fay" }, { name: "Ada" }]))
      await using session = pets.session
      await failureOf(session.execute(add, [{ name: "Fay" }, { name: "Ada" }]))
      expect(await count(pets)).toBe(3)
      await session.execute(add, [{ name: "Fay" }, { name: "Gus" }])
      expect(await count(pets)).toBe(5)
    },
    { options },
  )
})

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
    async ({ pets }) => {
      let runs = 0
      await pets.transaction(async (tx) => {
        runs++
        const age = await tx.scalar<number>("select age from owners where name = 'Ada'")
        if (runs === 1)
          await pets.execute("update owners set age = age + 1 where name = 'Ada'", undefined, { outside: true })
        await tx.execute("update owners set age = :age where name = 'Ada'", { age: age! + 10 })
      })
      expect(runs).toBe(2)
      expect(await pets.scalar("select age from owners where name = 'Ada'")).toBe(47)
    },
    { except: { sqlite: "A writing transaction of SQLite takes the lock at its beginning: no other can interfere." } },
  )

  onEveryDatabase(
    "B31 gives up after maxAttempts, with the conflict",
    async ({ pets }) => {
      let runs = 0
      const work = pets.transaction(
        async (tx) => {
          runs++
          await tx.scalar(countOwners)
          await pets.execute("update owners set age = age + 1 where name = 'Ada'", undefined, { outside: true })
          await tx.execute("update owners set age = 0 where name = 'Ada'")
        },
        { maxAttempts: 2 },
      )
      expect(await failureOf(work)).toMatchObject({ kind: "serialization", name: "QueryError" })
      expect(runs).toBe(2)
    },
    { except: { sqlite: "A writing transaction of SQLite takes the lock at its beginning: no other can interfere." } },
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
        "sqlite in memory": "Each connection has a database of its own.",
      },
    },
  )

  onEveryDatabase(
    "B31 increments of several workers add up (R10)",
    async ({ pets }) => {
      const increment = () =>
        pets.transaction(
          async (tx) => {
            const age = await tx.scalar<number>("select age from owners where name = 'Ada'")
            await tx.execute("update owners set age = :age where name = 'Ada'", { age: age! + 1 })
          },
          { maxAttempts: 200 },
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
    "B31 without savepoints, tx.transaction is an error that says so",
    async ({ pets }) => {
      const work = pets.transaction((tx) => tx.transaction(async () => 1))
      expect(await failureOf(work)).toMatchObject({ code: "UNSUPPORTED", connection: "pets" })
    },
    { except: { sqlite: "SQLite has savepoints." } },
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

  onEveryDatabase("B31 a reset inside does not wait for the transaction itself", async ({ pets, isFile }) => {
    await pets.transaction(async (tx) => {
      await tx.execute(add, { name: "Eve" })
      await pets.reset({ timeout: "5s" })
      expect(await tx.scalar(countOwners)).toBe(3)
    })
    if (isFile) expect(await count(pets)).toBe(3)
  })
})

describe("execute", () => {
  onEveryDatabase("B31 tells the rows that were changed, and gives what returning gave", async ({ pets }) => {
    expect((await pets.execute("update owners set age = age + 1")).rowCount).toBe(2)
    expect((await pets.execute("delete from owners where name = 'nobody'")).rowCount).toBe(0)
    const { rowCount, rows } = await pets.execute(`${add} returning name, age`, { name: "Eve" })
    expect(rowCount).toBe(1)
    expect(rows.toArray()).toEqual([{ name: "Eve", age: 1 }])
    expect((await pets.execute(add, { name: "Fay" })).rows.numCols).toBe(0)
    const fromTemplate = await pets.execute(sql`delete from owners where name = ${"Eve"} returning name`)
    expect(fromTemplate.rows.toArray()).toEqual([{ name: "Eve" }])
  })

  onEveryDatabase(
    "B31 tells the key that the database made",
    async ({ pets }) => {
      await pets.execute("create table toys (id integer primary key, name varchar)")
      expect((await pets.execute("insert into toys (name) values ('ball')")).lastInsertId).toBe(1)
      await using session = pets.session
      expect((await session.execute("insert into toys (name) values ('rope')")).lastInsertId).toBe(2)
    },
    { except: { duckdb: "DuckDB makes keys by sequences only, which `returning` gives." } },
  )

  onEveryDatabase("B31 an array of param sets is one transaction: all of them", async ({ pets, watched }) => {
    const sets = ["Eve", "Fay", "Gus"].map((name) => ({ name }))
    const { rowCount, rows } = await pets.execute(`${add} returning name`, sets)
    expect(rowCount).toBe(3)
    expect(rows.toArray()).toEqual(sets)
    expect(watched.count("COMMIT")).toBe(1)
    expect(
      (
        await pets.execute("insert into owners values (?, ?, ?)", [
          ["Hal", "ant", 1],
          ["Ian", "bee", 2],
        ])
      ).rowCount,
    ).toBe(2)
    expect(await count(pets)).toBe(7)
  })

  onEveryDatabase("B31 an array of param sets is one transaction: or none", async ({ pets }) => {
    const error = await failureOf(pets.execute(add, [{ name: "Eve" }, { name: "Ada" }]))
    expect(error).toMatchObject({ kind: "unique", connection: "pets" })
    expect(await count(pets)).toBe(2)
    const wrong = await failureOf(pets.execute(add, [{ name: "Eve" }, { nom: "Fay" }]))
    expect(wrong).toMatchObject({ code: "BAD_PARAMS", connection: "pets" })
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase("B31 is never cached, and runs each time", async ({ pets, watched }) => {
    await pets.execute(selectOwners)
    await pets.execute(selectOwners)
    expect((await pets.execute(selectOwners)).rows.toArray()).toEqual(owners)
    expect(watched.count(selectOwners)).toBe(3)
  })

  onEveryDatabase(
    "B31 on the connection it is the engine's own transaction, without BEGIN",
    async ({ pets, watched }) => {
      await pets.execute(add, { name: "Eve" })
      expect(watched.statements).toHaveLength(1)
    },
  )

  onEveryDatabase("B31 an abort rejects with the caller's reason, whatever that is", async ({ pets, dialect }) => {
    for (const reason of [new Error("left"), "a text", { code: 7 }]) {
      const leaving = new AbortController()
      setTimeout(() => leaving.abort(reason), 30)
      expect(await failureOf(pets.execute(slowQuery[dialect], [], { signal: leaving.signal }))).toBe(reason)
    }
    const late = await failureOf(pets.execute(slowQuery[dialect], [], { timeout: 0.05 }))
    expect(late).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    expect(await count(pets)).toBe(2)
  })
})
