import fc from "fast-check"
import { expect, test } from "vitest"
import { Places } from "../../src/sql/places.ts"
import type { FakeConnection } from "../support/fake-database.ts"
import { makePool } from "../support/make-pool.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"

/** The pool of a retired generation and the new one, with `max` places for both. */
function makePair(max: number, close?: (connection: FakeConnection) => Promise<unknown>) {
  const places = new Places()
  const settings = { size: max, timeout: 30_000 }
  const behaviour = close ? { close } : {}
  return { places, old: makePool(settings, behaviour, { places }), young: makePool(settings, behaviour, { places }) }
}

test("a new pool opens nothing while the old one has all places, and is served when one comes back", async () => {
  const { old, young } = makePair(2)
  const [first] = [await old.acquire(), await old.acquire()]
  const waiting = young.acquire()
  const arrived = settledFlag(waiting)
  await pause(5)
  expect([arrived(), young.database.attempts]).toEqual([false, 0])
  await old.pool.release(first, "statement")
  expect((await waiting).id).toBe(1)
  expect(old.pool.stats).toMatchObject({ size: 1, idle: 0 })
  expect(first.closed).toBe(true)
})

test("what the old pool does not use is closed as soon as the new one needs the place, the longest idle first", async () => {
  const { old, young } = makePair(2)
  const [first, second] = [await old.acquire(), await old.acquire()]
  await old.pool.release(first, "statement")
  await old.pool.release(second, "statement")
  await young.acquire()
  expect([first.closed, second.closed]).toEqual([true, false])
  await young.acquire()
  expect([first.closed, second.closed]).toEqual([true, true])
})

test("the place counts until the old connection is closed", async () => {
  const closing = gate()
  const { old, young } = makePair(1, () => closing.promise)
  await old.pool.release(await old.acquire(), "statement")
  const waiting = young.acquire()
  await pause(5)
  expect(young.database.attempts).toBe(0)
  closing.open()
  await waiting
  expect(young.database.attempts).toBe(1)
})

test("callers of the old pool come first, and get a connection of the old pool", async () => {
  const { old, young } = makePair(1)
  const held = await old.acquire()
  const served: string[] = []
  const later = young.acquire().then(() => served.push("young"))
  const earlier = old.acquire().then(async (connection) => {
    served.push("old")
    await old.pool.release(connection, "statement")
  })
  held.usable = false
  await old.pool.release(held, "statement")
  await Promise.all([earlier, later])
  expect(served).toEqual(["old", "young"])
})

test("a pool that closes leaves its places to the other, also those of connects that hang", async () => {
  const { old, young } = makePair(2)
  await old.acquire()
  const waiting = [young.acquire(), young.acquire()]
  await until(() => young.database.attempts === 1)
  await old.pool.close()
  await Promise.all(waiting)
  expect(young.pool.stats.size).toBe(2)
})

test("any number of pools, callers and breakages: never more than the maximum, and all are served", async () => {
  const step = fc.record({
    pool: fc.nat(2),
    wait: fc.nat(3),
    hold: fc.nat(3),
    abortAfter: fc.option(fc.nat(4), { nil: undefined }),
    breaks: fc.boolean(),
    session: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, max) => {
        const places = new Places()
        let open = 0
        let most = 0
        const behaviour = {
          async connect() {
            most = Math.max(most, ++open)
            await pause(1)
          },
          async close() {
            await pause(1)
            open--
          },
        }
        const pools = [0, 1, 2].map(() => makePool({ size: max, timeout: 5_000 }, behaviour, { places }))
        const work = steps.map(async ({ pool: index, wait, hold, abortAfter, breaks, session }) => {
          const { pool, acquire } = pools[index]!
          await pause(wait)
          const leaving = new AbortController()
          if (abortAfter !== undefined) setTimeout(() => leaving.abort(new Error("left")), abortAfter)
          const connection = await acquire(leaving.signal).catch((error: Error) => {
            expect(error.message).toBe("left")
          })
          if (!connection) return
          await pause(hold)
          if (breaks) connection.usable = false
          await pool.release(connection, session ? "session" : "statement")
        })
        await Promise.all(work)
        expect(most).toBeLessThanOrEqual(max)
        await until(() => pools.every(({ pool }) => pool.stats.size === pool.stats.idle))
        expect(places.taken).toBe(pools.reduce((sum, { pool }) => sum + pool.stats.size, 0))
        // All of them to one pool.
        await Promise.all(Array.from({ length: max }, () => pools[0]!.acquire()))
        await Promise.all(pools.map(({ pool }) => pool.close()))
        expect([open, places.taken]).toEqual([0, 0])
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test("a smaller maximum than before is kept to as connections come back", async () => {
  const places = new Places()
  const old = makePool({ size: 3 }, {}, { places })
  const young = makePool({ size: 1, timeout: 20 }, {}, { places })
  const held = [await old.acquire(), await old.acquire()]
  expect(await failureOf(young.acquire())).toMatchObject({ code: "TIMEOUT" })
  for (const connection of held) await old.pool.release(connection, "statement")
  await young.acquire()
  expect(places.taken).toBe(1)
})
