import { isDeepStrictEqual } from "node:util"
import { runInNewContext } from "node:vm"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import { identity, stableKey } from "../../src/util/stable-key.ts"

const messageOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    expect(isMooringError(error, "CACHE")).toBe(true)
    return (error as Error).message
  }
  throw new Error("nothing was thrown")
}

/** Values that hold much the same text in different shapes, so that careless keys collide. */
const tricky = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(0, -0, 1, "1", true, 1n, null, undefined, "", "u", "n", "null", Number.NaN, "NaN", "s1:a"),
    fc.constantFrom<unknown>(new Date(1), new Date(Number.NaN), new Uint8Array([49]), new Int8Array([49]), /a/g, /a/),
    fc.string({ unit: fc.constantFrom("s", "1", ":", "{", "}", "[", "]", ";", "\0", "\ud800"), maxLength: 5 }),
    fc.integer({ min: -2, max: 2 }),
    fc.bigInt({ min: -2n, max: 2n }),
    fc.uint8Array({ maxLength: 2 }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.sparseArray(tie("value"), { maxLength: 3, maxNumElements: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "1", "a1:", "}"), tie("value"), { maxKeys: 3 }),
    fc.array(tie("value"), { maxLength: 2 }).map((items) => new Set(items)),
    fc.array(fc.tuple(fc.constantFrom("a", "b", 1), tie("value")), { maxLength: 2 }).map((items) => new Map(items)),
  ),
})).value

const sameData = (a: unknown, b: unknown): boolean => isDeepStrictEqual(normal(a), normal(b))

/** Deep equality compares prototypes of plain objects; a key does not. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normal)
  if (value instanceof Set) return new Set([...value].map(normal))
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, normal(item)]))
  if (typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Object]")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, normal(item)]))
  return value
}

describe("stableKey", () => {
  it("B25 tells values of different types apart", () => {
    const values: unknown[] = [
      1,
      "1",
      true,
      1n,
      null,
      undefined,
      Number.NaN,
      0,
      -0,
      "",
      [],
      {},
      [1],
      ["1"],
      [[1]],
      { 0: 1 },
    ]
    values.push("null", "undefined", "true", "NaN", [undefined], [null], new Array(1), { a: undefined }, { a: null })
    values.push(new Date(1), 1.5, "1970-01-01T00:00:00.001Z", new Uint8Array([1]), new Uint16Array([1]))
    values.push(new ArrayBuffer(1), new Set(), new Map(), new Set([1]), new Map([[1, 1]]), [1, 1], /1/, /1/g)
    values.push(new URL("http://a/"), "http://a/", Symbol.for("1"), Number.POSITIVE_INFINITY, "Infinity")
    expect(new Set(values.map((value) => stableKey(value))).size).toBe(values.length)
  })

  it("B25 gives equal data one key, in whatever order it was written", () => {
    expect(stableKey({ b: [1, { d: 2, c: 3 }], a: "x" })).toBe(stableKey({ a: "x", b: [1, { c: 3, d: 2 }] }))
    expect(
      stableKey(
        new Map([
          ["a", 1],
          ["b", 2],
        ]),
      ),
    ).toBe(
      stableKey(
        new Map([
          ["b", 2],
          ["a", 1],
        ]),
      ),
    )
    expect(stableKey(new Set([1, 2]))).toBe(stableKey(new Set([2, 1])))
    expect(stableKey(Buffer.from("ab"))).toBe(stableKey(new TextEncoder().encode("ab")))
    expect(stableKey(new Uint8Array([9, 1, 2]).subarray(1))).toBe(stableKey(new Uint8Array([1, 2])))
    expect(stableKey(Object.assign(Object.create(null), { a: 1 }))).toBe(stableKey({ a: 1 }))
    expect(stableKey(runInNewContext("({ a: [new Date(5)] })"))).toBe(stableKey({ a: [new Date(5)] }))
  })

  it("R22 gives 100,000 random pairs different keys unless they are deeply equal", () => {
    fc.assert(
      fc.property(tricky, tricky, (a, b) => {
        expect(stableKey(a) === stableKey(b)).toBe(sameData(a, b))
      }),
      { numRuns: 100_000 },
    )
  })

  it("R22 gives a copy the same key", () => {
    fc.assert(
      fc.property(tricky, (value) => {
        expect(stableKey(structuredClone(value))).toBe(stableKey(value))
      }),
      { numRuns: 2_000 },
    )
  })

  it("keeps keys of large values short and different", () => {
    const text = "x".repeat(1_000_000)
    const keys = [
      text,
      `${text}y`,
      `y${text}`,
      Buffer.from(text),
      [text],
      Array.from({ length: 50_000 }, (_, at) => at),
    ]
    keys.push("\ud800".repeat(10_000), "\ud801".repeat(10_000), "\ufffd".repeat(10_000))
    expect(new Set(keys.map((value) => stableKey(value))).size).toBe(keys.length)
    for (const value of keys) expect(stableKey(value).length).toBeLessThan(5_000)
  })

  it("refuses what is not plain data and says where it is", () => {
    class Pet {}
    class Items extends Array<number> {}
    expect(messageOf(() => stableKey({ where: [1, { pet: new Pet() }] }))).toBe(
      "A cache key cannot hold an instance of Pet, found at value.where[1].pet.",
    )
    expect(messageOf(() => stableKey(() => 1))).toMatch(/^A cache key cannot hold the function "anonymous"\.$/)
    expect(messageOf(() => stableKey([Symbol("a")]))).toMatch(/a symbol, found at value\[0\]/)
    expect(messageOf(() => stableKey({ [Symbol.iterator]: 1 }))).toMatch(/symbol keys/)
    expect(messageOf(() => stableKey(new Items(1, 2)))).toMatch(/an instance of Items/)
    expect(messageOf(() => stableKey(new Set([new Pet()])))).toMatch(/instance of Pet, found at value<item>/)
  })

  it("refuses cycles and bottomless nesting, and takes repeated values", () => {
    const cycle: { self?: unknown } = {}
    cycle.self = [cycle]
    expect(messageOf(() => stableKey(cycle))).toMatch(/a cycle, found at value\.self\[0\]/)
    let deep: unknown = 1
    for (let level = 0; level < 50_000; level++) deep = [deep]
    expect(messageOf(() => stableKey(deep))).toMatch(/nesting beyond 200 levels/)
    const shared = { a: 1 }
    expect(stableKey([shared, shared])).toBe(stableKey([{ a: 1 }, { a: 1 }]))
  })

  it("B19 tells functions and instances apart by identity where that is asked for", () => {
    const one = () => 1
    const other = () => 1
    const key = (value: unknown) => stableKey({ token: value }, { opaque: identity })
    expect(key(one)).toBe(key(one))
    expect(key(one)).not.toBe(key(other))
    expect(key(Symbol.iterator)).toBe(key(Symbol.iterator))
    expect(key(one)).not.toBe(key(`~${identity(one)}`))
  })
})
