import { describe, expect, it } from "vitest"
import { isConnectionError } from "../../src/cache/connection-error.ts"
import { MooringError, QueryError, TimeoutError, UnavailableError } from "../../src/errors.ts"

const withCode = (code: string) => Object.assign(new Error(code), { code })

describe("isConnectionError", () => {
  it("R21 knows what cannot be reached, also deep in the causes", () => {
    const yes: unknown[] = [
      withCode("ECONNRESET"),
      new TypeError("fetch failed", { cause: withCode("UND_ERR_CONNECT_TIMEOUT") }),
      new MooringError("CONNECT", "no", { cause: withCode("ECONNREFUSED") }),
      new QueryError("lost", { kind: "connection" }),
      new TimeoutError("late"),
      new UnavailableError("Connection", { since: new Date(), retryAt: new Date(), attempts: 9 }),
      new DOMException("late", "TimeoutError"),
      Object.assign(new Error("Bad Gateway"), { status: 502 }),
    ]
    expect(yes.map(isConnectionError)).toEqual(yes.map(() => true))
  })

  it("R21 never takes an answer for a lost connection", () => {
    const cycle: { cause?: unknown } = {}
    cycle.cause = cycle
    const no: unknown[] = [
      new QueryError("permission denied", { kind: "permission" }),
      new MooringError("CONNECT", "password authentication failed", { cause: withCode("28P01") }),
      new MooringError("NO_CONFIG", "no", { cause: withCode("ECONNRESET") }),
      Object.assign(new Error("Forbidden"), { status: 403 }),
      withCode("ENOTFOUND"),
      cycle,
      "ECONNRESET",
      undefined,
      null,
    ]
    expect(no.map(isConnectionError)).toEqual(no.map(() => false))
  })
})
