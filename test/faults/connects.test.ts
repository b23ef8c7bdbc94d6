import { setImmediate as turn } from "node:timers/promises"
import { expect, test } from "vitest"
import { classifySocketError } from "../../src/core/classify.ts"
import { ConnectGate, type GateClock } from "../../src/core/connect-gate.ts"
import { Places } from "../../src/sql/places.ts"
import { makePool } from "../support/make-pool.ts"
import { until } from "../support/waiting.ts"
import { record } from "./report.ts"

const wanted = 10_000
const max = 10

/** Waits take no time: the clock jumps to their end. */
function jumpingClock(): GateClock {
  let time = 0
  return {
    now: () => time,
    random: Math.random,
    async sleep(ms) {
      const end = time + ms
      await turn()
      time = Math.max(time, end)
    },
  }
}

/** How three of ten connects end; the others succeed, every fifth of them late. */
const failures: readonly ((signal: AbortSignal) => Promise<never>)[] = [
  () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })),
  () => Promise.reject(new Error("wrong password")),
  // Neither an answer nor an ear for who gives up.
  async () => {
    await turn()
    throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
  },
]

test("R12 of 10,000 connects three in ten fail, and no place is lost", async () => {
  const gate = new ConnectGate({ name: "pets", classify: classifySocketError, clock: jumpingClock() })
  const places = new Places()
  let failed = 0
  const connect = (number: number, signal: AbortSignal) => {
    const kind = number % 10
    if (kind >= failures.length) return kind % 5 === 4 ? turn() : undefined
    failed++
    return failures[kind]!(signal)
  }
  const { pool, database, acquire } = makePool({ size: max, timeout: 60_000 }, { connect }, { gate, places })
  const callers = Array.from({ length: 3 * max }, async (_, who) => {
    for (let round = 0; database.attempts < wanted; round++) {
      const leaving = new AbortController()
      // Some give up on the way.
      if ((who + round) % 7 === 0) setImmediate(() => leaving.abort(new Error("left")))
      const connection = await acquire(leaving.signal).catch(() => undefined)
      if (!connection) continue
      // So that the next borrower needs another one.
      connection.usable = false
      await pool.release(connection, "session")
    }
  })
  await Promise.all(callers)
  await until(() => pool.stats.size === pool.stats.idle)
  record({
    promise: "R12",
    dialect: "a fake",
    what: "connects, of which three in ten fail",
    provoked: database.attempts,
    lost: places.taken - pool.stats.idle,
  })
  expect(failed).toBeGreaterThanOrEqual(0.3 * wanted)
  expect(database.mostOpen).toBeLessThanOrEqual(max)
  expect([pool.stats.waiting, places.taken, database.open]).toEqual([0, pool.stats.idle, pool.stats.idle])

  const all: unknown[] = []
  while (all.length < max)
    await acquire().then(
      (connection) => all.push(connection),
      () => undefined,
    )
  expect(new Set(all).size).toBe(max)
  expect(pool.stats).toMatchObject({ size: max, idle: 0 })
  await pool.close()
  expect([places.taken, database.open]).toEqual([0, 0])
})
