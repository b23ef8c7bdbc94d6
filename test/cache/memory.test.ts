import fc from "fast-check"
import { describe, expect, it, vi } from "vitest"
import type { CacheKey, Entry } from "../../src/cache/contract.ts"
import { MemoryStore } from "../../src/cache/memory.ts"
import { keyOf } from "./support.ts"

function put(store: MemoryStore, key: CacheKey, bytes: number, more: Partial<Entry<unknown>> = {}): boolean {
  const value = `${key.id} of ${bytes}`
  return store.set(key, { value, storedAt: 1, expiresAt: Infinity, epoch: store.epoch(key), bytes, ...more })
}

describe("MemoryStore", () => {
  it("gives back the very value", () => {
    const store = new MemoryStore()
    const value = { rows: [1] }
    put(store, keyOf("a"), 10, { value })
    expect(store.get(keyOf("a"))?.value).toBe(value)
    expect(store.get(keyOf("b"))).toBeUndefined()
  })

  it("drops the least recently used beyond its bytes and tells so", () => {
    const onEvict = vi.fn()
    const store = new MemoryStore({ maxBytes: 100_000, onEvict })
    put(store, keyOf("a"), 40_000)
    put(store, keyOf("b"), 40_000)
    store.get(keyOf("a"))
    put(store, keyOf("c"), 40_000)
    expect([store.get(keyOf("a")), store.get(keyOf("b")), store.get(keyOf("c"))].map(Boolean)).toEqual([
      true,
      false,
      true,
    ])
    expect(onEvict.mock.calls).toEqual([[keyOf("b"), 40_000]])
    expect(store.stats()).toMatchObject({ entries: 2, evictions: 1 })
    expect(store.stats().bytes).toBeGreaterThan(80_000)
    expect(store.stats().bytes).toBeLessThan(85_000)
  })

  it("drops the least recently used beyond its number of entries", () => {
    const store = new MemoryStore({ maxEntries: 2 })
    for (const id of ["a", "b", "c"]) put(store, keyOf(id), 1)
    expect(["a", "b", "c"].filter((id) => store.get(keyOf(id)))).toEqual(["b", "c"])
  })

  it("does not keep what is larger than all of it, nor the older entry that it replaces", () => {
    const store = new MemoryStore({ maxBytes: 100_000 })
    put(store, keyOf("a"), 45_000)
    put(store, keyOf("b"), 45_000)
    expect(put(store, keyOf("a"), 100_000)).toBe(false)
    expect(put(store, keyOf("c"), Number.NaN)).toBe(false)
    expect(store.get(keyOf("a"))).toBeUndefined()
    expect(store.get(keyOf("b"))).toBeDefined()
    expect(store.stats()).toMatchObject({ entries: 1, evictions: 0 })
  })

  it("keeps nothing where the bounds are 0", () => {
    for (const bounds of [{ maxBytes: 0 }, { maxEntries: 0 }]) {
      const store = new MemoryStore(bounds)
      expect(put(store, keyOf("a"), 1)).toBe(false)
      expect(store.stats().entries).toBe(0)
    }
  })

  it("never replaces a newer entry by an older one", () => {
    const store = new MemoryStore()
    put(store, keyOf("a"), 1, { storedAt: 20, value: "new" })
    expect(put(store, keyOf("a"), 1, { storedAt: 10, value: "old" })).toBe(false)
    expect(store.get(keyOf("a"))?.value).toBe("new")
  })

  it("invalidates an entry, a group or a scope, and no more", () => {
    const ranges = [keyOf("a"), { scope: "db", group: "select 1" }, { scope: "db" }]
    const keys = [keyOf("a"), keyOf("b"), keyOf("a", "select 2"), keyOf("a", "select 1", "other")]
    for (const [at, range] of ranges.entries()) {
      const store = new MemoryStore()
      for (const key of keys) put(store, key, 1)
      const before = keys.map((key) => store.epoch(key))
      store.invalidate(range)
      const gone = at + 1
      expect(keys.map((key) => store.get(key) === undefined)).toEqual(keys.map((_, n) => n < gone))
      expect(keys.map((key, n) => store.epoch(key) !== before[n])).toEqual(keys.map((_, n) => n < gone))
    }
  })

  it("does not keep what was begun before an invalidation or a clear", () => {
    for (const drop of [(store: MemoryStore) => store.invalidate({ scope: "db" }), (s: MemoryStore) => s.clear()]) {
      const store = new MemoryStore()
      const epoch = store.epoch(keyOf("a"))
      drop(store)
      expect(put(store, keyOf("a"), 1, { epoch })).toBe(false)
      expect(put(store, keyOf("a"), 1)).toBe(true)
    }
  })

  it("never takes an old epoch for the present one, however many ranges are invalidated", () => {
    const store = new MemoryStore()
    const epochs = new Set<string>()
    for (let at = 0; at < 25_000; at++) {
      store.invalidate(keyOf("a"))
      store.invalidate(keyOf(String(at), "others"))
      epochs.add(store.epoch(keyOf("a")))
    }
    expect(epochs.size).toBe(25_000)
  })

  it("stays within its bounds and equals a plain model under any sequence", () => {
    const name = fc.constantFrom("a", "b", "1:a", "")
    const key = fc.record({ scope: name, group: name, id: name })
    const step = fc.oneof(
      fc.record({ do: fc.constant("set" as const), key, bytes: fc.integer({ min: 0, max: 6_000 }) }),
      fc.record({ do: fc.constant("get" as const), key }),
      fc.record({ do: fc.constant("drop" as const), key, depth: fc.integer({ min: 1, max: 3 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const store = new MemoryStore({ maxBytes: 10_000, maxEntries: 5 })
        const model = new Map<string, string>()
        for (const one of steps) {
          const { scope, group, id } = one.key
          const name = JSON.stringify([scope, group, id])
          if (one.do === "set") {
            put(store, one.key, one.bytes, { value: name })
            model.set(name, name)
          } else if (one.do === "get") {
            const found = store.get(one.key)?.value
            expect([undefined, model.get(name)]).toContain(found)
          } else {
            const prefix = JSON.stringify([scope, group, id].slice(0, one.depth)).slice(0, -1)
            const within = (text: string) => text.startsWith(`${prefix},`) || text === `${prefix}]`
            for (const text of [...model.keys()]) if (within(text)) model.delete(text)
            store.invalidate({ scope, ...(one.depth > 1 && { group }), ...(one.depth > 2 && { id }) })
          }
          const { entries, bytes } = store.stats()
          expect(entries).toBeLessThanOrEqual(Math.min(5, model.size))
          expect(bytes).toBeLessThanOrEqual(10_000)
          if (entries === 0) expect(bytes).toBe(0)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
