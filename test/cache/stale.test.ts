import { describe, expect, it, vi } from "vitest"
import { down, setup } from "./setup.ts"
import { keyOf, Work } from "./support.ts"

describe("Cache: stale answers (RFC 5861)", () => {
  const windows = {
    ttl: 1_000,
    staleWhileRevalidate: 500,
    staleIfError: 2_000,
    mayServeStaleOn: (e: unknown) => e === down,
  }

  it("B40 R21 serves stale and renews in the background, up to the limit", async () => {
    const { clock, cache, read } = setup()
    await read(windows)
    clock.advance(1_000)
    expect(await read(windows)).toBe("#1")
    expect(cache.stats()).toMatchObject({ hits: 1, stale: 0 })
    clock.advance(1)
    expect(await read(windows)).toBe("#1")
    await vi.waitFor(() => expect(cache.stats().stored).toBe(2))
    expect(await read(windows)).toBe("#2")
    clock.advance(1_500)
    expect(await read(windows)).toBe("#2")
    await vi.waitFor(() => expect(cache.stats().stored).toBe(3))
    clock.advance(1_501)
    expect(await read(windows)).toBe("#4")
    expect(cache.stats()).toMatchObject({ hits: 2, stale: 2, misses: 4 })
  })

  it("R21 renews once for many, and a caller who leaves does not stop it", async () => {
    const { clock, cache, read, options } = setup()
    await read(windows)
    clock.advance(1_200)
    const work = new Work<string>()
    const caller = new AbortController()
    const signal = caller.signal
    const reads = Array.from({ length: 100 }, () => cache.read(keyOf("a"), options({ ...windows, signal }), work.run))
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["#1"]))
    caller.abort()
    expect(work.executions).toBe(1)
    expect(work.signals[0]!.aborted).toBe(false)
    work.finish("renewed")
    await vi.waitFor(() => expect(cache.stats().stored).toBe(2))
    expect(await read(windows)).toBe("renewed")
  })

  it("R21 reports a failed renewal and goes on serving until the limit", async () => {
    const { clock, events, read, failing } = setup()
    await read(windows)
    clock.advance(1_200)
    expect(await failing(windows)).toBe("#1")
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: "error", operation: "revalidate", error: down }))
    expect(await failing(windows)).toBe("#1")
  })

  it("R21 serves stale on a connection error, up to the limit", async () => {
    const { clock, read, failing } = setup()
    await read(windows)
    clock.advance(3_000)
    expect(await failing(windows)).toBe("#1")
    clock.advance(1)
    await expect(failing(windows)).rejects.toBe(down)
  })

  it("R21 judges the age when the error arrives", async () => {
    const { clock, read, cache, options } = setup()
    await read(windows)
    clock.advance(2_900)
    const work = new Work<string>()
    const call = cache.read(keyOf("a"), options(windows), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    clock.advance(101)
    work.fail(down)
    await expect(call).rejects.toBe(down)
  })

  it("R21 never covers up another error, an abort, a fresh call or what was invalidated", async () => {
    const { clock, cache, read, failing, options } = setup()
    await read(windows)
    clock.advance(1_600)
    const denied = new Error("permission denied")
    await expect(failing(windows, denied)).rejects.toBe(denied)
    await expect(failing({ ...windows, fresh: true })).rejects.toBe(down)
    await expect(failing({ ...windows, mayServeStaleOn: undefined })).rejects.toBe(down)

    const work = new Work<string>()
    const caller = new AbortController()
    const leaving = cache.read(keyOf("a"), options({ ...windows, signal: caller.signal }), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(1))
    caller.abort("left")
    await expect(leaving).rejects.toBe("left")

    const overtaken = cache.read(keyOf("a"), options(windows), work.run)
    await vi.waitFor(() => expect(work.executions).toBe(2))
    await cache.invalidate({ scope: "db" })
    work.fail(down, 1)
    await expect(overtaken).rejects.toBe(down)
  })
})
