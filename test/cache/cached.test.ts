import { AsyncLocalStorage } from "node:async_hooks"
import { describe, expect, it, vi } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import { down, setup, sizeOf } from "./setup.ts"
import { keyOf, Work } from "./support.ts"

describe("Cache: ages", () => {
  it("B25 takes ttl as the age that a caller accepts, not as part of the key", async () => {
    const { clock, read } = setup()
    expect(await read({ ttl: 1_000 })).toBe("#1")
    clock.advance(1_000)
    expect(await read({ ttl: 1_000 })).toBe("#1")
    clock.advance(1)
    expect(await read({ ttl: 3_600_000 })).toBe("#1")
    expect(await read({ ttl: 1_000 })).toBe("#2")
    expect(await read({ ttl: Number.POSITIVE_INFINITY })).toBe("#2")
  })

  it("B27 stores nothing at ttl 0, and does not read what others stored", async () => {
    const { cache, read } = setup()
    expect(await read({ ttl: 0 })).toBe("#1")
    expect(cache.stats().entries).toBe(0)
    expect(await read({ ttl: 1_000 })).toBe("#2")
    expect(await read({ ttl: 0 })).toBe("#3")
    expect(await read({ ttl: 1_000 })).toBe("#2")
  })

  it("counts age from when the execution began", async () => {
    const { clock, cache, options } = setup()
    const work = new Work<string>()
    const first = cache.read(keyOf("a"), options({ ttl: 100 }), work.run)
    clock.advance(90)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    work.finish("slow")
    await first
    clock.advance(11)
    void cache.read(keyOf("a"), options({ ttl: 100 }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(2))
    work.finish("again", 1)
  })

  it("keeps values of different keys apart, whatever the keys hold", async () => {
    const { read } = setup()
    const keys = [keyOf("a", "b", "c"), keyOf("c", "b", "a"), keyOf("", "a", "b"), keyOf("1:a", "", "b")]
    const answers = []
    for (const key of keys) answers.push(await read({ ttl: 1_000 }, key))
    expect(new Set(answers).size).toBe(keys.length)
    for (const [at, key] of keys.entries()) expect(await read({ ttl: 1_000 }, key)).toBe(answers[at])
  })
})

describe("Cache: single flight", () => {
  it("B20 R18 answers 10,000 equal concurrent calls with one execution, whatever their ttl", async () => {
    const { cache } = setup()
    const work = new Work<object>()
    const calls = Array.from({ length: 10_000 }, (_, at) =>
      cache.read(keyOf("a"), { ttl: at % 3 ? 0 : 60_000, sizeOf }, work.run),
    )
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const answer = {}
    work.finish(answer)
    expect(new Set(await Promise.all(calls)).size).toBe(1)
    expect(work.executions).toBe(1)
    expect(cache.stats()).toMatchObject({ misses: 1, joined: 9_999, stored: 1, entries: 1 })
  })

  it("B20 R18 gives a failure to all and caches it for nobody", async () => {
    const { cache, failing, read, executions } = setup()
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => failing({ ttl: 1_000 })))
    expect(calls.every((call) => call.status === "rejected" && call.reason === down)).toBe(true)
    expect(executions()).toBe(1)
    expect(cache.stats().entries).toBe(0)
    expect(await read({ ttl: 1_000 })).toBe("#2")
  })

  it("R18 keeps each caller's abort its own, and cancels when the last one leaves", async () => {
    const { cache, options } = setup()
    const work = new Work<string>()
    const callers = [new AbortController(), new AbortController()]
    const calls = callers.map(({ signal }) => cache.read(keyOf("a"), options({ ttl: 1_000, signal }), work.run))
    await vi.waitFor(() => expect(work.executions).toBe(1))
    callers[0]!.abort("one")
    await expect(calls[0]).rejects.toBe("one")
    expect(work.signals[0]!.aborted).toBe(false)
    callers[1]!.abort("two")
    await expect(calls[1]).rejects.toBe("two")
    expect(work.signals[0]!.aborted).toBe(true)
    await expect(cache.read(keyOf("a"), options({ signal: AbortSignal.abort("early") }), work.run)).rejects.toBe(
      "early",
    )
    expect(work.executions).toBe(1)
  })

  it("runs for one caller alone with sharing: false", async () => {
    const { cache, read } = setup()
    await read({ ttl: 1_000 })
    const answers = await Promise.all([1, 2, 3].map(() => read({ ttl: 1_000, sharing: false })))
    expect(answers).toEqual(["#2", "#3", "#4"])
    expect(await read({ ttl: 1_000 })).toBe("#1")
    expect(cache.stats().entries).toBe(1)
  })

  it("runs executions outside of what belongs to their first caller", async () => {
    const lease = new AsyncLocalStorage<string | undefined>()
    const cache = new Cache({ detach: (work) => lease.run(undefined, work) })
    const seen = await lease.run("mine", () =>
      cache.read<string | undefined>(keyOf("a"), { ttl: 0, sizeOf }, () => lease.getStore()),
    )
    expect(seen).toBeUndefined()
  })
})

describe("Cache: epochs", () => {
  it("answers callers from before an invalidation, without storing or joining what they began", async () => {
    const { cache, options } = setup()
    const work = new Work<string>()
    const before = cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    await cache.invalidate({ scope: "db" })
    const after = cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(2))
    work.finish("new", 1)
    expect(await after).toBe("new")
    work.finish("old", 0)
    expect(await before).toBe("old")
    expect(await cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)).toBe("new")
  })

  it("invalidates at once, one entry, one group or the scope", async () => {
    const { cache, read } = setup()
    const keys = [keyOf("a"), keyOf("b"), keyOf("a", "select 2")]
    const all = async () => {
      const answers = []
      for (const key of keys) answers.push(await read({ ttl: 1_000 }, key))
      return answers
    }
    expect(await all()).toEqual(["#1", "#2", "#3"])
    void cache.invalidate(keyOf("a"))
    expect(await all()).toEqual(["#4", "#2", "#3"])
    void cache.invalidate({ scope: "db", group: "select 1" })
    expect(await all()).toEqual(["#5", "#6", "#3"])
    void cache.invalidate({ scope: "db" })
    expect(await all()).toEqual(["#7", "#8", "#9"])
  })

  it("fresh ignores what is stored or was begun earlier, and stores its result", async () => {
    const { cache, options, read } = setup()
    await read({ ttl: 1_000 }, keyOf("b"))
    expect(await read({ ttl: 1_000, fresh: true }, keyOf("b"))).toBe("#2")
    expect(await read({ ttl: 1_000 }, keyOf("b"))).toBe("#2")

    const work = new Work<string>()
    const early = cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const fresh = cache.read(keyOf("a"), options({ ttl: 1_000, fresh: true }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(2))
    const joining = cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)
    work.finish("fresh", 1)
    expect(await Promise.all([fresh, joining])).toEqual(["fresh", "fresh"])
    work.finish("early", 0)
    expect(await early).toBe("early")
    expect(await cache.read(keyOf("a"), options({ ttl: 1_000 }), work.run)).toBe("fresh")
    expect(work.executions).toBe(2)
  })
})

describe("Cache: values", () => {
  it("asks validate before each use and takes a throw as no", async () => {
    const { read } = setup()
    let good: () => boolean | Promise<boolean> = () => true
    const validate = () => good()
    await read({ ttl: 1_000, validate })
    expect(await read({ ttl: 1_000, validate })).toBe("#1")
    good = async () => false
    expect(await read({ ttl: 1_000, validate })).toBe("#2")
    good = () => {
      throw new Error("broken")
    }
    expect(await read({ ttl: 1_000, validate })).toBe("#3")
  })

  it("answers although a value cannot be sized, and reports it", async () => {
    const { read, events, cache } = setup()
    const sizeOf = () => {
      throw new Error("no size")
    }
    expect(await read({ ttl: 1_000, sizeOf })).toBe("#1")
    expect(events.at(-1)).toMatchObject({ type: "error", operation: "size" })
    expect(cache.stats().entries).toBe(0)
  })

  it("counts memories with bounds of their own, and invalidates them too", async () => {
    const { cache, read } = setup()
    const memory = cache.memory({ maxEntries: 1 })
    await read({ ttl: 1_000, memory }, keyOf("a"))
    await read({ ttl: 1_000, memory }, keyOf("b"))
    expect(cache.stats()).toMatchObject({ entries: 1, evictions: 1 })
    await cache.invalidate({ scope: "db" })
    expect(cache.stats().entries).toBe(0)
    await read({ ttl: 1_000, memory })
    await cache.clear()
    expect(cache.stats().entries).toBe(0)
  })

  it("tells an observer what happens", async () => {
    const { clock, events, cache, read } = setup()
    await read({ ttl: 1_000 })
    clock.advance(400)
    await read({ ttl: 1_000 })
    await cache.invalidate({ scope: "db" })
    expect(events.map((event) => event.type)).toEqual(["miss", "stored", "hit", "invalidated"])
    expect(events[2]).toEqual({ type: "hit", key: keyOf("a"), age: 400 })
  })
})
