import { describe, expect, test } from "vitest"
import { dialects } from "../../src/sql/index.ts"
import { countRows, type DialectName, onEveryDatabase, owners, selectOwners } from "../support/databases.ts"
import { failureOf, gate, until } from "../support/waiting.ts"

const dialectsHere: Record<DialectName, true> = { duckdb: true, mysql: true, postgresql: true, sqlite: true }

test("every dialect that comes with Mooring is in the conformance run", () => {
  expect(dialects.map(({ name }) => name).sort()).toEqual(Object.keys(dialectsHere).sort())
})

describe("sharing", () => {
  onEveryDatabase("B25 a failure reaches all who asked, and is never kept", async ({ pets, watched }) => {
    const wrong = "select nothing from nowhere"
    const ask = () => failureOf(pets.query(wrong, { ttl: "inf" }))
    const errors = await Promise.all([ask(), ask(), ask()])
    expect(errors.map(({ name }) => name)).toEqual(["QueryError", "QueryError", "QueryError"])
    expect(watched.count(wrong)).toBe(1)
    await ask()
    expect(watched.count(wrong)).toBe(2)
  })

  onEveryDatabase("B25 10,000 equal calls are one execution (R18)", async ({ pets, watched }) => {
    const tables = await Promise.all(Array.from({ length: 10_000 }, () => pets.query(selectOwners)))
    expect(watched.count(selectOwners)).toBe(1)
    expect(new Set(tables.map(({ numRows }) => numRows))).toEqual(new Set([2]))
  })

  onEveryDatabase("B25 one caller's abort is its own, with its own reason", async ({ pets, watched }) => {
    const held = gate()
    watched.interfere = () => held.promise
    const leaving = new AbortController()
    const one = pets.query(selectOwners, { signal: leaving.signal })
    const other = pets.query(selectOwners)
    await until(() => watched.count(selectOwners) === 1)
    const reason = { left: "for lunch" }
    leaving.abort(reason)
    expect(await failureOf(one)).toBe(reason)
    held.open()
    expect((await other).numRows).toBe(2)
    expect(watched.count(selectOwners)).toBe(1)
  })

  onEveryDatabase("B25 the execution is cancelled when its last caller leaves", async ({ pets, watched }) => {
    let shared: AbortSignal | undefined
    watched.interfere = (_, { signal }) => {
      shared = signal
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
    }
    const leaving = [new AbortController(), new AbortController()]
    const callers = leaving.map(({ signal }) => failureOf(pets.query(selectOwners, { signal })))
    await until(() => shared !== undefined)
    leaving[0]!.abort(new Error("first"))
    await callers[0]
    expect(shared!.aborted).toBe(false)
    leaving[1]!.abort(new Error("second"))
    expect(await callers[1]).toMatchObject({ message: "second" })
    expect(shared!.aborted).toBe(true)
    watched.interfere = undefined
    expect((await pets.query(selectOwners)).numRows).toBe(2)
  })

  onEveryDatabase("B32 a kept result is shared, and no caller can corrupt another's", async ({ pets }) => {
    const first = await pets.query<{ name: string; age: number }>(selectOwners, { ttl: "1h" })
    const row = first.at(0)!
    row.name = "Mallory"
    first.column("age").toArray()[0] = 99
    const second = await pets.query(selectOwners, { ttl: "1h" })
    expect(second.toArray()).toEqual(owners)
    expect(first.toArray()).toEqual(owners)
  })
})

onEveryDatabase("B25 the limits are an error, never a cut, and exact at the border", async ({ pets, dialect }) => {
  const thousand = countRows[dialect](1000)
  expect((await pets.query(thousand, { maxRows: 1000 })).numRows).toBe(1000)
  expect(await failureOf(pets.query(thousand, { maxRows: 999, ttl: "1h" }))).toMatchObject({
    code: "TOO_LARGE",
    connection: "pets",
    hint: expect.stringContaining("maxRows"),
  })
  const { byteLength } = await pets.query(thousand)
  expect((await pets.query(thousand, { maxBytes: byteLength })).numRows).toBe(1000)
  expect(await failureOf(pets.query(thousand, { maxBytes: byteLength - 1 }))).toMatchObject({ code: "TOO_LARGE" })
  expect(await failureOf(pets.query(countRows[dialect](1_000_000), { maxRows: 10 }))).toMatchObject({
    code: "TOO_LARGE",
  })
})
