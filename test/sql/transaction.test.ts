import { describe, expect, test, vi } from "vitest"
import { connection, type QueryError, type SQLConnection } from "../../src/index.ts"
import type { Dialect, Failure } from "../../src/sql/dialect.ts"
import { fakeSql } from "../../src/testing/index.ts"
import { useProject } from "../support/project.ts"
import { failureOf, until } from "../support/waiting.ts"
import { BrokenLink, WatchedDialect } from "../support/watched-dialect.ts"

/** What a server answers, by what it means. */
class Answer extends Error {
  readonly failure: Partial<Failure>

  constructor(message: string, failure: Partial<Failure>) {
    super(message)
    this.failure = failure
  }
}

const deadlock = () => new Answer("deadlock detected", { action: "rerun", kind: "deadlock" })
const refused = () => new Answer("permission denied", { kind: "permission" })

/** A server whose failed statements spoil their transaction, as PostgreSQL's do. */
async function openServer(options: object = {}): Promise<{ pets: SQLConnection; watched: WatchedDialect }> {
  useProject()
  const { dialect } = fakeSql({
    "select 1": [{ n: 1 }],
    "insert 1": { rowCount: 1 },
    "insert 2": { rowCount: 1 },
  }) as unknown as { dialect: Dialect }
  const watched = new WatchedDialect({
    ...dialect,
    capabilities: { errorAbortsTransaction: true },
    classify: (error) => ({ action: "fatal", kind: "other", ...(error instanceof Answer && error.failure) }),
  })
  const pets = await connection<SQLConnection>("pets", { type: "sql", dialect: watched.dialect, ...options })
  return { pets, watched }
}

/** Fails a statement, so often. */
function failOn(watched: WatchedDialect, text: string, failure: () => Error, times = 1): void {
  let left = times
  watched.interfere = (statement) => (statement.text === text && left-- > 0 ? Promise.reject(failure()) : undefined)
}

/** What drivers make of a link that swallows everything: they destroy it when its statement is given up. */
function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new BrokenLink("given up"))))
}

describe("a commit", () => {
  test("whose link breaks may have taken effect: it says so, is not run again, and kept results are forgotten", async () => {
    const { pets, watched } = await openServer()
    await pets.query("select 1", { ttl: "1h" })
    failOn(watched, "COMMIT", () => new BrokenLink("gone"))
    let runs = 0
    const work = pets.transaction(async (tx) => {
      runs++
      await tx.execute("insert 1")
    })
    expect(await failureOf(work)).toMatchObject({ name: "QueryError", outcome: "unknown", connection: "pets" })
    expect(runs).toBe(1)
    watched.interfere = undefined
    await pets.query("select 1", { ttl: "1h" })
    expect(watched.count("select 1")).toBe(2)
  })

  test("that is answered with a no did nothing", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "COMMIT", refused)
    await using session = pets.session
    await session.execute("insert 1")
    expect(await failureOf(session.commit())).toMatchObject({ outcome: "failed", kind: "permission" })
    expect(await failureOf(session.commit())).toMatchObject({ code: "SESSION_STATE" })
    await session.rollback()
    await session.execute("insert 2")
    await session.commit()
  })

  test("that finds a conflict has the whole callback run again", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "COMMIT", deadlock)
    let runs = 0
    await pets.transaction(async (tx) => {
      runs++
      await tx.execute("insert 1")
    })
    expect(runs).toBe(2)
    expect(watched.statements).toEqual(["BEGIN", "insert 1", "COMMIT", "ROLLBACK", "BEGIN", "insert 1", "COMMIT"])
  })
})

describe("running again", () => {
  test("ends at maxAttempts with the last error", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "insert 1", deadlock, 99)
    const work = pets.transaction((tx) => tx.execute("insert 1"), { maxAttempts: 3 })
    expect(await failureOf<QueryError>(work)).toMatchObject({ kind: "deadlock" })
    expect(watched.count("insert 1")).toBe(3)
    expect(watched.count("COMMIT")).toBe(0)
  })

  test("is at most five times by default", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "insert 1", deadlock, 99)
    await failureOf(pets.transaction((tx) => tx.execute("insert 1")))
    expect(watched.count("insert 1")).toBe(5)
  })

  test("ends when its caller leaves", async () => {
    const { pets, watched } = await openServer()
    const leaving = new AbortController()
    watched.interfere = ({ text }) => {
      if (text !== "insert 1") return undefined
      if (watched.count("insert 1") === 2) leaving.abort(new Error("left"))
      return Promise.reject(deadlock())
    }
    const work = pets.transaction((tx) => tx.execute("insert 1"), { signal: leaving.signal })
    expect(await failureOf(work)).toMatchObject({ message: "left" })
    expect(watched.count("insert 1")).toBe(2)
  })

  test("needs the database's error: the callback's own may look like it", async () => {
    const { pets } = await openServer()
    let runs = 0
    const work = pets.transaction(() => {
      runs++
      throw deadlock()
    })
    expect((await failureOf(work)).message).toBe("deadlock detected")
    expect(runs).toBe(1)
  })

  test("a conflict that the callback swallows cannot be committed", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "insert 1", deadlock)
    const work = pets.transaction(async (tx) => {
      await tx.execute("insert 1").catch(() => undefined)
    })
    expect(await failureOf(work)).toMatchObject({ code: "SESSION_STATE" })
    expect(watched.count("COMMIT")).toBe(0)
    expect(watched.count("ROLLBACK")).toBe(1)
  })
})

describe("savepoints", () => {
  test("mend a transaction that a failed statement has spoilt", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "insert 1", refused)
    await pets.transaction(async (tx) => {
      await tx.execute("insert 2")
      await failureOf(tx.transaction((inner) => inner.execute("insert 1")))
      await tx.execute("insert 2")
    })
    expect(watched.statements).toEqual([
      "BEGIN",
      "insert 2",
      "SAVEPOINT mooring_1",
      "insert 1",
      "ROLLBACK TO SAVEPOINT mooring_1",
      "RELEASE SAVEPOINT mooring_1",
      "insert 2",
      "COMMIT",
    ])
  })

  test("do not mend a broken connection", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "insert 1", () => new BrokenLink("gone"))
    const work = pets.transaction(async (tx) => {
      await tx.transaction((inner) => inner.execute("insert 1")).catch(() => undefined)
      watched.interfere = (statement) => (statement.text === "COMMIT" ? undefined : Promise.reject(new BrokenLink()))
      await tx.execute("insert 2")
    })
    expect(await failureOf(work)).toMatchObject({ connection: "pets" })
    expect(watched.count("COMMIT")).toBe(0)
  })
})

describe("a session's connection", () => {
  test("that cannot begin is no failed transaction: the next statement tries again", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "BEGIN", refused)
    await using session = pets.session
    expect(await failureOf(session.execute("insert 1"))).toMatchObject({ outcome: "notRun", kind: "permission" })
    await session.execute("insert 1")
    await session.commit()
    expect(watched.statements).toEqual(["BEGIN", "BEGIN", "insert 1", "COMMIT"])
  })

  test("that breaks between two transactions is replaced", async () => {
    const { pets, watched } = await openServer()
    await using session = pets.session
    await session.execute("insert 1")
    await session.commit()
    const { made } = watched
    failOn(watched, "BEGIN", () => new BrokenLink("gone"))
    await session.execute("insert 1")
    expect(watched.made).toBeGreaterThan(made)
    await session.commit()
    expect(watched.count("insert 1")).toBe(2)
  })

  test("that breaks as often as one is borrowed has run nothing", async () => {
    const { pets, watched } = await openServer()
    failOn(watched, "BEGIN", () => new BrokenLink("gone"), Number.POSITIVE_INFINITY)
    await using session = pets.session
    expect(await failureOf(session.execute("insert 1"))).toMatchObject({ outcome: "notRun", kind: "connection" })
    expect(watched.statements).toEqual(["BEGIN", "BEGIN", "BEGIN"])
  })

  test("that breaks in a transaction is not replaced: statements fail until rollback, and say why (R09)", async () => {
    const { pets, watched } = await openServer()
    await using session = pets.session
    await session.execute("insert 1")
    failOn(watched, "insert 2", () => new BrokenLink("gone"))
    expect(await failureOf(session.execute("insert 2"))).toMatchObject({ outcome: "unknown" })
    for (const call of [() => session.execute("insert 1"), () => session.query("select 1")]) {
      const refusal = await failureOf<QueryError>(call)
      expect(refusal).toMatchObject({ code: "SESSION_STATE", hint: expect.stringContaining("rollback()") })
      expect(refusal.message).toContain("The connection broke in this transaction")
    }
    expect(await failureOf(session.commit())).toMatchObject({ code: "SESSION_STATE" })
    await session.rollback()
    await session.execute("insert 1")
    await session.commit()
    expect(watched.statements).toEqual(["BEGIN", "insert 1", "insert 2", "BEGIN", "insert 1", "COMMIT"])
  })

  test("that gives no answer to a rollback is closed after 5 s", async () => {
    const { pets, watched } = await openServer()
    const { session } = pets
    await session.execute("insert 1")
    vi.useFakeTimers()
    watched.interfere = ({ text }, { signal }) => (text === "ROLLBACK" ? givenUp(signal) : undefined)
    const rolledBack = session.rollback()
    await vi.advanceTimersByTimeAsync(5_000)
    await rolledBack
    vi.useRealTimers()
    await until(() => watched.open === 0)
    await session.execute("insert 1")
    await session.commit()
  })

  test("that gives no answer to a commit is given up with the transaction's deadline", async () => {
    const { pets, watched } = await openServer()
    let given: AbortSignal | undefined
    watched.interfere = ({ text }, { signal }) => {
      if (text !== "COMMIT") return undefined
      given = signal
      return givenUp(signal)
    }
    const work = pets.transaction((tx) => tx.execute("insert 1"), { timeout: 0.05 })
    expect(await failureOf(work)).toMatchObject({ code: "TIMEOUT" })
    expect(given!.aborted).toBe(true)
    await until(() => watched.open === 0)
    expect(watched.count("insert 1")).toBe(1)
  })

  test("that gives no answer to a session's commit is given up with the commit's own deadline (R03)", async () => {
    const { pets, watched } = await openServer()
    const { session } = pets
    await session.execute("insert 1")
    watched.interfere = ({ text }, { signal }) => (text === "COMMIT" ? givenUp(signal) : undefined)
    expect(await failureOf(session.commit({ timeout: 0.05 }))).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    expect(await failureOf(session.execute("insert 1"))).toMatchObject({ code: "SESSION_STATE" })
    await session.rollback()
    await until(() => watched.open === 0)
    watched.interfere = undefined
    await session.execute("insert 2")
    await session.commit()
    expect(watched.statements).toEqual(["BEGIN", "insert 1", "COMMIT", "BEGIN", "insert 2", "COMMIT"])
  })

  test("that breaks in autocommit is replaced as well", async () => {
    const { pets, watched } = await openServer({ autocommit: true })
    await using session = pets.session
    failOn(watched, "insert 1", () => new BrokenLink("gone"))
    expect(await failureOf(session.execute("insert 1"))).toMatchObject({ outcome: "unknown" })
    expect((await session.execute("insert 1")).rowCount).toBe(1)
  })

  test("is not lent to others while a rollback fails: it is closed", async () => {
    const { pets, watched } = await openServer({ pool_size: 1, max_overflow: 0 })
    const { session } = pets
    await session.execute("insert 1")
    watched.interfere = ({ text }) => (text === "ROLLBACK" ? Promise.reject(new BrokenLink("gone")) : undefined)
    await session[Symbol.asyncDispose]()
    await pets.query("select 1")
    expect(watched.open).toBe(1)
    expect(watched.made).toBeGreaterThan(1)
  })
})
