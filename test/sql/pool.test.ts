import { afterEach, describe, expect, test, vi } from "vitest"
import type { TimeoutError } from "../../src/errors.ts"
import { makePool } from "../support/make-pool.ts"
import { failureOf, gate, pause, settledFlag } from "../support/waiting.ts"

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

  test("overflow stays for the next wave, and is closed when none comes for some seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
    const { pool, database, acquire } = makePool({ size: 1, maxOverflow: 2 })
    for (let wave = 0; wave < 3; wave++) {
      const three = [await acquire(), await acquire(), await acquire()]
      for (const each of three) await pool.release(each, "statement")
      await vi.advanceTimersByTimeAsync(4_000)
    }
    expect(database.attempts).toBe(3)
    expect(pool.stats).toEqual({ size: 3, idle: 3, waiting: 0, max: 3 })
    await vi.advanceTimersByTimeAsync(1_000)
    expect(database.open).toBe(1)
    expect(pool.stats).toEqual({ size: 1, idle: 1, waiting: 0, max: 3 })
  })

  test("overflow that is used again stays, and the others leave", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
    const { pool, acquire } = makePool({ size: 1, maxOverflow: 3 })
    const four = [await acquire(), await acquire(), await acquire(), await acquire()]
    for (const each of four) await pool.release(each, "statement")
    await vi.advanceTimersByTimeAsync(3_000)
    const two = [await acquire(), await acquire()]
    for (const each of two) await pool.release(each, "statement")
    await vi.advanceTimersByTimeAsync(2_000)
    expect(pool.stats.size).toBe(2)
    await vi.advanceTimersByTimeAsync(3_000)
    expect(pool.stats.size).toBe(1)
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
