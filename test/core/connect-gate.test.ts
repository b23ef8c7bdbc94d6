import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { backoffDelay, connectBackoff } from "../../src/core/backoff.ts"
import { classifySocketError } from "../../src/core/classify.ts"
import { ConnectGate } from "../../src/core/connect-gate.ts"
import { TimeoutError, UnavailableError } from "../../src/errors.ts"
import { FakeClock } from "../support/fake-clock.ts"
import { failureOf, gate as latch, settledFlag } from "../support/waiting.ts"

const refused = () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })
const wrongPassword = new Error("wrong password")

/** A server that may be down, the gate before it, and when it was tried. */
function gated(options: { down?: boolean; chance?: number } = {}) {
  const clock = new FakeClock()
  clock.chance = options.chance ?? 0
  const gate = new ConnectGate({ name: "pets", classify: classifySocketError, clock })
  const world = {
    clock,
    gate,
    down: options.down ?? true,
    /** What it does instead of refusing. */
    answer: undefined as (() => Promise<unknown>) | undefined,
    tried: [] as number[],
    under: 0,
    mostUnder: 0,
    async connect(): Promise<string> {
      world.tried.push(clock.now())
      world.mostUnder = Math.max(world.mostUnder, ++world.under)
      try {
        if (world.answer) await world.answer()
        else if (world.down) throw refused()
        return "connected"
      } finally {
        world.under--
      }
    },
    pass: (signal?: AbortSignal, who?: object) => gate.pass(() => world.connect(), signal, who),
  }
  return world
}

/** Passes again after each failure, as callers do who never give up, until the clock has run for `ms`. */
async function hammer(world: ReturnType<typeof gated>, callers: number, ms: number): Promise<void> {
  const end = world.clock.now() + ms
  const caller = async () => {
    while (world.clock.now() < end) {
      const error = await world.pass().catch((failure: unknown) => failure)
      if (error instanceof UnavailableError || typeof error === "string") await world.clock.sleep(40)
    }
  }
  const all = Array.from({ length: callers }, caller)
  await world.clock.pass(ms + 10_000)
  await Promise.all(all)
}

describe("the wait between attempts", () => {
  test("never shorter than four fifths of what it should be, never longer, and growing to its ceiling", () => {
    const times = fc.record({
      failures: fc.integer({ min: 1, max: 2_000 }),
      failingFor: fc.double({ min: 0, max: 1e9, noNaN: true }),
      random: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(times, ({ failures, failingFor, random }) => {
        const delay = backoffDelay(failures, failingFor, random, connectBackoff)
        const full = backoffDelay(failures, failingFor, 0, connectBackoff)
        expect(delay).toBeLessThanOrEqual(full)
        expect(delay).toBeGreaterThanOrEqual(full * 0.8 - 1e-9)
        expect(full).toBeLessThanOrEqual(backoffDelay(failures + 1, failingFor, 0, connectBackoff))
        expect(full).toBeLessThanOrEqual(failingFor < 60_000 ? 900 : 5_000)
        expect(full).toBeGreaterThanOrEqual(100)
      }),
    )
  })

  test("at most 25 attempts in 15 s, none more than 1 s apart in the first minute, whatever the chance (R05)", async () => {
    for (const chance of [0, 0.5, 1]) {
      const world = gated({ chance })
      // As after the loss of a connection.
      world.gate.doubt()
      await hammer(world, 8, 60_000)
      const { tried } = world
      expect(tried.filter((at) => at < 15_000).length).toBeLessThanOrEqual(25)
      const gaps = tried.slice(1).map((at, i) => at - tried[i]!)
      expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000)
      expect(world.mostUnder).toBe(1)
    }
  })

  test("after a minute it is tried every five seconds", async () => {
    const world = gated()
    await hammer(world, 5, 120_000)
    const late = world.tried.filter((at) => at > 70_000 && at <= 120_000)
    expect(late.length).toBeGreaterThanOrEqual(9)
    expect(late.length).toBeLessThanOrEqual(11)
  })
})

describe("while the server answers", () => {
  test("attempts go straight through, side by side", async () => {
    const world = gated({ down: false })
    const slow = latch()
    world.answer = () => slow.promise
    const three = [world.pass(), world.pass(), world.pass()]
    expect(world.under).toBe(3)
    slow.open()
    expect(await Promise.all(three)).toEqual(["connected", "connected", "connected"])
  })

  test("several that fail together are one failure", async () => {
    const world = gated()
    await Promise.all([1, 2, 3, 4, 5].map(() => failureOf(world.pass())))
    const next = failureOf(world.pass())
    await world.clock.pass(100)
    await next
    expect(world.tried.slice(5)).toEqual([100])
  })
})

describe("while it does not", () => {
  test("all who wait share one attempt, and its failure", async () => {
    const world = gated()
    await failureOf(world.pass())
    const waiting = Array.from({ length: 20 }, () => failureOf(world.pass()))
    await world.clock.pass(100)
    const failures = await Promise.all(waiting)
    expect(new Set(failures).size).toBe(1)
    expect(failures[0]).toMatchObject({ code: "ECONNREFUSED" })
    expect(world.tried).toEqual([0, 100])
  })

  test("as soon as one attempt succeeds, all who wait make theirs", async () => {
    const world = gated()
    await failureOf(world.pass())
    world.down = false
    const waiting = Array.from({ length: 20 }, () => world.pass())
    await world.clock.pass(100)
    expect(await Promise.all(waiting)).toEqual(Array(20).fill("connected"))
    expect(world.tried).toEqual([0, ...Array(20).fill(100)])
    expect(world.gate.failing).toBe(false)
    world.down = true
    await failureOf(world.pass())
    const again = failureOf(world.pass())
    await world.clock.pass(100)
    await again
    expect(world.tried.at(-1)).toBe(200)
  })

  test("a caller's abort is its own, and the next in line makes the attempt", async () => {
    const world = gated()
    await failureOf(world.pass())
    const leaving = new AbortController()
    const slow = latch()
    world.answer = () =>
      Promise.race([slow.promise, new Promise((_, no) => leaving.signal.addEventListener("abort", no))])
    const [first, second] = [failureOf(world.pass(leaving.signal)), world.pass()]
    await world.clock.pass(100)
    expect(world.tried).toEqual([0, 100])
    world.answer = undefined
    world.down = false
    leaving.abort(new Error("left"))
    await first
    expect(world.gate.failing).toBe(true)
    await world.clock.pass(100)
    expect(await second).toBe("connected")
    expect(world.tried).toEqual([0, 100, 200])
  })

  test("who leaves while waiting is told at once, and tries nothing", async () => {
    const world = gated()
    await failureOf(world.pass())
    const leaving = new AbortController()
    const waiting = failureOf(world.pass(leaving.signal))
    leaving.abort(new Error("left"))
    expect((await waiting).message).toBe("left")
    expect(world.clock.sleeping).toBe(0)
    await world.clock.pass(1_000)
    expect(world.tried).toEqual([0])
  })

  test("an attempt that began before the failure of another one, and succeeds, changes nothing", async () => {
    const world = gated()
    const slow = latch()
    world.answer = () => slow.promise
    const early = world.pass()
    world.answer = undefined
    await failureOf(world.pass())
    slow.open()
    expect(await early).toBe("connected")
    expect(world.gate.failing).toBe(true)
  })

  test("a connect that takes too long counts as one that fails", async () => {
    const world = gated()
    world.answer = () => Promise.reject(new TimeoutError("too long"))
    await failureOf(world.pass())
    expect(world.gate.failing).toBe(true)
  })

  test("what was seen long ago is forgotten", async () => {
    const world = gated()
    await failureOf(world.pass())
    await world.clock.pass(61_000)
    expect(await failureOf(world.pass())).toMatchObject({ code: "ECONNREFUSED" })
    const soon = failureOf(world.pass())
    await world.clock.pass(100)
    expect(await soon).toMatchObject({ code: "ECONNREFUSED" })
  })

  test("another server is tried at once", async () => {
    const world = gated()
    await failureOf(world.pass())
    world.gate.forget()
    world.down = false
    expect(await world.pass()).toBe("connected")
  })
})

describe("when it has been failing for 10 s", () => {
  test("callers fail at once, with since when and until when, and one makes the next attempt", async () => {
    const world = gated()
    await hammer(world, 1, 11_000)
    const before = world.tried.length
    const began = Date.now()
    const told = await failureOf<UnavailableError>(async () => {
      for (;;)
        await world.pass().catch((error: Error) => (error instanceof UnavailableError ? Promise.reject(error) : 0))
    })
    expect(told).toMatchObject({ name: "UnavailableError", code: "UNAVAILABLE", connection: "pets" })
    expect(told.cause).toMatchObject({ message: "connect ECONNREFUSED", code: "ECONNREFUSED" })
    expect(told.attempts).toBeGreaterThanOrEqual(before)
    expect(told.since.getTime()).toBeLessThan(began - 10_000)
    expect(told.retryAt.getTime()).toBeGreaterThanOrEqual(began)
    expect(told.retryAt.getTime()).toBeLessThan(began + 5_000)
    expect(told.message).toContain(`out of reach since ${told.since.toISOString()}`)
    expect(told.hint).toContain(told.retryAt.toISOString())
    world.down = false
    await world.clock.pass(1_000)
    expect(await world.pass()).toBe("connected")
    expect(await world.pass()).toBe("connected")
  })

  test("nobody waits for the attempt of another", async () => {
    const world = gated()
    await hammer(world, 1, 11_000)
    await world.clock.pass(5_000)
    const slow = latch()
    world.answer = () => slow.promise
    const trying = world.pass()
    expect(await failureOf(world.pass())).toBeInstanceOf(UnavailableError)
    slow.open()
    expect(await trying).toBe("connected")
  })
})

describe("a refusal is an answer", () => {
  test("it is not waited for, and those who come while it is under way share it", async () => {
    const world = gated()
    const slow = latch()
    world.answer = () => Promise.reject(wrongPassword)
    expect(await failureOf(world.pass())).toBe(wrongPassword)
    expect(world.gate.failing).toBe(false)
    world.answer = () => slow.promise
    const [first, second] = [failureOf(world.pass()), failureOf(world.pass())]
    await world.clock.pass(0)
    expect(world.tried).toEqual([0, 0])
    slow.fail(wrongPassword)
    expect(await Promise.all([first, second])).toEqual([wrongPassword, wrongPassword])
    expect(world.tried).toEqual([0, 0])
  })

  test("what one is told of its password says nothing to who has another (R17)", async () => {
    const world = gated()
    const slow = latch()
    const [older, newer] = [{}, {}]
    world.gate.doubt()
    world.answer = () => slow.promise
    const first = [failureOf(world.pass(undefined, older)), failureOf(world.pass(undefined, older))]
    const second = world.pass(undefined, newer)
    await world.clock.pass(0)
    expect(world.tried).toEqual([0])
    world.answer = () => Promise.resolve()
    slow.fail(wrongPassword)
    expect(await Promise.all(first)).toEqual([wrongPassword, wrongPassword])
    expect(await second).toBe("connected")
  })

  test("who waits while another is refused makes an attempt of its own", async () => {
    const world = gated()
    await failureOf(world.pass())
    const [older, newer] = [{}, {}]
    world.answer = () => Promise.reject(wrongPassword)
    const first = failureOf(world.pass(undefined, older))
    const second = world.clock.sleep(1).then(() => world.pass(undefined, newer))
    void first.then(() => (world.answer = () => Promise.resolve()))
    await world.clock.pass(200)
    expect(await first).toBe(wrongPassword)
    expect(await second).toBe("connected")
  })

  test("a server that cannot be reached cannot be reached by anybody", async () => {
    const world = gated()
    const slow = latch()
    world.gate.doubt()
    world.answer = () => slow.promise
    const both = [failureOf(world.pass(undefined, {})), failureOf(world.pass(undefined, {}))]
    await world.clock.pass(0)
    const failure = refused()
    slow.fail(failure)
    expect(await Promise.all(both)).toEqual([failure, failure])
    expect(world.tried).toEqual([0])
  })

  test("a server that refuses is up", async () => {
    const world = gated()
    await failureOf(world.pass())
    world.answer = () => Promise.reject(wrongPassword)
    const told = failureOf(world.pass())
    await world.clock.pass(100)
    expect(await told).toBe(wrongPassword)
    expect(world.gate.failing).toBe(false)
  })
})

test("with reason to doubt, one goes ahead and the others follow", async () => {
  const world = gated({ down: false })
  const slow = latch()
  world.answer = () => slow.promise
  world.gate.doubt()
  const three = [world.pass(), world.pass(), world.pass()]
  const arrived = settledFlag(three[1]!)
  await world.clock.pass(0)
  expect([world.under, arrived()]).toEqual([1, false])
  slow.open()
  await Promise.all(three)
  expect(world.mostUnder).toBe(2)
})
