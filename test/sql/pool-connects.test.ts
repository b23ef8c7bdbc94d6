import fc from "fast-check"
import { afterEach, describe, expect, test, vi } from "vitest"
import type { TimeoutError } from "../../src/errors.ts"
import type { FakeConnection } from "../support/fake-database.ts"
import { makePool } from "../support/make-pool.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe("connects that fail, or are slow", () => {
  test("a failure reaches its caller, and leaves the place free", async () => {
    const refused = new Error("refused")
    const { pool, acquire } = makePool({}, { connect: (number) => (number < 3 ? Promise.reject(refused) : undefined) })
    expect(await failureOf(acquire())).toBe(refused)
    expect(await failureOf(acquire())).toBe(refused)
    expect(pool.stats.size).toBe(0)
    await acquire()
  })

  test("a dialect that throws at once is a failure like others", async () => {
    const { pool, acquire } = makePool(
      {},
      {
        connect: () => {
          throw new Error("no driver")
        },
      },
    )
    expect((await failureOf(acquire())).message).toBe("no driver")
    expect(pool.stats.size).toBe(0)
  })

  test("who waits behind a connect that fails is told, and is not left to the timeout", async () => {
    const slow = gate()
    const { acquire } = makePool({}, { connect: () => slow.promise })
    const callers = [acquire(), acquire(), acquire()].map(failureOf)
    await pause(1)
    slow.fail(new Error("refused"))
    expect((await Promise.all(callers)).map(({ message }) => message)).toEqual(["refused", "refused", "refused"])
  })

  test("who leaves during a slow connect is told at once, and the connection is for the next", async () => {
    const slow = gate()
    const { pool, database, acquire } = makePool({}, { connect: () => slow.promise })
    const leaving = new AbortController()
    const first = acquire(leaving.signal)
    const second = acquire()
    leaving.abort(new Error("gone"))
    expect((await failureOf(first)).message).toBe("gone")
    expect(pool.stats).toMatchObject({ size: 1, waiting: 1 })
    slow.open()
    expect((await second).id).toBe(1)
    expect(database.attempts).toBe(1)
  })

  test("what was opened for callers who have been served meanwhile is idle like all overflow", async () => {
    const slow = gate()
    const connect = (number: number) => (number === 3 ? slow.promise : undefined)
    const { pool, database, acquire } = makePool({ size: 1, maxOverflow: 1 }, { connect })
    const [first, second] = [await acquire(), await acquire()]
    const waiting = acquire()
    second.usable = false
    await pool.release(second, "statement")
    await until(() => database.attempts === 3)
    await pool.release(first, "statement")
    expect(await waiting).toBe(first)
    slow.open()
    await until(() => pool.stats.idle === 1)
    expect(pool.stats.size).toBe(2)
  })

  test("the driver hears of it when nobody wants its connection any more", async () => {
    let heard: AbortSignal | undefined
    const connect = (_: number, signal: AbortSignal) => {
      heard = signal
      return gate().promise
    }
    const { acquire } = makePool({}, { connect })
    const leaving = new AbortController()
    const first = acquire(leaving.signal)
    leaving.abort(new Error("gone"))
    await failureOf(first)
    expect(heard!.aborted).toBe(true)
  })

  test("a connect without an answer ends after 10 s, and its place is free after a while", async () => {
    vi.useFakeTimers()
    const { pool, acquire } = makePool({}, { connect: (number) => (number === 1 ? gate().promise : undefined) })
    const hanging = failureOf<TimeoutError>(acquire())
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await hanging).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    const next = acquire()
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await next).id).toBe(1)
    expect(pool.stats.size).toBe(1)
  })

  test("what arrives after its place was given away is closed", async () => {
    vi.useFakeTimers()
    const slow = gate()
    const { pool, database, acquire } = makePool({}, { connect: (number) => (number === 1 ? slow.promise : undefined) })
    const hanging = failureOf(acquire())
    await vi.advanceTimersByTimeAsync(15_000)
    await hanging
    await acquire()
    slow.open()
    await vi.advanceTimersByTimeAsync(0)
    expect(database.open).toBe(1)
    expect(pool.stats).toMatchObject({ size: 1, idle: 0 })
  })

  test("random failures, aborts and breakages in any order leave no place behind (R11, R12)", async () => {
    const step = fc.record({
      wait: fc.nat(3),
      hold: fc.nat(3),
      abortAfter: fc.option(fc.nat(4), { nil: undefined }),
      used: fc.constantFrom("statement" as const, "session" as const),
      breaks: fc.boolean(),
    })
    const fate = fc.constantFrom("well", "well", "fails", "slow", "slow and fails", "deaf" as const)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.array(fate), async (steps, fates) => {
        const { pool, database, acquire } = makePool(
          { size: 2, maxOverflow: 1, timeout: 1_000 },
          {
            async connect(number, signal) {
              const how = fates[number - 1] ?? "well"
              if (how.startsWith("slow")) await pause(2)
              if (how !== "deaf") signal.throwIfAborted()
              if (how.endsWith("fails")) throw new Error("refused")
            },
            reset: async ({ id }) => (id % 5 === 0 ? Promise.reject(new Error("no reset")) : undefined),
            close: () => pause(1),
          },
        )
        const lent = new Set<FakeConnection>()
        const work = steps.map(async ({ wait, hold, abortAfter, used, breaks }) => {
          await pause(wait)
          const leaving = new AbortController()
          if (abortAfter !== undefined) setTimeout(() => leaving.abort(new Error("left")), abortAfter)
          const connection = await acquire(leaving.signal).catch((error) => void error)
          if (!connection) return
          expect(lent.has(connection)).toBe(false)
          lent.add(connection)
          await pause(hold)
          if (breaks) connection.usable = false
          lent.delete(connection)
          await pool.release(connection, used)
        })
        await Promise.all(work)
        expect(database.mostOpen).toBeLessThanOrEqual(3)
        await until(() => pool.stats.size === pool.stats.idle)
        expect(pool.stats.waiting).toBe(0)
        expect(database.open).toBe(pool.stats.idle)
        expect(pool.stats.idle).toBeLessThanOrEqual(3)
        fates.length = 0
        const all = await Promise.all([acquire(), acquire(), acquire()])
        expect(new Set(all).size).toBe(3)
        await pool.close()
        expect(database.open).toBe(0)
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})
