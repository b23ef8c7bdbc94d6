import { getEventListeners } from "node:events"
import { afterEach, describe, expect, it, vi } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import { abortable, linkSignals, sleep, withDeadline } from "../../src/util/abort.ts"

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length
const never = () => new Promise<never>(() => {})

afterEach(() => vi.useRealTimers())

describe("linkSignals", () => {
  it("follows the caller's signal with its reason", () => {
    const caller = new AbortController()
    const linked = linkSignals({ signal: caller.signal }, "late")
    const reason = new Error("gone")
    caller.abort(reason)
    expect(linked.signal.aborted).toBe(true)
    expect(linked.signal.reason).toBe(reason)
    expect(listeners(caller.signal)).toBe(0)
  })

  it("starts aborted when the caller's signal already is", () => {
    const linked = linkSignals({ signal: AbortSignal.abort("before"), timeout: 10 }, "late")
    expect(linked.signal.reason).toBe("before")
  })

  it("ends with a TimeoutError at the deadline, not before", () => {
    vi.useFakeTimers()
    const caller = new AbortController()
    const linked = linkSignals({ signal: caller.signal, timeout: 50 }, "No answer within 50 ms.")
    vi.advanceTimersByTime(49)
    expect(linked.signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(isMooringError(linked.signal.reason, "TIMEOUT")).toBe(true)
    expect(linked.signal.reason.message).toBe("No answer within 50 ms.")
    expect(listeners(caller.signal)).toBe(0)
  })

  it("leaves neither timer nor listener behind once disposed of", () => {
    vi.useFakeTimers()
    const caller = new AbortController()
    for (let round = 0; round < 100; round++) {
      const linked = linkSignals({ signal: caller.signal, timeout: 1_000 }, "late")
      linked.dispose()
      caller.signal.dispatchEvent(new Event("abort"))
      expect(linked.signal.aborted).toBe(false)
    }
    expect(listeners(caller.signal)).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("takes deadlines beyond what timers can wait as none", () => {
    vi.useFakeTimers()
    for (const timeout of [Number.POSITIVE_INFINITY, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
      const linked = linkSignals({ timeout }, "late")
      vi.advanceTimersByTime(1_000)
      expect(linked.signal.aborted).toBe(false)
    }
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("withDeadline", () => {
  it("gives the answer of the work and cleans up", async () => {
    vi.useFakeTimers()
    const caller = new AbortController()
    await expect(withDeadline({ signal: caller.signal, timeout: 10 }, "late", async () => 5)).resolves.toBe(5)
    expect(listeners(caller.signal)).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })

  it("rejects at the deadline although the work does not listen", async () => {
    await expect(withDeadline({ timeout: 5 }, "No answer.", never)).rejects.toThrow("No answer.")
  })

  it("does not start the work for a caller who has left", async () => {
    const work = vi.fn()
    await expect(withDeadline({ signal: AbortSignal.abort("left") }, "late", work)).rejects.toBe("left")
    expect(work).not.toHaveBeenCalled()
  })

  it("cleans up when the work throws at once", async () => {
    const caller = new AbortController()
    const work = () => {
      throw new Error("at once")
    }
    await expect(withDeadline({ signal: caller.signal, timeout: 1_000 }, "late", work)).rejects.toThrow("at once")
    expect(listeners(caller.signal)).toBe(0)
  })
})

describe("abortable", () => {
  it("rejects at once and swallows the late rejection", async () => {
    const unhandled = vi.fn()
    process.on("unhandledRejection", unhandled)
    const caller = new AbortController()
    let fail = (_: Error) => {}
    const answer = abortable(new Promise((_, reject) => (fail = reject)), caller.signal)
    caller.abort("left")
    await expect(answer).rejects.toBe("left")
    fail(new Error("late"))
    await sleep(5)
    process.off("unhandledRejection", unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(listeners(caller.signal)).toBe(0)
  })

  it("passes answers and failures on and takes its listener off", async () => {
    const caller = new AbortController()
    await expect(abortable(Promise.resolve(1), caller.signal)).resolves.toBe(1)
    await expect(abortable(Promise.reject(new Error("no")), caller.signal)).rejects.toThrow("no")
    await expect(abortable(Promise.resolve(2), undefined)).resolves.toBe(2)
    expect(listeners(caller.signal)).toBe(0)
  })

  it("rejects for a signal that was aborted before", async () => {
    await expect(abortable(never(), AbortSignal.abort("before"))).rejects.toBe("before")
  })
})

describe("sleep", () => {
  it("waits, and is cut short with the signal's reason", async () => {
    vi.useFakeTimers()
    const caller = new AbortController()
    const done = vi.fn()
    const first = sleep(100, caller.signal).then(done)
    await vi.advanceTimersByTimeAsync(99)
    expect(done).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    await first
    expect(listeners(caller.signal)).toBe(0)

    const second = sleep(100, caller.signal)
    caller.abort("enough")
    await expect(second).rejects.toBe("enough")
    expect(vi.getTimerCount()).toBe(0)
    await expect(sleep(1, caller.signal)).rejects.toBe("enough")
  })
})
