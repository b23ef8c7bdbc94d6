import fc from "fast-check"
import { expect, test } from "vitest"
import { isMooringError } from "../../../src/errors.ts"
import { RowReader } from "../../../src/sql/dialects/postgres/rows.ts"
import { columnReader } from "../../../src/sql/dialects/postgres/types.ts"
import { Framer, headerBytes, type Source } from "../../../src/sql/dialects/postgres/wire/framer.ts"
import { dataRow, int16, int32, message, tag } from "./backend.ts"

const columns = [
  ["i2", 21, 1],
  ["i4", 23, 1],
  ["i8", 20, 1],
  ["f8", 701, 1],
  ["b", 16, 1],
  ["t", 25, 0],
  ["n", 1700, 1],
  ["a", 1007, 1],
  ["ta", 1009, 0],
  ["x", 17, 1],
] as const

/** numeric(10, 2) */
const modifier = ((10 << 16) | 2) + 4

function newReader(): RowReader {
  return new RowReader(
    columns.map(([name, typeId, format]) =>
      columnReader({ name, typeId, modifier: typeId === 1700 ? modifier : -1, format }, undefined),
    ),
  )
}

function double(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

/** Row `i`, as bytes and as an object. */
function sample(i: number): { bytes: Buffer; row: Record<string, unknown> } {
  const text = "né🦉".repeat(i % 30)
  const array = Buffer.concat([int32(1), int32(1), int32(23), int32(2), int32(1), int32(4), int32(i), int32(-1)])
  const fields = [
    int16(i),
    int32(-i),
    long(BigInt(i) * 4_294_967_296n),
    double(i / 3),
    Buffer.from([i % 2]),
    Buffer.from(text),
    Buffer.concat([int16(2), int16(0), int16(0), int16(2), int16(i), int16(2500)]),
    array,
    Buffer.from('{"a\\"b",NULL,c}'),
    Buffer.alloc(i % 100, i),
  ]
  const row: Record<string, unknown> = {
    i2: i,
    i4: -i,
    i8: i * 4_294_967_296,
    f8: i / 3,
    b: i % 2 === 1,
    t: text,
    n: `${i}.25`,
    a: [i, null],
    ta: ['a"b', null, "c"],
    x: new Uint8Array(i % 100).fill(i),
  }
  const nulls = columns.map(([name], c) => ((i + c) % 7 === 0 ? name : undefined))
  for (const name of nulls) if (name !== undefined) row[name] = null
  return { bytes: dataRow(fields.map((field, c) => (nulls[c] === undefined ? field : null))), row }
}

const samples = Array.from({ length: 40 }, (_, i) => sample(i + 1))
const wanted = samples.map(({ row }) => row)
const stream = Buffer.concat([...samples.map(({ bytes }) => bytes), message("N", Buffer.from("x")), tag("SELECT 40")])

/** Reads the bytes in these pieces. */
function read(pieces: readonly Buffer[]): { rows: unknown[]; others: string[] } {
  const reader = newReader()
  const others: string[] = []
  const framer = new Framer({
    frame(code: number, source: Source, start: number, end: number) {
      if (code === 0x44) reader.take(source, start, end)
      else others.push(String.fromCharCode(code) + source.bytes.toString("latin1", start + headerBytes, end))
    },
    release: () => reader.copy(),
  })
  // Each piece is a copy that is overwritten afterwards: what is kept of it must have been copied.
  for (const piece of pieces) {
    const bytes = Buffer.from(piece)
    framer.push(bytes)
    bytes.fill(0xff)
  }
  return { rows: reader.finish().toArray(), others }
}

const whole = { rows: wanted, others: ["Nx", "CSELECT 40\0"] }

test("rows are the same in one piece, byte by byte, and cut in two at every place", () => {
  expect(read([stream])).toEqual(whole)
  expect(read(Array.from(stream, (_, i) => stream.subarray(i, i + 1)))).toEqual(whole)
  const short = Buffer.concat([samples[7]!.bytes, samples[8]!.bytes, tag("SELECT 2")])
  const expected = { rows: [wanted[7], wanted[8]], others: ["CSELECT 2\0"] }
  for (let cut = 1; cut < short.length; cut++) {
    expect(read([short.subarray(0, cut), short.subarray(cut)]), `cut at ${cut}`).toEqual(expected)
  }
})

test("rows are the same however they are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 60 }), (lengths) => {
      const pieces: Buffer[] = []
      let place = 0
      for (const length of lengths) pieces.push(stream.subarray(place, (place += length)))
      pieces.push(stream.subarray(place))
      expect(read(pieces)).toEqual(whole)
    }),
    { numRuns: 100 },
  )
})

test("broken bytes are an error or other values, and never more memory than came", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 3000 }),
      (changes, size) => {
        const broken = Buffer.from(stream)
        for (const [place, byte] of changes) broken[place] = byte
        const pieces: Buffer[] = []
        for (let i = 0; i < broken.length; i += size) pieces.push(broken.subarray(i, i + size))
        const before = process.memoryUsage().arrayBuffers
        try {
          read(pieces)
        } catch (error) {
          const known =
            error instanceof RangeError || (error as Error).name === "ProtocolError" || isMooringError(error)
          expect(known, String(error)).toBe(true)
        }
        expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
      },
    ),
    { numRuns: 1000 },
  )
})

test("a message that nobody wants is dropped, and those behind it are as they were", () => {
  const unwanted = dataRow([Buffer.alloc(900)])
  const bytes = Buffer.concat([tag("SELECT 1"), unwanted, tag("SELECT 2"), unwanted, unwanted, tag("SELECT 3")])
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1100 }), (size) => {
      const tags: string[] = []
      let rows = 0
      let refused = 0
      const framer = new Framer({
        frame(code, source, start, end) {
          if (code === 0x44) rows++
          else tags.push(source.bytes.toString("latin1", start + headerBytes, end - 1))
        },
        release: () => undefined,
        refuses: (code, whole) => code === 0x44 && whole === unwanted.length && ++refused > 0,
      })
      for (let i = 0; i < bytes.length; i += size) framer.push(bytes.subarray(i, i + size))
      expect(tags).toEqual(["SELECT 1", "SELECT 2", "SELECT 3"])
      // What lies in one piece as a whole is given: whoever gets it has it already.
      expect(rows + refused).toBe(3)
      if (size < unwanted.length) expect(rows).toBe(0)
    }),
    { numRuns: 200 },
  )
})

test("a message that says it is huge takes no more room than its bytes", () => {
  const framer = new Framer({ frame: () => undefined, release: () => undefined })
  framer.push(Buffer.concat([Buffer.from("D"), int32(0x3fff_ffff), Buffer.alloc(100)]))
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 100; i++) framer.push(Buffer.alloc(1000))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  for (const length of [0, 3, -1, 0x4000_0001]) {
    const other = new Framer({ frame: () => undefined, release: () => undefined })
    expect(() => other.push(Buffer.concat([Buffer.from("D"), int32(length)]))).toThrow("not PostgreSQL's protocol")
  }
})
