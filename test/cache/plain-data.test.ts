import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { anyCodec, plainCodec, type ValueCodec } from "../../src/cache/codec.ts"
import { sizeOfData } from "../../src/cache/data-size.ts"
import { copyData, type SharedValues } from "../../src/cache/plain-data.ts"

/** Stands for a table: immutable, shared, with bytes of its own. */
class Frozen {
  readonly text: string
  constructor(text: string) {
    this.text = text
    Object.freeze(this)
  }
}

const frozenCodec: ValueCodec<Frozen> = {
  id: "frozen@1",
  accepts: (value) => value instanceof Frozen,
  encode: (value) => new TextEncoder().encode(value.text),
  decode: (bytes) => new Frozen(new TextDecoder().decode(bytes)),
}
const shared: SharedValues = { accepts: frozenCodec.accepts, sizeOf: (value) => (value as Frozen).text.length }
const plain = plainCodec([frozenCodec])

const sample = () => ({
  text: "é\ud83d\ude00\0",
  numbers: [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60],
  big: 12345678901234567890n,
  nothing: [null, undefined],
  sparse: Object.assign(new Array<number>(3), { 0: 1, 2: 3 }),
  date: new Date(5),
  map: new Map<unknown, unknown>([[{ a: 1 }, new Set(["x"])]]),
  bytes: new Uint8Array([1, 2, 3, 4]).subarray(1, 3),
  floats: new Float64Array([1.5, 2.5]),
  buffer: Buffer.from("pooled"),
  view: new DataView(new ArrayBuffer(8), 2, 4),
  raw: new ArrayBuffer(3),
  pattern: /a+/gi,
  url: new URL("https://example.com/a?b"),
  bare: Object.assign(Object.create(null), { a: 1 }),
  table: new Frozen("rows"),
})

const plainValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date(),
    fc.uint8Array({ maxLength: 5 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 4 },
    ),
    fc.array(tie("value"), { maxLength: 3 }).map((items) => new Set(items)),
    fc.array(fc.tuple(fc.string(), tie("value")), { maxLength: 3 }).map((items) => new Map(items)),
  ),
})).value

describe("copyData", () => {
  it("B32 copies plain data deeply and shares what nobody can change", () => {
    const original = sample()
    const made = copyData(original, shared)
    expect(made).toEqual(sample())
    expect(made.table).toBe(original.table)
    made.numbers.push(1)
    made.bytes[0] = 9
    made.date.setTime(0)
    made.map.clear()
    made.buffer[0] = 0
    expect(original).toEqual(sample())
    expect(1 in made.sparse).toBe(false)
    expect(Buffer.isBuffer(made.buffer)).toBe(true)
  })

  it("copies no more of a buffer than is seen", () => {
    expect(copyData(sample(), shared).bytes.buffer.byteLength).toBe(2)
    expect(copyData(sample(), shared).view.buffer.byteLength).toBe(4)
  })

  it("keeps cycles and repeated objects", () => {
    const cycle: { self?: unknown; twice: object[] } = { twice: [] }
    const one = { a: 1 }
    cycle.self = cycle
    cycle.twice = [one, one]
    const made = copyData(cycle, shared)
    expect(made.self).toBe(made)
    expect(made.twice[0]).toBe(made.twice[1])
    expect(made.twice[0]).not.toBe(one)
  })

  it("does not set a prototype", () => {
    const made = copyData(JSON.parse('{ "__proto__": { "admin": true } }'), shared)
    expect(made.admin).toBeUndefined()
    expect(Object.keys(made)).toEqual(["__proto__"])
  })

  it("refuses functions and instances", () => {
    class Pet {}
    expect(() => copyData([new Pet()], shared)).toThrow("A cached result cannot hold an instance of Pet.")
    expect(() => copyData({ call: () => 1 }, shared)).toThrow(/cannot hold the function "call"/)
    expect(() => copyData(Symbol("a"), shared)).toThrow("a symbol")
  })
})

describe("sizeOfData", () => {
  it("grows with what there is and counts repeated objects once", () => {
    const text = "x".repeat(1_000)
    const size = (value: unknown) => sizeOfData(value, shared)
    expect(size(text)).toBeGreaterThanOrEqual(2_000)
    expect(size(new Uint8Array(5_000))).toBeGreaterThanOrEqual(5_000)
    expect(size(new Frozen(text))).toBe(1_008)
    expect(size(new Map([[text, text]]))).toBeGreaterThanOrEqual(4_000)
    expect(size(2n ** 8000n)).toBeGreaterThanOrEqual(1_000)
    const list = [text]
    expect(size([list, list])).toBeLessThan(size([[...list], [...list]]))
    const cycle: unknown[] = [1]
    cycle.push(cycle)
    expect(size(cycle)).toBeGreaterThan(0)
  })
})

describe("plainCodec", () => {
  it("B32 gives back what it was given, tables within included", () => {
    const made = plain.decode(plain.encode(sample())) as ReturnType<typeof sample>
    expect(made).toEqual(sample())
    expect(made.table).toBeInstanceOf(Frozen)
    expect(Buffer.isBuffer(made.buffer)).toBe(true)
    expect(Object.is(made.numbers[1], -0)).toBe(true)
    fc.assert(fc.property(plainValue, (value) => void expect(plain.decode(plain.encode(value))).toEqual(value)))
  })

  it("writes nothing of the memory around a view", () => {
    const pool = Buffer.alloc(8192, "canary ")
    const text = new TextDecoder().decode(plain.encode([pool.subarray(100, 102), new Uint8Array(pool.buffer, 5, 2)]))
    expect(text.length).toBeLessThan(200)
  })

  it("R23 reads any bytes without running them: data or an error", () => {
    const attempt = (bytes: Uint8Array) => {
      try {
        return plain.decode(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        return undefined
      }
    }
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void attempt(bytes)))
    const texts = fc.json().map((text) => new TextEncoder().encode(text))
    fc.assert(fc.property(texts, (bytes) => void attempt(bytes)))
    attempt(new TextEncoder().encode('[{"__proto__":1},{"polluted":2},true]'))
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

describe("anyCodec", () => {
  const codec = anyCodec([frozenCodec, plain])

  it("chooses by value when it writes, by id when it reads", () => {
    const table = codec.decode(codec.encode(new Frozen("rows")))
    expect(table).toEqual(new Frozen("rows"))
    expect(codec.decode(codec.encode([1, "a"]))).toEqual([1, "a"])
    expect(codec.id).not.toBe(anyCodec([plain]).id)
  })

  it("leaves the payload aligned, and refuses what it does not know", () => {
    let offset = -1
    const noting: ValueCodec<Frozen> = {
      ...frozenCodec,
      decode: (bytes) => new Frozen(String((offset = bytes.byteOffset))),
    }
    const bytes = codec.encode(new Frozen("rows"))
    anyCodec([noting]).decode(new Uint8Array(bytes))
    expect(offset % 8).toBe(0)
    expect(() => anyCodec([plain]).decode(bytes)).toThrow("another codec")
    expect(() => anyCodec([frozenCodec]).encode("text")).toThrow("No codec accepts")
    expect(() => codec.decode(new Uint8Array())).toThrow()
  })
})
