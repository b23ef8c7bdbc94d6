import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest"
import { createCacheData } from "../../src/cache/cache-data.ts"
import { sessionScope } from "../../src/cache/services.ts"
import { isMooringError } from "../../src/errors.ts"
import { Frozen, makeServices, session } from "./services.ts"

function setup(folder?: string) {
  const services = makeServices(folder)
  return { ...services, cacheData: createCacheData(() => services) }
}

const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" })

describe("cacheData", () => {
  it("B25 caches by typed arguments, for ever without a ttl", async () => {
    const { cacheData, clock } = setup()
    const fn = vi.fn(async (a: unknown) => typeof a)
    const cached = cacheData(fn)
    for (const value of [1, "1", true, 1n, null, { a: 1 }, [1], new Date(1)]) {
      expect(await cached(value)).toBe(typeof value)
      clock.advance(1e12)
      await cached(value)
    }
    await cached({ a: 1 })
    expect(fn).toHaveBeenCalledTimes(8)
  })

  it("takes its types from the function, sync or async, and keeps its name", async () => {
    const { cacheData } = setup()
    const double = cacheData(function double(n: number) {
      return n * 2
    })
    expectTypeOf(double).parameters.toEqualTypeOf<[number]>()
    expectTypeOf(double).returns.resolves.toEqualTypeOf<number>()
    expect(await double(2)).toBe(4)
    expect(double.name).toBe("double")
  })

  it("B20 B43 shares one execution among concurrent calls, and never keeps a failure", async () => {
    const { cacheData } = setup()
    let fail = true
    const fn = vi.fn(async () => {
      if (fail) throw new Error("no")
      return [1]
    })
    const cached = cacheData(fn)
    const calls = await Promise.allSettled(Array.from({ length: 100 }, () => cached()))
    expect(calls.every((call) => call.status === "rejected")).toBe(true)
    expect(fn).toHaveBeenCalledTimes(1)
    fail = false
    expect(await cached()).toEqual([1])
    const throwing = cacheData(() => {
      throw new Error("at once")
    })
    await expect(throwing()).rejects.toThrow("at once")
  })

  it("honours ttl, and shares without storing at 0", async () => {
    const { cacheData, clock } = setup()
    const fn = vi.fn(async () => 1)
    const minute = cacheData(fn, { ttl: "1m" })
    await minute()
    clock.advance(60_000)
    await minute()
    expect(fn).toHaveBeenCalledTimes(1)
    clock.advance(1)
    await minute()
    expect(fn).toHaveBeenCalledTimes(2)
    const none = cacheData(fn, { ttl: 0 })
    await Promise.all([none(), none()])
    await none()
    expect(fn).toHaveBeenCalledTimes(4)
  })

  it("B32 gives each caller a copy, and shares tables", async () => {
    const { cacheData } = setup()
    const mine = { rows: [3, 1, 2], table: new Frozen("t") }
    const cached = cacheData(async () => mine)
    const [a, b] = await Promise.all([cached(), cached()])
    a!.rows.sort()
    mine.rows.push(9)
    const c = await cached()
    expect([b!.rows, c.rows]).toEqual([
      [3, 1, 2],
      [3, 1, 2],
    ])
    expect(a!.table).toBe(mine.table)
    expect(c.table).toBe(mine.table)
  })

  it("refuses results and arguments that it cannot keep apart, with a remedy", async () => {
    const { cacheData } = setup()
    class Pet {}
    const pets = cacheData(function pets(_: unknown) {
      return new Pet()
    })
    const result = await pets(1).catch((error) => error)
    expect(isMooringError(result, "CACHE")).toBe(true)
    expect(result.hint).toContain("cacheResource")
    const argument = await pets(new Pet()).catch((error) => error)
    expect(argument.message).toContain("pets was called with")
    expect(argument.message).toContain("instance of Pet, found at value[0]")
    expect(argument.hint).toContain("keyOf")
  })

  it("lets keyOf pick what of the arguments counts", async () => {
    const { cacheData } = setup()
    const fn = vi.fn((client: { fetch(): number }, day: string) => `${day} ${client.fetch()}`)
    const cached = cacheData(fn, { keyOf: (_, day) => day })
    expect(await cached({ fetch: () => 1 }, "mon")).toBe("mon 1")
    expect(await cached({ fetch: () => 2 }, "mon")).toBe("mon 1")
    expect(await cached({ fetch: () => 2 }, "tue")).toBe("tue 2")
  })

  it("clears one result or all of them, at once", async () => {
    const { cacheData } = setup()
    let n = 0
    const cached = cacheData(async (id: string) => `${id}${++n}`)
    const both = async () => [await cached("a"), await cached("b")]
    expect(await both()).toEqual(["a1", "b2"])
    void cached.clear("a")
    expect(await both()).toEqual(["a3", "b2"])
    void cached.clear()
    expect(await both()).toEqual(["a4", "b5"])
  })

  it("bounds its results by number and bytes, apart from others", async () => {
    const { cacheData, cache } = setup()
    const fn = vi.fn(async (id: number) => `${id}`)
    const few = cacheData(fn, { maxEntries: 2 })
    const other = cacheData(async (id: number) => id)
    await other(1)
    for (const id of [1, 2, 3, 3, 2, 1]) await few(id)
    expect(fn).toHaveBeenCalledTimes(4)
    expect(cache.stats()).toMatchObject({ entries: 3, evictions: 2 })
    const small = cacheData(async () => "x".repeat(1_000), { maxBytes: 100 })
    await small()
    expect(cache.stats().entries).toBe(3)
    expect(() => cacheData(fn, { maxEntries: -1 })).toThrow("maxEntries -1")
    expect(() => cacheData(fn, { maxBytes: Number.NaN })).toThrow("maxBytes NaN")
    expect(() => cacheData(fn, { ttl: "soon" })).toThrow("ttl")
  })

  it("B40 R21 serves stale while it revalidates, and when the source cannot be reached", async () => {
    const { cacheData, clock, cache } = setup()
    let answer: () => string = () => "one"
    const cached = cacheData(async () => answer(), { ttl: 10, staleWhileRevalidate: 5, staleIfError: 20 })
    await cached()
    clock.advance(15_000)
    answer = () => "two"
    expect(await cached()).toBe("one")
    await vi.waitFor(() => expect(cache.stats().stored).toBe(2))
    expect(await cached()).toBe("two")
    clock.advance(30_000)
    answer = () => {
      throw new TypeError("fetch failed", { cause: refused })
    }
    expect(await cached()).toBe("two")
    answer = () => {
      throw new Error("permission denied")
    }
    await expect(cached()).rejects.toThrow("permission denied")
    clock.advance(1)
    answer = () => {
      throw refused
    }
    await expect(cached()).rejects.toBe(refused)
  })

  it("asks validate before each use", async () => {
    const { cacheData } = setup()
    let n = 0
    const cached = cacheData(async () => ({ n: ++n }), { validate: ({ n }) => n !== 1 })
    expect(await cached()).toEqual({ n: 1 })
    expect(await cached()).toEqual({ n: 2 })
    expect(await cached()).toEqual({ n: 2 })
  })

  it("keeps functions apart: by object without a key, by key and text with one", async () => {
    const { cacheData } = setup()
    const make = (answer: string) => async () => answer
    expect(await cacheData(make("a"))()).toBe("a")
    expect(await cacheData(make("b"))()).toBe("b")
    // As after a hot reload: the same text under the same key.
    expect(await cacheData(make("a"), { key: "k" })()).toBe("a")
    expect(await cacheData(make("b"), { key: "k" })()).toBe("a")
    expect(await cacheData(async () => "edited", { key: "k" })()).toBe("edited")
    expect(await cacheData(make("b"), { key: "other" })()).toBe("b")
  })

  it("keeps sessions apart, and forgets one that ends", async () => {
    const { cacheData, cache } = setup()
    const cached = cacheData(async () => session.getStore(), { scope: "session" })
    const as = (id: string) => session.run(id, () => cached())
    expect([await as("ada"), await as("bob"), await as("ada")]).toEqual(["ada", "bob", "ada"])
    expect(cache.stats()).toMatchObject({ entries: 2, hits: 1 })
    await cache.invalidate({ scope: sessionScope("ada") })
    expect(cache.stats().entries).toBe(1)
    const outside = await cached().catch((error) => error)
    expect(isMooringError(outside, "NO_SESSION")).toBe(true)
  })

  it("does not let a function that is cached for all see one session", async () => {
    const { cacheData } = setup()
    const cached = cacheData(async () => session.getStore() ?? "none")
    expect(await session.run("ada", () => cached())).toBe("none")
  })
})

describe('cacheData with persist: "disk"', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "mooring-data-"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const make = (n: { calls: number }) => async (id: string) => ({
    id,
    calls: ++n.calls,
    at: new Date(0),
    t: new Frozen(id),
  })

  it("B32 B33 finds results after a restart, and honours ttl", async () => {
    const n = { calls: 0 }
    const first = setup(folder)
    const value = await first.cacheData(make(n), { persist: "disk", key: "k", ttl: 60 })("a")
    expect(value).toEqual({ id: "a", calls: 1, at: new Date(0), t: new Frozen("a") })
    const second = setup(folder)
    second.clock.time = first.clock.time + 60_000
    const again = second.cacheData(make(n), { persist: "disk", key: "k", ttl: 60 })
    expect(await again("a")).toEqual(value)
    second.clock.advance(1)
    expect((await again("a")).calls).toBe(2)
  })

  it("clears for other processes too", async () => {
    const n = { calls: 0 }
    const here = setup(folder).cacheData(make(n), { persist: "disk", key: "k" })
    const there = setup(folder).cacheData(make(n), { persist: "disk", key: "k" })
    await here("a")
    await here("b")
    await there.clear("a")
    expect((await here("a")).calls).toBe(3)
    expect((await here("b")).calls).toBe(2)
    await there.clear()
    expect((await here("b")).calls).toBe(4)
  })

  it("answers although the disk cannot be used", async () => {
    const { cacheData, events } = setup(join(folder, "file"))
    await import("node:fs/promises").then(({ writeFile }) => writeFile(join(folder, "file"), "in the way"))
    const cached = cacheData(make({ calls: 0 }), { persist: "disk", key: "k" })
    expect((await cached("a")).calls).toBe(1)
    expect(events.filter((event) => event.type === "error").length).toBe(1)
  })

  it("writes no argument or result name into file names", async () => {
    const cached = setup(folder).cacheData(make({ calls: 0 }), { persist: "disk", key: "canary" })
    await cached("canary")
    const names = await readdir(folder, { recursive: true })
    expect(names.join("\n")).not.toContain("canary")
    const files = names.filter((name) => name.includes("entries") && name.includes("."))
    expect(files.length).toBe(1)
    expect(await readFile(join(folder, files[0]!), "latin1")).toContain("frozen@1")
  })

  it("needs a key, and no session", () => {
    const { cacheData } = setup(folder)
    expect(() => cacheData(async function rates() {}, { persist: "disk" })).toThrow(
      "cacheData(rates) has persist but no key.",
    )
    expect(() => cacheData(async () => 1, { persist: "disk", key: "k", scope: "session" })).toThrow('scope "session"')
  })
})
