import { describe, expect, onTestFinished, vi } from "vitest"
import { cacheStats } from "../../src/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { inMemory, onEveryDatabase } from "../support/databases.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"
import { BrokenLink, NotReady } from "../support/watched-dialect.ts"

describe("stale answers (RFC 5861)", () => {
  const text = "select count(*) as n from owners"

  let ahead = 0
  const pass = (seconds: number) => {
    ahead += seconds * 1000
  }

  /** A cache whose clock the test moves. Timers stay real, since the databases need them. */
  const withClock = async (run: () => Promise<void>): Promise<void> => {
    ahead = 0
    const now = Date.now
    const spy = vi.spyOn(Date, "now").mockImplementation(() => now() + ahead)
    onTestFinished(() => spy.mockRestore())
    await withConnections({}, run)
  }

  onEveryDatabase(
    "B40 staleWhileRevalidate serves the old one at once and fetches a new one behind",
    async ({ pets, watched }) => {
      const options = { ttl: 60, staleWhileRevalidate: 60 }
      await pets.query(text, options)
      pass(59)
      await pets.query(text, options)
      expect(watched.count(text)).toBe(1)
      pass(2)
      const held = gate()
      watched.interfere = () => held.promise
      expect((await pets.query(text, options)).toArray()).toEqual([{ n: 2 }])
      await until(() => watched.count(text) === 2)
      held.open()
      watched.interfere = undefined
      await until(() => cacheStats().stored === 2)
      pass(59)
      await pets.query(text, options)
      expect(watched.count(text)).toBe(2)
      pass(62)
      const late = gate()
      watched.interfere = () => late.promise
      const after = pets.query(text, options)
      const arrived = settledFlag(after)
      await until(() => watched.count(text) === 3)
      await pause(5)
      expect(arrived()).toBe(false)
      late.open()
      await after
    },
    { within: withClock },
  )

  const unreachable: [string, () => Error][] = [
    ["a broken link", () => new BrokenLink("gone")],
    ["a server that is not ready", () => new NotReady("starting up")],
  ]
  for (const [what, failure] of unreachable) {
    onEveryDatabase(
      `B40 staleIfError covers up ${what}, within its window only`,
      async ({ pets, watched }) => {
        const options = { ttl: 60, staleIfError: 60 }
        await pets.query(text, options)
        pass(90)
        watched.interfere = () => Promise.reject(failure())
        expect(await pets.scalar(text, options)).toBe(2)
        pass(40)
        expect(await failureOf(pets.query(text, options))).toMatchObject({ kind: "connection", attempts: 3 })
      },
      {
        within: withClock,
        ...(what === "a broken link" && {
          except: inMemory("A broken link takes the database in memory with it, and its results."),
        }),
      },
    )
  }

  onEveryDatabase(
    "B40 staleIfError covers up a deadline, never a database that says no",
    async ({ pets, watched }) => {
      const options = { ttl: 60, staleIfError: 60 }
      await pets.query(text, options)
      pass(90)
      watched.interfere = () => pause(1000)
      expect(await pets.scalar(text, { ...options, timeout: 0.05 })).toBe(2)
      watched.interfere = () => Promise.reject(new Error("permission denied"))
      expect((await failureOf(pets.query(text, options))).message).toMatch(/permission denied/)
    },
    { within: withClock },
  )
})
