import { inspect } from "node:util"
import { describe, expect, vi } from "vitest"
import type { CacheStore } from "../../../src/cache/contract.ts"
import { testWith } from "../../support/server-test.ts"
import { keyOf } from "../support.ts"
import { textCodec } from "../text-codec.ts"
import { openClient, openStore, processWith } from "./support.ts"

const test = testWith("redis")
const key = keyOf("a")

/** An entry as its execution would store it. */
async function put(store: Required<CacheStore>, value: unknown, at = key, lives = 60_000) {
  const storedAt = Date.now()
  const entry = { value, storedAt, expiresAt: storedAt + lives, bytes: 7 }
  return store.set(at, { ...entry, epoch: await store.epoch(at) }, textCodec)
}

describe("RedisStore", () => {
  test("gives another process what one has stored", async () => {
    const prefix = `store-${process.pid}-1:`
    const here = await openStore({ prefix })
    await put(here, { rows: [1, 2] })
    const there = await openStore({ prefix })
    expect(await there.get(key, textCodec)).toMatchObject({ value: { rows: [1, 2] }, bytes: 7 })
    expect(await there.get(keyOf("b"), textCodec)).toBeUndefined()
    expect(await (await openStore()).get(key, textCodec)).toBeUndefined()
  })

  test("packs large values, and gives them back whole", async () => {
    const store = await openStore()
    const large = "a text that repeats itself. ".repeat(20_000)
    await put(store, large)
    expect((await store.get(key, textCodec))?.value).toBe(large)
    const { bytes } = await store.stats()
    expect(bytes).toBeLessThan(large.length / 10)
  })

  test("lets the server end an entry with its life", async () => {
    const store = await openStore({ prefix: "life:" })
    await put(store, "x", key, 30_000)
    const client = await openClient()
    const [name] = await client.keys("life:v:*")
    const left = await client.pTTL(name!)
    expect(left).toBeGreaterThan(20_000)
    expect(left).toBeLessThanOrEqual(30_000)
    const old = await openStore({ prefix: "age:", maxAge: 10 })
    await put(old, "x", key, Number.POSITIVE_INFINITY)
    const [aged] = await client.keys("age:v:*")
    expect(await client.pTTL(aged!)).toBeLessThanOrEqual(10_000)
  })

  test("shows no statement and no parameter in its keys", async () => {
    const store = await openStore({ prefix: "shown:" })
    await put(store, 1, keyOf("canary-param", "select canary", "canary-source"))
    const client = await openClient()
    const keys = await client.keys("shown:*")
    expect(keys).toHaveLength(2)
    for (const each of keys) expect(each).toMatch(/^shown:[ev]:\{[\w-]{22}\}(:[\w-]{22})?$/)
  })

  test("begins new epochs of a scope, a group and an entry, for every process", async () => {
    const prefix = `epochs-${process.pid}:`
    const [here, there] = [await openStore({ prefix }), await openStore({ prefix })]
    const keys = [keyOf("1", "g"), keyOf("2", "g"), keyOf("1", "h"), keyOf("1", "g", "other")]
    const found = () => Promise.all(keys.map(async (at) => (await here.get(at, textCodec)) !== undefined))
    const fill = () => Promise.all(keys.map((at) => put(here, "x", at)))
    await fill()
    await there.invalidate(keys[0]!)
    expect(await found()).toEqual([false, true, true, true])
    await fill()
    await there.invalidate({ scope: "db", group: "g" })
    expect(await found()).toEqual([false, false, true, true])
    await fill()
    await there.invalidate({ scope: "db" })
    expect(await found()).toEqual([false, false, false, true])
    await fill()
    await there.clear()
    expect(await found()).toEqual([false, false, false, false])
    expect(await there.stats()).toEqual({ entries: 0, bytes: 0, evictions: 0 })
  })

  test("does not store what an invalidation overtook", async () => {
    const store = await openStore()
    const entry = { value: "old", storedAt: Date.now(), expiresAt: Number.POSITIVE_INFINITY, bytes: 1 }
    for (const range of [{ scope: "db" }, { scope: "db", group: "select 1" }, key]) {
      const epoch = await store.epoch(key)
      await store.invalidate(range)
      expect(await store.set(key, { ...entry, epoch }, textCodec)).toBe("dropped")
      expect(await store.get(key, textCodec)).toBeUndefined()
    }
  })

  test("never returns to an earlier epoch, whatever the server loses", async () => {
    const store = await openStore({ prefix: "lost:" })
    await put(store, "old")
    const before = await store.epoch(key)
    const client = await openClient()
    await client.del(await client.keys("lost:e:*"))
    expect(await store.get(key, textCodec)).toBeUndefined()
    expect(await store.epoch(key)).not.toBe(before)
  })

  test("folds many invalidations of one scope into one of all", async () => {
    const store = await openStore({ prefix: "fold:" })
    await put(store, "x", keyOf("kept"))
    const client = await openClient()
    const [epochs] = await client.keys("fold:e:*")
    for (let at = 0; at < 10_100; at += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => store.invalidate(keyOf(`${at + i}`))))
    }
    expect(await client.hLen(epochs!)).toBeLessThan(10_000)
    expect(await store.get(keyOf("kept"), textCodec)).toBeUndefined()
  })

  test("keeps out what is too large, and lets others execute", async () => {
    const store = await openStore({ maxEntryBytes: 2_000 })
    const { read, executions } = processWith(store)
    const random = () => Array.from({ length: 3_000 }, () => Math.random()).join()
    const { cache, options } = processWith(store)
    await cache.read(key, options(), async () => random())
    expect(await store.stats()).toMatchObject({ entries: 0 })
    expect(await read("x")).toBe("x1")
    expect(executions()).toBe(1)
  })

  test("clears only what is its own, whatever its prefix is", async () => {
    const client = await openClient()
    const [any, odd, near] = [
      await openStore({ prefix: "c*:" }),
      await openStore({ prefix: "c[a]:" }),
      await openStore({ prefix: "ca:" }),
    ]
    await client.set("ca:somebody's", "x")
    for (const store of [any, odd, near]) await put(store, "x")
    await any.clear()
    expect([await any.stats(), await odd.stats(), await near.stats()]).toMatchObject([
      { entries: 0 },
      { entries: 1 },
      { entries: 1 },
    ])
    await odd.clear()
    await near.clear()
    expect(await client.get("ca:somebody's")).toBe("x")
  })

  test("works again after close", async () => {
    const store = await openStore()
    await put(store, "x")
    await store.close()
    expect((await store.get(key, textCodec))?.value).toBe("x")
  })

  test("finds its scripts again after the server has forgotten them", async () => {
    const store = await openStore()
    await put(store, "x")
    await (await openClient()).sendCommand(["SCRIPT", "FLUSH"])
    expect((await store.get(key, textCodec))?.value).toBe("x")
    await vi.waitFor(async () => expect(await put(store, "y")).toBe("kept"))
  })

  test("shows no password", async () => {
    const store = await openStore({ password: "canary-password" })
    expect(inspect(store, { depth: 20, showHidden: true })).not.toContain("canary")
    expect(JSON.stringify(store)).not.toContain("canary")
  })
})
