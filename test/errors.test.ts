import { inspect } from "node:util"
import { isMooringError, MooringError, QueryError, TimeoutError, UnavailableError } from "mooring"
import { describe, expect, test, vi } from "vitest"

describe("errors of another copy of the package", () => {
  test("are recognised by the guard and by instanceof, each class as itself", async () => {
    vi.resetModules()
    const other: typeof import("mooring") = await import("mooring")
    expect(other.QueryError).not.toBe(QueryError)
    const error = new other.QueryError("no")
    const late = new other.TimeoutError("late")
    const away = new other.UnavailableError("Connection", { since: new Date(0), retryAt: new Date(1), attempts: 2 })
    expect([away instanceof UnavailableError, away instanceof TimeoutError]).toEqual([true, false])
    expect([error instanceof MooringError, error instanceof QueryError, error instanceof TimeoutError]).toEqual([
      true,
      true,
      false,
    ])
    expect([late instanceof TimeoutError, late instanceof QueryError]).toEqual([true, false])
    expect(isMooringError(late, "TIMEOUT")).toBe(true)
    expect(isMooringError(late, "QUERY")).toBe(false)
  })

  test("what is no error of ours is none, whatever its name", () => {
    const stranger = Object.assign(new Error("no"), { name: "QueryError", code: "QUERY" })
    expect(stranger instanceof QueryError).toBe(false)
    expect(isMooringError(stranger)).toBe(false)
    expect(isMooringError(undefined)).toBe(false)
  })
})

test("a subclass is told from its base", () => {
  class Mine extends QueryError {}
  expect(new Mine("no") instanceof QueryError).toBe(true)
  expect(new QueryError("no") instanceof Mine).toBe(false)
})

test("a logged error shows what it has, and nothing that it does not have", () => {
  const text = inspect(new QueryError("no", { kind: "syntax", connection: "pets" }))
  expect(text).toContain("connection: 'pets'")
  expect(text).not.toContain("undefined")
})
