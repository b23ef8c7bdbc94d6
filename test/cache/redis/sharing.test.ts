import { describe, expect, vi } from "vitest"
import { testWith } from "../../support/server-test.ts"
import { pause, settledFlag } from "../../support/waiting.ts"
import { keyOf, Work } from "../support.ts"
import { textCodec } from "../text-codec.ts"
import { openClient, openStore, processWith } from "./support.ts"

const test = testWith("redis")

/** Two processes that share a server. */
async function twoProcesses(prefix: string, more: { lease?: number } = {}) {
  const open = () => openStore({ prefix: `${prefix}-${process.pid}:`, ...more })
  return [processWith(await open()), processWith(await open())] as const
}

describe("processes that share a store in Redis", () => {
  test("R19 one executes, the others wait for its answer", async () => {
    const [here, there] = await twoProcesses("wait")
    const work = new Work<unknown>()
    const first = here.cache.read(keyOf("a"), here.options(), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const second = there.read("there")
    const waiting = settledFlag(second)
    await pause(100)
    expect(waiting()).toBe(false)
    work.finish("answer")
    expect(await Promise.all([first, second])).toEqual(["answer", "answer"])
    expect(there.executions()).toBe(0)
    expect(there.events.map((event) => event.type)).toEqual(["joined"])
  })

  test("the others take an answer that is too old for them, as those who join in one process", async () => {
    const [here, there] = await twoProcesses("old")
    const work = new Work<unknown>()
    const short = { ttl: 50 }
    const first = here.cache.read(keyOf("a"), here.options(short), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const second = there.read("there", short)
    await pause(100)
    work.finish("answer")
    expect(await Promise.all([first, second])).toEqual(["answer", "answer"])
    expect(await there.read("there", short)).toBe("there1")
  })

  test("a failure reaches the callers of its process; another process then tries by itself", async () => {
    const [here, there] = await twoProcesses("fail")
    const work = new Work<unknown>()
    const first = here.cache.read(keyOf("a"), here.options(), work.run)
    const failing = expect(first).rejects.toThrow("no")
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const second = there.read("there")
    await pause(20)
    work.fail(new Error("no"))
    await failing
    expect(await second).toBe("there1")
  })

  test("an execution is not waited for after an invalidation", async () => {
    const [here, there] = await twoProcesses("epoch")
    const work = new Work<unknown>()
    const first = here.cache.read(keyOf("a"), here.options(), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    await there.cache.invalidate({ scope: "db" }, [there.store])
    expect(await there.read("there")).toBe("there1")
    work.finish("old")
    expect(await first).toBe("old")
    expect(await here.read("here")).toBe("there1")
  })

  test("fresh: true waits for nobody, and its answer stays", async () => {
    const [here, there] = await twoProcesses("fresh")
    const work = new Work<unknown>()
    const first = here.cache.read(keyOf("a"), here.options(), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    expect(await there.read("there", { fresh: true })).toBe("there1")
    work.finish("older")
    expect(await first).toBe("older")
    // Its own answer began earlier, so that it does not keep it either.
    expect(await here.read("here")).toBe("there1")
    expect(await there.read("there")).toBe("there1")
  })

  test("a lease is renewed while the work takes longer", async () => {
    const [here, there] = await twoProcesses("renew", { lease: 0.15 })
    const work = new Work<unknown>()
    const first = here.cache.read(keyOf("a"), here.options(), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const second = there.read("there")
    await pause(600)
    work.finish("answer")
    expect(await Promise.all([first, second])).toEqual(["answer", "answer"])
    expect(there.executions()).toBe(0)
  })

  test("a lease ends with its holder; what the holder stores later does not replace what is newer", async () => {
    const [here, there] = await twoProcesses("fence", { lease: 0.1 })
    const store = here.store
    const turn = await store.turn(keyOf("a"), 0, false)
    if (turn.state !== "yours") throw new Error("it is nobody's")
    // It is not renewed, as that of a process that is dead or stopped.
    expect(await there.read("newer")).toBe("newer1")
    const late = { value: "late", storedAt: Date.now(), expiresAt: Date.now() + 60_000, bytes: 1, ...turn }
    expect(await store.set(keyOf("a"), late, textCodec)).toBe("newer")
    expect(await here.read("here")).toBe("newer1")
    expect(await turn.lease.renew()).toBe(0)
  })

  test("who has waited for two that failed begins its own", async () => {
    const [here, there] = await twoProcesses("convoy")
    // Each takes the place of the one before, which gave no answer.
    const begin = () => here.store.turn(keyOf("a"), 0, true)
    await begin()
    const reading = there.read("there")
    await pause(150)
    await begin()
    await pause(150)
    expect(there.executions()).toBe(0)
    await begin()
    expect(await reading).toBe("there1")
  })

  test("callers who leave do not wait on, and let others begin", async () => {
    const [here, there] = await twoProcesses("leave")
    const work = new Work<unknown>()
    const caller = new AbortController()
    const first = here.cache.read(keyOf("a"), here.options({ signal: caller.signal }), (signal) => {
      signal.addEventListener("abort", () => work.fail(signal.reason))
      return work.run(signal)
    })
    await vi.waitFor(() => expect(work.executions).toBe(1))
    const impatient = new AbortController()
    const second = there.read("there", { signal: impatient.signal })
    await pause(30)
    impatient.abort("left")
    await expect(second).rejects.toBe("left")
    const third = there.read("there")
    caller.abort("left too")
    await expect(first).rejects.toBe("left too")
    expect(await third).toBe("there1")
  })

  test("an entry that nobody can read is replaced, not waited for", async () => {
    const [here, there] = await twoProcesses("torn")
    await here.read("old")
    const client = await openClient()
    for (const name of await client.keys(`torn-${process.pid}:v:*`)) await client.hSet(name, "v", "torn")
    expect(await there.read("new")).toBe("new1")
    expect(await here.read("here", { fresh: true })).toBe("here2")
  })

  test("an entry that somebody tampered with keeps nobody waiting, and does not hurt what comes after it", async () => {
    const [here, there] = await twoProcesses("tampered")
    const client = await openClient()
    for (const [name, text] of [
      ["b", "nan"],
      ["b", "-1"],
      ["b", "1e300"],
      ["n", "inf"],
      ["n", "nan"],
      ["n", "no number"],
    ] as const) {
      const id = `${name} ${text}`
      await here.read("old", {}, id)
      const [entry] = await client.keys(`tampered-${process.pid}:v:*`)
      await client.hSet(entry!, { [name]: text, v: "torn" })
      expect(await there.read("there", {}, id)).toMatch(/^there/)
      await client.unlink(entry!)
      expect(await here.read("here", { fresh: true }, id)).toMatch(/^here/)
      expect(await processWith(there.store).read("x", {}, id)).toMatch(/^here/)
      await client.unlink(entry!)
    }
  })

  test("what is stale is renewed by one process, and what is invalid replaced", async () => {
    const [here, there] = await twoProcesses("stale")
    await here.read("old")
    await pause(20)
    const stale = { ttl: 10, staleWhileRevalidate: 60_000 }
    expect(await there.read("new", stale)).toBe("old1")
    await vi.waitFor(async () => expect(await there.read("x")).toBe("new1"))
    expect(await here.read("valid", { validate: (value) => value === "valid2" })).toBe("valid2")
  })

  test("an invalidation in one is one in all, whatever their memory holds", async () => {
    const [here, there] = await twoProcesses("commit")
    for (let round = 1; round <= 20; round++) {
      expect(await here.read("here")).toBe(`here${round}`)
      expect(await there.read("there")).toBe(`here${round}`)
      expect(await there.read("there")).toBe(`here${round}`)
      await there.cache.invalidate(round % 2 ? { scope: "db" } : keyOf("a"))
    }
    expect(there.cache.stats().stores).toMatchObject([{ name: "redis", hits: 20, confirmed: 20, errors: 0 }])
  })

  test("R18 10,000 equal calls in a process ask once, and execute once", async () => {
    const [here, there] = await twoProcesses("many")
    const answers = await Promise.all(Array.from({ length: 10_000 }, () => here.read("x")))
    expect(new Set(answers)).toEqual(new Set(["x1"]))
    expect(here.cache.stats()).toMatchObject({ misses: 1, joined: 9_999, stored: 1 })
    expect(here.cache.stats().stores).toMatchObject([{ hits: 0, misses: 1, stored: 1 }])
    await Promise.all(Array.from({ length: 1_000 }, () => there.read("y")))
    expect(there.cache.stats().stores).toMatchObject([{ hits: 1, misses: 0, stored: 0 }])
  })

  test("what is not kept asks nobody", async () => {
    const [here] = await twoProcesses("none")
    expect(await here.read("x", { ttl: 0 })).toBe("x1")
    expect(here.cache.stats().stores).toEqual([])
  })
})
