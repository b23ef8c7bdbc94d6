import { afterEach, describe, expect, it, vi } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import type { CacheStore, Entry } from "../../src/cache/contract.ts"
import { MemoryStore } from "../../src/cache/memory.ts"
import { isCollected, memoryInUse } from "../support/gc.ts"
import { Clock, keyOf } from "./support.ts"
import { textCodec } from "./text-codec.ts"

afterEach(() => {
  vi.useRealTimers()
})

function put(store: MemoryStore, id: string, keepFor: number, group?: string): void {
  const key = keyOf(id, group)
  store.set(key, { value: id, storedAt: Date.now(), expiresAt: Infinity, epoch: "0", bytes: 1 }, keepFor)
}

describe("expired entries", () => {
  it("go in the background, those of each statement when nobody has a use for them", () => {
    vi.useFakeTimers()
    const store = new MemoryStore()
    put(store, "a", 50)
    put(store, "b", 60_000, "select 2")
    put(store, "c", Infinity, "select 3")
    vi.advanceTimersByTime(3_000)
    expect([store.get(keyOf("a")), store.stats().entries]).toEqual([undefined, 2])
    vi.advanceTimersByTime(70_000)
    expect(store.stats().entries).toBe(1)
    store.invalidate({ scope: "db" })
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0 })
  })

  it("stay for as long as any caller of the statement accepts", () => {
    vi.useFakeTimers()
    const store = new MemoryStore()
    put(store, "a", 50)
    store.get(keyOf("a"), 10_000)
    put(store, "b", 50)
    vi.advanceTimersByTime(9_000)
    expect(store.stats().entries).toBe(2)
    vi.advanceTimersByTime(3_000)
    expect(store.stats().entries).toBe(0)
  })

  it("go in parts that give way, however many there are", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] })
    const store = new MemoryStore()
    for (let at = 0; at < 20_000; at++) put(store, String(at), 10)
    vi.advanceTimersByTime(5_000)
    expect(store.stats()).toMatchObject({ entries: 0, bytes: 0 })
    // A pass that has ended begins again with the next entry.
    put(store, "later", 10)
    vi.advanceTimersByTime(5_000)
    expect(store.stats().entries).toBe(0)
  })

  it("do not keep a memory that nobody uses any more, nor does its timer", async () => {
    const make = () => {
      const store = new MemoryStore()
      put(store, "a", 3_600_000)
      return new WeakRef(store)
    }
    expect(await isCollected(make())).toBe(true)
  })
})

it("a memory of a function that is gone leaves nothing behind", async () => {
  const cache = new Cache()
  const make = () => new WeakRef(cache.memory({ maxEntries: 1 }))
  const before = await memoryInUse()
  for (let at = 0; at < 20_000; at++) make()
  expect(await isCollected(make())).toBe(true)
  // A weak reference and its place would be 90 bytes each.
  expect((await memoryInUse()) - before).toBeLessThan(20_000 * 60)
})

describe("clocks that differ", () => {
  /** A store whose times are the wall clock's. */
  function storeWith(entry?: Entry<unknown>) {
    const kept: Entry<unknown>[] = entry ? [entry] : []
    const store = {
      name: "shared",
      inProcess: false,
      get: () => kept.at(-1),
      set: (_: unknown, written: Entry<unknown>) => void kept.push(written),
      epoch: () => "e",
      invalidate: () => undefined,
      stats: () => ({ entries: kept.length, bytes: 0, evictions: 0 }),
      clear: () => undefined,
    } as CacheStore
    return { store, kept }
  }

  const hour = 3_600_000

  function reader(store: CacheStore | undefined) {
    const steady = new Clock()
    const wall = new Clock()
    const cache = new Cache({ now: steady.now, wallNow: wall.now })
    let executions = 0
    const options = { ttl: 1_000, sizeOf: () => 1, codec: textCodec, store }
    const read = () => cache.read(keyOf("a"), options, async () => `#${++executions}`)
    return { steady, wall, read }
  }

  it("a wall clock set back or ahead does not change an age in this process", async () => {
    const { steady, wall, read } = reader(undefined)
    await read()
    wall.advance(-hour)
    steady.advance(1_000)
    expect(await read()).toBe("#1")
    steady.advance(1)
    expect(await read()).toBe("#2")
  })

  it("what is written behind has the wall clock's times", async () => {
    const { store, kept } = storeWith()
    const { steady, wall, read } = reader(store)
    wall.advance(-hour)
    await read()
    expect(kept[0]).toMatchObject({ storedAt: wall.time, expiresAt: wall.time + 1_000 })
    steady.advance(1_001)
    wall.advance(1_001)
    expect(await read()).toBe("#2")
  })

  it.each([
    ["a little ahead of ours is new", 30_000, "theirs"],
    ["far ahead of ours is no entry", hour, "#1"],
    ["behind ours has its age", -1_000, "theirs"],
    ["too old by ours is too old", -1_001, "#1"],
  ])("what another machine stored with a clock %s", async (_, offset, expected) => {
    const time = new Clock().time + offset
    const entry = { value: "theirs", storedAt: time, expiresAt: time + hour, epoch: "e", bytes: 1 }
    const { read } = reader(storeWith(entry).store)
    expect(await read()).toBe(expected)
  })

  it("what seemed to come from the future ages from when it was read", async () => {
    const time = new Clock().time + 30_000
    const entry = { value: "theirs", storedAt: time, expiresAt: time + hour, epoch: "e", bytes: 1 }
    const { read, steady, wall } = reader(storeWith(entry).store)
    await read()
    steady.advance(1_001)
    wall.advance(40_000)
    expect(await read()).toBe("#1")
  })
})
