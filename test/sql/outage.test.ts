import { afterEach, describe, expect, test, vi } from "vitest"
import { connection, type SQLConnection, UnavailableError } from "../../src/index.ts"
import type { Dialect } from "../../src/sql/dialect.ts"
import { fakeSql } from "../../src/testing/index.ts"
import { useProject } from "../support/project.ts"
import { failureOf, pause, until } from "../support/waiting.ts"
import { BrokenLink, NotReady, WatchedDialect } from "../support/watched-dialect.ts"

afterEach(() => {
  vi.useRealTimers()
})

/** A server that can be stopped and started, behind links that it breaks when it stops. */
async function openServer(options: object = {}) {
  useProject()
  const { dialect } = fakeSql({
    "select :n": ([n]) => [{ n }],
    "insert :n": { rowCount: 1 },
  }) as unknown as { dialect: Dialect }
  const watched = new WatchedDialect(dialect)
  const world = {
    watched,
    pets: (await connection<SQLConnection>("pets", {
      type: "sql",
      dialect: watched.dialect,
      ...options,
    })) as SQLConnection,
    /** Attempts to connect, in milliseconds of `performance.now()`. */
    connects: [] as number[],
    most: 0,
    up: true,
    /** Links of before the last stop break when they are used. */
    stops: 0,
    read: (n: number) => world.pets.scalar<number>("select :n", { params: { n } }),
    write: (n: number) => world.pets.execute("insert :n", { n }),
    stop() {
      world.up = false
      world.stops++
    },
    start() {
      world.up = true
    },
  }
  watched.onConnect = async () => {
    world.connects.push(performance.now())
    world.most = Math.max(world.most, watched.open + 1)
    if (!world.up) throw new NotReady("the server is starting")
  }
  return world
}

/** Breaks each link once that was there when it was called. */
function breakLinks(world: Awaited<ReturnType<typeof openServer>>): void {
  let left = world.watched.open
  world.watched.interfere = () => (left-- > 0 ? Promise.reject(new BrokenLink("gone")) : undefined)
}

describe("a server that restarts", () => {
  test("costs readers time and no error, and is asked by one of them at a time", async () => {
    const world = await openServer({ pool_size: 10, max_overflow: 0 })
    await Promise.all(Array.from({ length: 10 }, (_, n) => world.read(n)))
    breakLinks(world)
    world.stop()
    setTimeout(() => world.start(), 1_500)
    world.connects.length = 0
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => world.read(n)))
    expect(answers).toEqual(Array.from({ length: 50 }, (_, n) => n))
    // 0, 0.1, 0.3, 0.7, 1.5 s, and then the pool's ten.
    expect(world.connects.length).toBeLessThanOrEqual(7 + 10)
    expect(world.most).toBeLessThanOrEqual(10)
  })

  test("is waited for by what has not reached it, which then runs once", async () => {
    const world = await openServer({ pool_recycle: 0 })
    world.stop()
    setTimeout(() => world.start(), 600)
    await Promise.all([world.write(1), world.pets.transaction((tx) => tx.execute("insert :n", { n: 2 }))])
    expect(world.watched.statements.filter((text) => text.startsWith("insert"))).toHaveLength(2)
  })

  test("does not have a write repeated that may have reached it", async () => {
    const world = await openServer()
    breakLinks(world)
    expect(await failureOf(world.write(1))).toMatchObject({ outcome: "unknown", attempts: 1 })
    await world.write(2)
    expect(world.watched.statements).toHaveLength(2)
  })
})

describe("a server that stays away", () => {
  test("is told of at once after a while, and found by the first call after its time", async () => {
    vi.useFakeTimers()
    const world = await openServer({ pool_recycle: 0 })
    world.stop()
    const patient = failureOf(world.read(1))
    await vi.advanceTimersByTimeAsync(6_500)
    expect(await patient).toMatchObject({ code: "CONNECT" })
    const second = failureOf(world.read(1))
    await vi.advanceTimersByTimeAsync(6_500)
    await second
    const told = await failureOf<UnavailableError>(world.read(1))
    expect(told).toBeInstanceOf(UnavailableError)
    expect(told).toMatchObject({ code: "UNAVAILABLE", connection: "pets" })
    expect(told.retryAt.getTime() - told.since.getTime()).toBeGreaterThan(10_000)
    expect(await failureOf(world.write(1))).toMatchObject({ code: "UNAVAILABLE" })
    world.start()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await world.read(3)).toBe(3)
    expect(await world.read(4)).toBe(4)
  })
})

describe("a connection that breaks", () => {
  test("leaves the others of its pool alone", async () => {
    const world = await openServer({ pool_size: 3, max_overflow: 0 })
    const { watched } = world
    await Promise.all([1, 2, 3].map(world.read))
    const { made, opened } = watched
    let left = 1
    watched.interfere = () => (left-- > 0 ? Promise.reject(new BrokenLink("gone")) : undefined)
    expect(await Promise.all([1, 2, 3].map(world.read))).toEqual([1, 2, 3])
    expect(watched.opened).toBe(opened)
    expect(watched.made - made).toBeLessThanOrEqual(1)
  })

  test("does not make a healthy server look ill", async () => {
    const world = await openServer()
    await world.read(1)
    breakLinks(world)
    expect(await world.pets.isHealthy()).toBe(true)
    expect(await world.read(1)).toBe(1)
  })
})

describe("a pool that can open no connection", () => {
  test("is replaced by one that reads its password again, and a reader does not see it", async () => {
    const world = await openServer()
    const { watched } = world
    const { onConnect } = watched
    const old = watched.opened
    watched.onConnect = async (signal) => {
      await onConnect!(signal)
      if (watched.opened === old) throw new Error("wrong password")
    }
    breakLinks(world)
    expect(await world.read(1)).toBe(1)
    expect(watched.opened).toBe(old + 1)
  })

  test("says so where the password is still wrong, after two attempts", async () => {
    const world = await openServer({ pool_recycle: 0 })
    world.connects.length = 0
    const { onConnect } = world.watched
    world.watched.onConnect = async (signal) => {
      await onConnect!(signal)
      throw new Error("wrong password")
    }
    expect(await failureOf(world.write(1))).toMatchObject({
      code: "CONNECT",
      message: expect.stringContaining("wrong password"),
    })
    expect(world.connects).toHaveLength(2)
    const many = await Promise.all(Array.from({ length: 20 }, (_, n) => failureOf(world.read(n))))
    expect(many.every(({ message }) => message.includes("wrong password"))).toBe(true)
    expect(world.connects.length).toBeLessThanOrEqual(2 + 4)
  })
})

test("through any number of resets, readers see no error and the server no connection too many", async () => {
  const world = await openServer({ pool_size: 3, max_overflow: 1 })
  world.watched.interfere = () => pause(3)
  let over = false
  const readers = Array.from({ length: 20 }, async (_, who) => {
    for (let n = 0; !over; n++) expect(await world.read(who * 1_000 + n)).toBe(who * 1_000 + n)
  })
  for (let i = 0; i < 10; i++) {
    await pause(15)
    void world.pets.reset()
  }
  over = true
  await Promise.all(readers)
  expect(world.most).toBeGreaterThan(1)
  expect(world.most).toBeLessThanOrEqual(4)
  expect(world.watched.opened).toBeGreaterThan(5)
  await world.pets.close()
  await until(() => world.watched.open === 0)
})
