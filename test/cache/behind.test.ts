import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import type { CacheRange, CacheStore, Entry } from "../../src/cache/contract.ts"
import { DiskStore } from "../../src/cache/disk.ts"
import type { CacheEvent } from "../../src/cache/events.ts"
import type { ReadOptions } from "../../src/cache/read-options.ts"
import { sleep } from "../../src/util/abort.ts"
import { Clock, keyOf, Work } from "./support.ts"
import { textCodec } from "./text-codec.ts"

const clock = new Clock()
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mooring-behind-"))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** One process: a cache of its own over a store of its own. */
function processWith(store: CacheStore = new DiskStore({ folder, now: clock.now })) {
  const events: CacheEvent[] = []
  const cache = new Cache({ now: clock.now, onEvent: (event) => events.push(event) })
  let executions = 0
  const options = (more: Partial<ReadOptions<unknown>>): ReadOptions<unknown> => ({
    ttl: 1_000,
    sizeOf: () => 10,
    codec: textCodec,
    store,
    ...more,
  })
  const read = (name: string, more: Partial<ReadOptions<unknown>> = {}, id = "a") =>
    cache.read(keyOf(id), options(more), async () => `${name}${++executions}`)
  return { cache, events, read, options, store, executions: () => executions }
}

/** A store in memory that fails and waits when it is told. */
class FaultyStore implements CacheStore {
  readonly name = "faulty"
  readonly inProcess = false
  readonly entries = new Map<string, Entry<unknown>>()
  readonly asked: string[] = []
  epochs = 0
  failing = new Set<string>()
  delay = 0

  async #fault(operation: string): Promise<void> {
    this.asked.push(operation)
    if (this.delay > 0) await sleep(this.delay)
    if (this.failing.has(operation)) throw new Error(`${operation} failed`)
  }

  async get<V>({ id }: { id: string }): Promise<Entry<V> | undefined> {
    await this.#fault("get")
    return this.entries.get(id) as Entry<V> | undefined
  }

  async set<V>({ id }: { id: string }, entry: Entry<V>): Promise<void> {
    await this.#fault("set")
    this.entries.set(id, entry)
  }

  async epoch(): Promise<string> {
    await this.#fault("epoch")
    return String(this.epochs)
  }

  async invalidate(_: CacheRange): Promise<void> {
    await this.#fault("invalidate")
    this.epochs++
  }

  stats() {
    return { entries: this.entries.size, bytes: 0, evictions: 0 }
  }

  clear(): void {
    this.entries.clear()
  }
}

describe("Cache with a store behind", () => {
  it("finds in another process what one has stored, with its age", async () => {
    expect(await processWith().read("x")).toBe("x1")
    clock.advance(1_000)
    const other = processWith()
    expect(await other.read("y")).toBe("x1")
    expect(other.events).toEqual([{ type: "hit", key: keyOf("a"), age: 1_000 }])
    clock.advance(1)
    expect(await other.read("y")).toBe("y1")
  })

  it("B33 stores for as long as its writer could use it, stale windows included", async () => {
    const options = { ttl: 1_000, staleIfError: 500 }
    await processWith().read("x", options)
    clock.advance(1_500)
    const down = new Error("down")
    const failing = () => {
      const { cache, options: all } = processWith()
      const mayServeStaleOn = (error: unknown) => error === down
      return cache.read(keyOf("a"), all({ ...options, mayServeStaleOn }), async () => {
        throw down
      })
    }
    expect(await failing()).toBe("x1")
    clock.advance(1)
    await expect(failing()).rejects.toBe(down)
  })

  it("sees another process's invalidation, also for what it holds in memory", async () => {
    const here = processWith()
    const there = processWith()
    await here.read("x")
    expect(await here.read("x")).toBe("x1")
    await there.cache.invalidate({ scope: "db" }, [there.store])
    expect(await here.read("x")).toBe("x2")
    expect(await there.read("y")).toBe("x2")
  })

  it("gives the object in memory, not a new one, while its epoch is the same", async () => {
    const { cache, options } = processWith()
    const first = await cache.read(keyOf("a"), options({}), async () => ({ rows: 1 }))
    expect(await cache.read(keyOf("a"), options({}), async () => ({ rows: 2 }))).toBe(first)
  })

  it("takes another process's newer entry when its own is too old", async () => {
    const here = processWith()
    const there = processWith()
    await here.read("old")
    clock.advance(800)
    await there.read("new", { ttl: 500 })
    clock.advance(300)
    expect(await here.read("old")).toBe("new1")
  })

  it("R18 looks up once for 10,000 equal concurrent calls, and executes once", async () => {
    const store = new FaultyStore()
    const { read, executions } = processWith(store)
    store.delay = 5
    const answers = await Promise.all(Array.from({ length: 10_000 }, () => read("x")))
    expect(new Set(answers)).toEqual(new Set(["x1"]))
    expect(executions()).toBe(1)
    expect(store.asked).toEqual(["epoch", "get", "set"])
  })

  it("does not store what an invalidation overtook, also while the store writes", async () => {
    const { cache, options, store } = processWith()
    const work = new Work<unknown>()
    const reading = cache.read(keyOf("a"), options({}), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    work.finish("old")
    await Promise.all([reading, cache.invalidate({ scope: "db" })])
    expect(await store.get(keyOf("a"), textCodec)).toBeUndefined()
    expect(await processWith().read("new")).toBe("new1")
  })

  it("reads nothing old while an invalidation is on its way to the store", async () => {
    const store = new FaultyStore()
    const { cache, read } = processWith(store)
    await read("old")
    store.delay = 20
    const invalidating = cache.invalidate({ scope: "db" })
    expect(await read("new")).toBe("new2")
    await invalidating
    expect(await read("new")).toBe("new2")
  })

  it("takes a failing store for a miss and reports it once", async () => {
    const store = new FaultyStore()
    const { read, events } = processWith(store)
    const errors = () => events.filter((event) => event.type === "error")
    for (const operation of ["epoch", "get", "set"]) store.failing.add(operation)
    for (let at = 1; at <= 5; at++) expect(await read("x")).toBe(`x${at}`)
    expect(errors()).toMatchObject([{ store: "faulty", operation: "get", error: { message: "epoch failed" } }])
    store.failing.clear()
    expect(await read("x")).toBe("x6")
    expect(await read("x")).toBe("x6")
    store.failing.add("epoch")
    await read("x")
    expect(errors().length).toBe(2)
  })

  it("never reads an old entry from a store that could not be told of an invalidation", async () => {
    const store = new FaultyStore()
    const { cache, read, events } = processWith(store)
    await read("x")
    store.failing.add("invalidate")
    await cache.invalidate({ scope: "db", group: "select 1" })
    expect(await read("x")).toBe("x2")
    expect(await read("x")).toBe("x3")
    expect(events.filter((event) => event.type === "error").length).toBe(1)
    store.failing.clear()
    expect(await read("x")).toBe("x4")
    expect(await read("x")).toBe("x4")
    expect(store.epochs).toBe(1)
  })

  it("lets a caller leave a store that does not answer", async () => {
    const store = new FaultyStore()
    store.delay = 60_000
    const { read } = processWith(store)
    const caller = new AbortController()
    const reading = [read("x", { signal: caller.signal }), read("x", { signal: caller.signal, fresh: true })]
    caller.abort("left")
    for (const one of reading) await expect(one).rejects.toBe("left")
  })

  it("fresh: true replaces what is behind", async () => {
    const here = processWith()
    await here.read("x")
    expect(await here.read("x", { fresh: true })).toBe("x2")
    expect(await processWith().read("y")).toBe("x2")
  })

  it("stores behind what is too large for memory", async () => {
    const { cache, options } = processWith()
    const memory = cache.memory({ maxBytes: 5 })
    await cache.read(keyOf("a"), options({ memory }), async () => "large")
    expect(cache.stats()).toMatchObject({ entries: 0, stored: 1 })
    expect(await processWith().read("y")).toBe("large")
  })

  it("forgets everything on clear", async () => {
    const here = processWith()
    await here.read("x")
    await here.cache.clear()
    expect(await processWith().read("y")).toBe("y1")
  })
})
