import fc from "fast-check"
import { expect, test } from "vitest"
import { Lifecycle } from "../../src/core/lifecycle.ts"
import { failureOf, gate, pause, settledFlag, until } from "../support/waiting.ts"

/** A raw connection that knows what was done to it. */
class Fake {
  readonly number: number
  releases = 0
  constructor(number: number) {
    this.number = number
  }
}

/** A lifecycle over fakes, and all that were made. */
function faked(connect?: (signal: AbortSignal, number: number) => Promise<void>) {
  const made: Fake[] = []
  let attempts = 0
  let under = 0
  const life = new Lifecycle<Fake>({
    name: "pets",
    async connect(signal) {
      const number = ++attempts
      under++
      try {
        await connect?.(signal, number)
      } finally {
        under--
      }
      const fake = new Fake(number)
      made.push(fake)
      return fake
    },
    async disconnect(fake) {
      await undefined
      fake.releases++
    },
  })
  return {
    life,
    made,
    get attempts() {
      return attempts
    },
    get under() {
      return under
    },
  }
}

type Step =
  | { readonly do: "use" | "retire"; readonly ticks: number }
  | { readonly do: "failing"; readonly ticks: number }
  | { readonly do: "aborted"; readonly ticks: number }
  | { readonly do: "resetInside" | "reset" | "close" | "connected"; readonly ticks: number }

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    "use",
    "use",
    "use",
    "retire",
    "failing",
    "aborted",
    "resetInside",
    "reset",
    "connected",
    "close",
  ),
  ticks: fc.integer({ min: 0, max: 4 }),
})

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await undefined
  if (count === 4) await new Promise((resolve) => setImmediate(resolve))
}

test("every raw connection is released exactly once, and none is used after its release", async () => {
  const connects = fc.array(fc.record({ ticks: fc.integer({ min: 0, max: 4 }), fails: fc.boolean() }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), connects, async (steps, plans) => {
      const world = faked(async (_signal, number) => {
        const plan = plans[number % Math.max(1, plans.length)]
        await ticks(plan?.ticks ?? 1)
        if (plan?.fails) throw new Error("refused")
      })
      const { life, made } = world
      const inUse = new Map<Fake, number>()
      const used = (fake: Fake, change: number) => inUse.set(fake, (inUse.get(fake) ?? 0) + change)
      const running: Promise<unknown>[] = []
      const begin = (work: Promise<unknown>) => {
        work.catch(() => undefined)
        running.push(work)
      }
      for (const { do: what, ticks: wait } of steps) {
        await ticks(wait)
        if (what === "reset") begin(life.reset(10_000))
        else if (what === "close") begin(life.close(10_000))
        else if (what === "connected") begin(life.connected())
        else {
          const abort = new AbortController()
          const work = life.use(
            async (lease) => {
              used(lease.raw, 1)
              try {
                expect(lease.raw.releases).toBe(0)
                await ticks(wait)
                expect(lease.raw.releases).toBe(0)
                if (what === "retire") lease.retire()
                if (what === "resetInside") await life.reset(10_000)
                if (what === "failing") throw new Error("work failed")
                expect(lease.raw.releases).toBe(0)
              } finally {
                used(lease.raw, -1)
              }
            },
            { signal: abort.signal },
          )
          begin(work)
          if (what === "aborted") abort.abort(new Error("left"))
        }
      }
      const results = await Promise.allSettled(running)
      const broken = results.filter((result) => result.status === "rejected" && result.reason.name === "AssertionError")
      expect(broken).toEqual([])
      await life.close(10_000)
      // These fakes do not listen to their signal: what was called off arrives late.
      await until(() => world.under === 0)
      await ticks(4)
      expect(made.map(({ releases }) => releases)).toEqual(made.map(() => 1))
      expect([...inUse.values()].every((count) => count === 0)).toBe(true)
    }),
    { numRuns: 1000, timeout: 8000 },
  )
})

test("a reset inside its own lease does not wait for itself, but for others", async () => {
  const { life, made } = faked()
  const [begun, end] = [gate(), gate()]
  const other = life.use(async () => {
    begun.open()
    await end.promise
  })
  await begun.promise
  const inside = life.use(async () => {
    const reset = life.reset(10_000)
    const isReset = settledFlag(reset)
    await pause(20)
    expect(isReset()).toBe(false)
    end.open()
    await reset
  })
  await Promise.all([inside, other])
  await until(() => made[0]!.releases === 1)
})

test("a reset inside a lease that has ended meanwhile waits for those of others", async () => {
  const { life } = faked()
  const [ended, end] = [gate(), gate()]
  let late: Promise<void> | undefined
  await life.use(() => {
    late = ended.promise.then(() => life.reset(10_000))
  })
  const other = life.use(() => end.promise)
  await pause(5)
  ended.open()
  const isReset = settledFlag(late!)
  await pause(20)
  expect(isReset()).toBe(false)
  end.open()
  await Promise.all([other, late])
})

test("users that all reset from inside do not wait for each other", async () => {
  const { life, made } = faked()
  await Promise.all(Array.from({ length: 20 }, () => life.use(() => life.reset(60_000))))
  await until(() => made.every(({ releases }) => releases === 1))
})

test("leases that are taken while holding are not waited for from inside", async () => {
  const { life, made } = faked()
  await life.holding(async () => {
    const lease = await life.acquire()
    await life.reset(10_000)
    expect(made[0]!.releases).toBe(0)
    lease.release()
  })
  await until(() => made[0]!.releases === 1)
})

test("at the timeout users are cut off, and the raw connection is released under them", async () => {
  const { life, made } = faked()
  const cut = failureOf(life.use(({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", reject))))
  const deaf = failureOf(life.use(() => new Promise(() => undefined)))
  await until(() => made.length === 1)
  await life.reset(50)
  expect(made[0]!.releases).toBe(1)
  expect(await cut).toMatchObject({ code: "ABORTED", connection: "pets" })
  expect(await deaf).toMatchObject({ code: "ABORTED" })
  await life.use(({ raw }) => expect(raw.number).toBe(2))
})

test("a reset has its deadline also where _connect never settles and never listens", async () => {
  const never = faked(() => new Promise(() => undefined))
  const waiting = failureOf(never.life.use(() => undefined))
  await until(() => never.attempts === 1)
  await never.life.reset(50)
  expect(await waiting).toMatchObject({ code: "ABORTED" })
})

test("a reset has its deadline also where _disconnect never settles", async () => {
  const life = new Lifecycle<number>({
    name: "pets",
    connect: async () => 1,
    disconnect: () => new Promise(() => undefined),
  })
  await life.connected()
  await life.reset(50)
})

test("one waiter's abort is its own; the attempt goes on for the others", async () => {
  const opened = gate()
  const world = faked(() => opened.promise)
  const abort = new AbortController()
  const [leaving, staying] = [world.life.acquire(abort.signal), world.life.acquire()]
  const reason = new Error("enough")
  abort.abort(reason)
  expect(await failureOf(leaving)).toBe(reason)
  opened.open()
  expect((await staying).raw).toBe(world.made[0])
  expect(world.attempts).toBe(1)
})

test("an attempt that all have left is called off, its late connection is released, and the next caller tries afresh", async () => {
  const opened = [gate(), gate()]
  const signals: AbortSignal[] = []
  const world = faked((signal, number) => {
    signals.push(signal)
    return opened[number - 1]!.promise
  })
  const abort = new AbortController()
  const leaving = [world.life.acquire(abort.signal), world.life.connected(abort.signal)].map((one) => failureOf(one))
  await until(() => signals.length === 1)
  abort.abort(new Error("enough"))
  await Promise.all(leaving)
  expect(signals[0]!.aborted).toBe(true)
  const next = world.life.acquire()
  opened[1]!.open()
  expect((await next).raw.number).toBe(2)
  opened[0]!.open()
  await until(() => world.made.length === 2)
  await until(() => world.made.find(({ number }) => number === 1)!.releases === 1)
  expect(world.made.find(({ number }) => number === 2)!.releases).toBe(0)
})

test("a failure reaches all who share the attempt and is forgotten", async () => {
  const world = faked(async (_, number) => {
    if (number === 1) throw new Error("refused")
  })
  const failures = await Promise.all([failureOf(world.life.connected()), failureOf(world.life.acquire())])
  expect(failures[0]).toBe(failures[1])
  expect((await world.life.connected()).number).toBe(2)
})

test("a lease is released once, however often it is told", async () => {
  const { life, made } = faked()
  const [lease, other] = [await life.acquire(), await life.acquire()]
  lease.release()
  lease.release()
  const reset = life.reset(10_000)
  await pause(10)
  expect(made[0]!.releases).toBe(0)
  other.release()
  await reset
  expect(made[0]!.releases).toBe(1)
})

test("after close() everything is refused", async () => {
  const { life, attempts } = faked()
  await life.close(1_000)
  for (const use of [() => life.connected(), () => life.acquire(), () => life.use(() => 1)]) {
    expect(await failureOf(use)).toMatchObject({ code: "CLOSED", hint: expect.stringContaining('connection("pets")') })
  }
  await life.reset(1_000)
  expect(attempts).toBe(0)
})
