import { AsyncLocalStorage } from "node:async_hooks"
import { getEventListeners } from "node:events"
import { describe, expect, it, vi } from "vitest"
import { sleep } from "../../src/util/abort.ts"
import { type Flight, SingleFlight } from "../../src/util/single-flight.ts"

/** Work that ends when the test says so. */
function controlled<T>() {
  let finish!: (value: T) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<T>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  const work = vi.fn((_: Flight) => promise)
  return { work, finish, fail }
}

describe("SingleFlight", () => {
  it("R18 answers 10,000 equal concurrent calls with one execution", async () => {
    const flights = new SingleFlight()
    const { work, finish } = controlled<object>()
    const calls = Array.from({ length: 10_000 }, (_, at) =>
      flights.run("a", at % 2 ? new AbortController().signal : undefined, work),
    )
    const answer = {}
    finish(answer)
    expect(new Set(await Promise.all(calls))).toEqual(new Set([answer]))
    expect(work).toHaveBeenCalledTimes(1)
    expect(flights.size).toBe(0)
  })

  it("R18 gives a failure to all callers and forgets it", async () => {
    const flights = new SingleFlight()
    const { work, fail } = controlled<number>()
    const calls = Array.from({ length: 100 }, () => flights.run("a", undefined, work))
    fail(new Error("no"))
    for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: { message: "no" } })
    await expect(flights.run("a", undefined, async () => 2)).resolves.toBe(2)
  })

  it("R18 lets one caller leave without disturbing the others", async () => {
    const flights = new SingleFlight()
    const { work, finish } = controlled<number>()
    const caller = new AbortController()
    const leaving = flights.run("a", caller.signal, work)
    const staying = flights.run("a", new AbortController().signal, work)
    caller.abort("mine")
    await expect(leaving).rejects.toBe("mine")
    expect(work.mock.calls[0]![0].signal.aborted).toBe(false)
    finish(3)
    await expect(staying).resolves.toBe(3)
  })

  it("aborts the execution when its last caller leaves, and the next call begins anew", async () => {
    const flights = new SingleFlight()
    const { work, fail } = controlled<number>()
    const callers = [new AbortController(), new AbortController()]
    const calls = callers.map((caller) => flights.run("a", caller.signal, work))
    callers[0]!.abort("first")
    callers[1]!.abort("second")
    const { signal } = work.mock.calls[0]![0]
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBe("second")
    await expect(flights.run("a", undefined, async () => 7)).resolves.toBe(7)
    fail(new Error("late, and nobody is there to hear it"))
    expect((await Promise.allSettled(calls)).map((call) => (call as PromiseRejectedResult).reason)).toEqual([
      "first",
      "second",
    ])
  })

  it("never aborts for callers that cannot leave", async () => {
    const flights = new SingleFlight()
    const { work, finish } = controlled<number>()
    const caller = new AbortController()
    const staying = flights.run("a", undefined, work)
    const leaving = flights.run("a", caller.signal, work)
    caller.abort("gone")
    await expect(leaving).rejects.toBe("gone")
    expect(work.mock.calls[0]![0].signal.aborted).toBe(false)
    finish(1)
    await expect(staying).resolves.toBe(1)
  })

  it("takes a synchronous throw as a failure", async () => {
    const flights = new SingleFlight()
    const boom = () => {
      throw new Error("at once")
    }
    await expect(flights.run("a", new AbortController().signal, boom)).rejects.toThrow("at once")
    expect(flights.size).toBe(0)
  })

  it("does not start work for a caller who has already left, and hears one who leaves while it starts", async () => {
    const flights = new SingleFlight()
    const work = vi.fn()
    await expect(flights.run("a", AbortSignal.abort("before"), work)).rejects.toBe("before")
    expect(work).not.toHaveBeenCalled()
    const caller = new AbortController()
    const call = flights.run("a", caller.signal, async () => {
      caller.abort("during")
      await sleep(60_000, caller.signal).catch(() => {})
    })
    await expect(call).rejects.toBe("during")
  })

  it("begins anew after forget, and tells the old execution", async () => {
    const flights = new SingleFlight()
    const old = controlled<string>()
    const young = controlled<string>()
    const first = flights.run("a", undefined, old.work)
    flights.forget("a")
    const second = flights.run("a", undefined, young.work)
    expect(old.work.mock.calls[0]![0].superseded).toBe(true)
    expect(young.work.mock.calls[0]![0].superseded).toBe(false)
    old.finish("old")
    await expect(first).resolves.toBe("old")
    expect(flights.has("a")).toBe(true)
    young.finish("young")
    await expect(second).resolves.toBe("young")
    expect(flights.has("a")).toBe(false)
  })

  it("leaves no listener on a caller's signal", async () => {
    const flights = new SingleFlight()
    const caller = new AbortController()
    for (let round = 0; round < 20; round++) await flights.run("a", caller.signal, async () => round)
    expect(getEventListeners(caller.signal, "abort").length).toBe(0)
  })

  it("runs the execution outside of what detach leaves", async () => {
    const session = new AsyncLocalStorage<string | undefined>()
    const flights = new SingleFlight({ detach: (work) => session.run(undefined, work) })
    const seen = await session.run("ada", () => flights.run("a", undefined, async () => session.getStore()))
    expect(seen).toBeUndefined()
  })

  it("says that a call waits for itself", async () => {
    const flights = new SingleFlight()
    const call = flights.run("a", undefined, (): Promise<number> => flights.run("a", undefined, async () => 1))
    await expect(call).rejects.toThrow("A cached call waits for itself.")
  })
})
