import fc from "fast-check"
import { afterEach, describe, expect, test, vi } from "vitest"
import type { TimeoutError } from "../../src/errors.ts"
import type { PoolSettings } from "../../src/sql/dialect.ts"
import { Pool } from "../../src/sql/pool.ts"
import { type FakeBehaviour, type FakeConnection, FakeDatabase } from "../support/fake-database.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"

const never = new AbortController().signal

function makePool(settings: Partial<PoolSettings> = {}, behaviour: FakeBehaviour = {}) {
  const database = new FakeDatabase(behaviour)
  const complete = {
    size: 1,
    maxOverflow: 0,
    timeout: 30_000,
    recycle: Number.POSITIVE_INFINITY,
    prePing: false,
    ...settings,
  }
  const pool = new Pool(database, complete, "pets")
  const acquire = async (signal: AbortSignal = never) => (await pool.acquire(signal)) as FakeConnection
  return { pool, database, acquire }
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe("lending", () => {
  test("a connection that came back is lent again, and is not made fresh after a statement", async () => {
    const { pool, database, acquire } = makePool()
    const first = await acquire()
    await pool.release(first, "statement")
    expect(await acquire()).toBe(first)
    expect(first.resets).toBe(0)
    expect(database.attempts).toBe(1)
  })

  test("the one that came back last is lent first", async () => {
    const { pool, acquire } = makePool({ size: 2 })
    const [first, second] = [await acquire(), await acquire()]
    await pool.release(first, "statement")
    await pool.release(second, "statement")
    expect(await acquire()).toBe(second)
    expect(await acquire()).toBe(first)
  })

  test("giving a connection back twice does not lend it to two", async () => {
    const { pool, acquire } = makePool({ size: 2 })
    const first = await acquire()
    await pool.release(first, "statement")
    await pool.release(first, "statement")
    expect(await acquire()).not.toBe(await acquire())
  })

  test("never more connections than size and overflow, whatever is asked for", async () => {
    const { pool, database, acquire } = makePool({ size: 2, maxOverflow: 1 })
    const work = Array.from({ length: 50 }, async () => {
      const connection = await acquire()
      await pause(1)
      await pool.release(connection, "statement")
    })
    await Promise.all(work)
    expect(database.mostOpen).toBe(3)
    expect(pool.stats).toMatchObject({ waiting: 0, max: 3 })
  })

  test("a connection that is still being closed counts", async () => {
    const closing = gate()
    const { pool, database, acquire } = makePool({}, { close: () => closing.promise })
    const first = await acquire()
    first.usable = false
    await pool.release(first, "statement")
    const second = acquire()
    const arrived = settledFlag(second)
    await pause(5)
    expect(arrived()).toBe(false)
    expect(database.attempts).toBe(1)
    closing.open()
    await second
    expect(database.mostOpen).toBe(1)
  })

  test("overflow is closed when it comes back and nobody waits", async () => {
    const { pool, database, acquire } = makePool({ size: 1, maxOverflow: 2 })
    const three = [await acquire(), await acquire(), await acquire()]
    for (const each of three) await pool.release(each, "statement")
    await until(() => pool.stats.size === 1)
    expect(database.open).toBe(1)
    expect(pool.stats).toEqual({ size: 1, idle: 1, waiting: 0, max: 3 })
  })

  test("overflow is handed on when somebody waits", async () => {
    const { pool, database, acquire } = makePool({ size: 1, maxOverflow: 1 })
    const [, second] = [await acquire(), await acquire()]
    const third = acquire()
    await pool.release(second, "statement")
    expect(await third).toBe(second)
    expect(database.attempts).toBe(2)
  })
})

describe("waiting", () => {
  test("callers are served in the order of asking", async () => {
    const { pool, acquire } = makePool()
    const served: number[] = []
    const first = await acquire()
    const callers = [1, 2, 3, 4, 5].map(async (number) => {
      const connection = await acquire()
      served.push(number)
      await pool.release(connection, "statement")
    })
    expect(pool.stats.waiting).toBe(5)
    await pool.release(first, "statement")
    await Promise.all(callers)
    expect(served).toEqual([1, 2, 3, 4, 5])
  })

  test("who comes late does not overtake who waits", async () => {
    const { pool, acquire } = makePool()
    const first = await acquire()
    const served: string[] = []
    const waiting = acquire().then(() => served.push("waiting"))
    const release = pool.release(first, "statement")
    const late = acquire().then(() => served.push("late"))
    await release
    await waiting
    await pool.release(first, "statement")
    await late
    expect(served).toEqual(["waiting", "late"])
  })

  test("pool_timeout ends the wait with what to look for", async () => {
    const { pool, acquire } = makePool({ timeout: 20, size: 2 })
    const held = [await acquire(), await acquire()]
    const error = await failureOf<TimeoutError>(acquire())
    expect(error).toMatchObject({ name: "TimeoutError", code: "TIMEOUT", connection: "pets" })
    expect(error.message).toBe('All 2 connections of "pets" were busy for 0.02 s (0 callers still wait).')
    expect(error.hint).toMatch(/sessions that are never disposed of.*pool_size, max_overflow or pool_timeout/)
    await pool.release(held[0]!, "statement")
    await acquire()
  })

  test("an abort while waiting gives the caller's reason, and the next in line is served", async () => {
    const { pool, acquire } = makePool()
    const held = await acquire()
    const leaving = new AbortController()
    const first = acquire(leaving.signal)
    const second = acquire()
    const reason = new Error("the page was closed")
    leaving.abort(reason)
    expect(await failureOf(first)).toBe(reason)
    await pool.release(held, "statement")
    expect(await second).toBe(held)
    expect(pool.stats.waiting).toBe(0)
  })

  test("a signal that has aborted already takes nothing", async () => {
    const { database, acquire } = makePool()
    const reason = new Error("too late")
    expect(await failureOf(acquire(AbortSignal.abort(reason)))).toBe(reason)
    expect(database.attempts).toBe(0)
  })
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

describe("health and age", () => {
  test("a connection that broke is closed when it comes back", async () => {
    const { pool, database, acquire } = makePool()
    const first = await acquire()
    first.usable = false
    await pool.release(first, "statement")
    await until(() => first.closed)
    expect((await acquire()).id).toBe(2)
    expect(database.open).toBe(1)
  })

  test("a connection that broke while it was idle is never lent", async () => {
    const { pool, acquire } = makePool()
    const first = await acquire()
    await pool.release(first, "statement")
    first.usable = false
    expect((await acquire()).id).toBe(2)
  })

  test("a session's connection is made fresh, and closed if it cannot be", async () => {
    const { pool, acquire } = makePool(
      {},
      { reset: ({ resets }) => (resets === 2 ? Promise.reject(Error("no")) : undefined) },
    )
    const first = await acquire()
    await pool.release(first, "session")
    expect(await acquire()).toBe(first)
    await pool.release(first, "session")
    expect((await acquire()).id).toBe(2)
    expect(first.closed).toBe(true)
  })

  test("pool_recycle renews a connection by age, up to 2.5 % early, never while it is lent", async () => {
    vi.useFakeTimers()
    vi.spyOn(Math, "random").mockReturnValue(1)
    const { pool, acquire } = makePool({ recycle: 100_000 })
    const first = await acquire()
    vi.setSystemTime(Date.now() + 97_499)
    await pool.release(first, "statement")
    expect(await acquire()).toBe(first)
    vi.setSystemTime(Date.now() + 1)
    expect(first.closed).toBe(false)
    await pool.release(first, "statement")
    const second = await acquire()
    expect(second.id).toBe(2)
    await pool.release(second, "statement")
    vi.setSystemTime(Date.now() + 97_500)
    expect((await acquire()).id).toBe(3)
  })

  test("connections that were opened together are not renewed together", async () => {
    vi.useFakeTimers()
    const random = vi.spyOn(Math, "random")
    const { pool, acquire } = makePool({ size: 2, recycle: 100_000 })
    random.mockReturnValueOnce(1).mockReturnValueOnce(0)
    const pair = [await acquire(), await acquire()]
    vi.setSystemTime(Date.now() + 98_000)
    for (const each of pair) await pool.release(each, "statement")
    await vi.advanceTimersByTimeAsync(0)
    expect(pair.map(({ closed }) => closed)).toEqual([true, false])
  })

  test("a recycle of 0 gives each borrower a new one, and does not go round in circles", async () => {
    const { pool, acquire } = makePool({ recycle: 0 })
    for (const id of [1, 2, 3]) {
      const connection = await acquire()
      expect(connection.id).toBe(id)
      await pool.release(connection, "statement")
    }
  })

  test("pool_pre_ping asks before each use of a connection that was idle", async () => {
    const { pool, acquire } = makePool(
      { prePing: true },
      { ping: ({ id }) => (id === 1 ? Promise.reject(Error("dead")) : undefined) },
    )
    const first = await acquire()
    expect(first.pings).toBe(0)
    await pool.release(first, "statement")
    const second = await acquire()
    expect(second.id).toBe(2)
    await pool.release(second, "statement")
    expect(await acquire()).toBe(second)
    expect(second.pings).toBe(1)
  })

  test("without it, only what was idle for half a minute is asked", async () => {
    vi.useFakeTimers()
    const { pool, acquire } = makePool()
    const first = await acquire()
    await pool.release(first, "statement")
    vi.setSystemTime(Date.now() + 29_999)
    await pool.release(await acquire(), "statement")
    expect(first.pings).toBe(0)
    vi.setSystemTime(Date.now() + 30_000)
    expect(await acquire()).toBe(first)
    expect(first.pings).toBe(1)
  })

  test("a link that swallows the question is given up after 5 s", async () => {
    vi.useFakeTimers()
    const { pool, acquire } = makePool({ prePing: true }, { ping: () => gate().promise })
    await pool.release(await acquire(), "statement")
    const next = acquire()
    await vi.advanceTimersByTimeAsync(5_000)
    expect((await next).id).toBe(2)
  })

  test("who has waited keeps the place when the connection turns out to be dead", async () => {
    const slow = gate()
    const { pool, acquire } = makePool({ prePing: true }, { ping: () => slow.promise })
    await pool.release(await acquire(), "statement")
    const served: string[] = []
    const caller = async (name: string) => {
      const connection = await acquire()
      served.push(name)
      return connection
    }
    const first = caller("first")
    await pause(1)
    const second = caller("second")
    slow.fail(new Error("dead"))
    await pool.release(await first, "statement")
    await second
    expect(served).toEqual(["first", "second"])
  })

  test("an abort during the sign of life takes the connection out, and nothing leaks", async () => {
    const { pool, database, acquire } = makePool({ prePing: true }, { ping: () => gate().promise })
    await pool.release(await acquire(), "statement")
    const leaving = new AbortController()
    const asking = acquire(leaving.signal)
    leaving.abort(new Error("left"))
    expect((await failureOf(asking)).message).toBe("left")
    await until(() => database.open === 0)
    expect(pool.stats.size).toBe(0)
  })
})

describe("closing", () => {
  test("closes what is lent and what is idle, and the database last", async () => {
    const order: string[] = []
    const { pool, database, acquire } = makePool(
      { size: 2 },
      { close: async ({ id }) => void order.push(`connection ${id}`) },
    )
    const close = database.close.bind(database)
    database.close = () => {
      order.push("database")
      return close()
    }
    const [, idle] = [await acquire(), await acquire()]
    await pool.release(idle, "statement")
    await pool.close()
    expect(order).toEqual(["connection 1", "connection 2", "database"])
    expect(database.open).toBe(0)
    expect(await failureOf(acquire())).toMatchObject({ code: "ABORTED", connection: "pets" })
  })

  test("who waits is told so", async () => {
    const { pool, acquire } = makePool()
    await acquire()
    const waiter = failureOf(acquire())
    await pool.close()
    expect(await waiter).toMatchObject({ code: "ABORTED", connection: "pets" })
  })

  test("what is being opened is waited for and closed, before the database is", async () => {
    const slow = gate()
    const { pool, database, acquire } = makePool({}, { connect: () => slow.promise })
    const opening = failureOf(acquire())
    const closing = pool.close()
    expect(await opening).toMatchObject({ code: "ABORTED" })
    await pause(2)
    expect(database.closed).toBe(false)
    slow.open()
    await closing
    expect(database).toMatchObject({ open: 0, closed: true })
  })

  test("a connection that comes back afterwards is left alone", async () => {
    const { pool, database, acquire } = makePool()
    const lent = await acquire()
    await pool.close()
    await pool.release(lent, "session")
    expect(lent).toMatchObject({ closed: true, resets: 0 })
    expect(database.open).toBe(0)
  })

  test("a connection that cannot say goodbye does not hold it up for ever", async () => {
    vi.useFakeTimers()
    const { pool, database, acquire } = makePool({}, { close: () => gate().promise })
    await acquire()
    const closing = pool.close()
    await vi.advanceTimersByTimeAsync(5_000)
    await closing
    expect(database.closed).toBe(true)
  })
})
