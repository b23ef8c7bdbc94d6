import { afterEach, describe, expect, test, vi } from "vitest"
import { makePool } from "../support/make-pool.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
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

  test("of fifteen that died together, a reader asks one, and none of them is lent", async () => {
    const { pool, database, acquire } = makePool(
      { size: 15 },
      { ping: ({ id }) => (id > 15 ? undefined : Promise.reject(Error("dead"))) },
    )
    const all = await Promise.all(Array.from({ length: 15 }, () => acquire()))
    for (const each of all) await pool.release(each, "statement")
    const broken = await acquire()
    broken.usable = false
    pool.suspect()
    await pool.release(broken, "statement")
    expect((await acquire()).id).toBe(16)
    expect(all.reduce((pings, each) => pings + each.pings, 0)).toBe(1)
    await until(() => database.open === 1)
    expect(all.every(({ closed }) => closed)).toBe(true)
  })

  test("after one broke, the others are asked once each, and kept if they answer", async () => {
    const { pool, acquire } = makePool({ size: 3 })
    const [first, second, third] = [await acquire(), await acquire(), await acquire()]
    await pool.release(first, "statement")
    await pool.release(second, "statement")
    third.usable = false
    vi.useFakeTimers()
    vi.setSystemTime(Date.now() + 5)
    pool.suspect()
    vi.setSystemTime(Date.now() + 5)
    await pool.release(third, "statement")
    for (const _ of [1, 2]) {
      expect([await acquire(), await acquire()]).toEqual([second, first])
      await pool.release(first, "statement")
      await pool.release(second, "statement")
    }
    expect([first.pings, second.pings]).toEqual([1, 1])
  })

  test("an idle one that the server ended makes the others suspect", async () => {
    const { pool, acquire } = makePool({ size: 2 })
    const [first, second] = [await acquire(), await acquire()]
    await pool.release(first, "statement")
    await pool.release(second, "statement")
    second.usable = false
    expect(await acquire()).toBe(first)
    expect(first.pings).toBe(1)
  })

  test("a reset that gets no answer ends after 5 s, and the place is free", async () => {
    vi.useFakeTimers()
    const { pool, acquire } = makePool({}, { reset: () => gate().promise })
    const first = await acquire()
    const released = pool.release(first, "session")
    const next = acquire()
    await vi.advanceTimersByTimeAsync(5_000)
    await released
    expect(first.closed).toBe(true)
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
