import fc from "fast-check"
import { expect, test } from "vitest"
import { isMooringError } from "../../../src/errors.ts"
import type { ColumnDefinition } from "../../../src/sql/dialects/mysql/driver.ts"
import { RowReader, TextRowReader } from "../../../src/sql/dialects/mysql/rows.ts"
import { columnReader } from "../../../src/sql/dialects/mysql/types.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { rechunking } from "./proxy.ts"
import { Link, onServer } from "./reading.ts"

const noLimits = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
const unsigned = 32

function column(name: string, columnType: number, more: Partial<ColumnDefinition> = {}): ColumnDefinition {
  return { name, columnType, flags: 0, characterSet: 63, columnLength: 12, decimals: 0, ...more }
}

/** One of each kind of reader. */
const columns: readonly ColumnDefinition[] = [
  column("i1", 1),
  column("u2", 2, { flags: unsigned }),
  column("i4", 3),
  column("i8", 8),
  column("f4", 4),
  column("f8", 5),
  column("dec", 246, { decimals: 2 }),
  column("wide", 246, { columnLength: 67, decimals: 30 }),
  column("date", 10),
  column("stamp", 7),
  column("time", 11),
  column("bit", 16),
  column("text", 253, { characterSet: 45 }),
  column("blob", 252),
  column("geo", 255),
  column("none", 6),
]

const fixed = (size: number, write: (bytes: Buffer) => void) => {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return bytes
}
/** With the shortest length, or a longer one that says the same: behind a first byte of 252, 253 or 254. */
function coded(bytes: Buffer, wish = 0): Buffer {
  const first = Math.max(wish, bytes.length < 251 ? 0 : bytes.length < 65_536 ? 252 : 253)
  if (first === 0) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = Buffer.alloc(8)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([Buffer.from([first]), length.subarray(0, first === 252 ? 2 : first === 253 ? 3 : 8), bytes])
}

interface Sample {
  readonly binary: Buffer
  readonly text: Buffer
  readonly row: Record<string, unknown>
}

/** A row in both protocols, and what it is in JavaScript. */
function sample(i: number): Sample {
  const word = "né🦉".repeat(i % 60)
  const digits = `${i}.${String(i % 100).padStart(2, "0")}`
  const long = `-${"7".repeat(i % 35)}1.${"3".repeat(30)}`
  const point = Buffer.from("e6100000010100000000000000000000000000000000000000", "hex")
  const blob = Buffer.alloc((i * 97) % 70_000, i)
  const first = [0, 252, 253, 254][i % 4]!
  const day = Buffer.from([0xe8, 0x07, 2, 1 + (i % 29)])
  const dd = String(1 + (i % 29)).padStart(2, "0")
  const fields: readonly (readonly [binary: Buffer | null, text: Buffer | null, value: unknown])[] = [
    [fixed(1, (b) => b.writeInt8(-i)), Buffer.from(`${-i}`), -i],
    [fixed(2, (b) => b.writeUInt16LE(i * 900)), Buffer.from(`${i * 900}`), i * 900],
    [fixed(4, (b) => b.writeInt32LE(i * -1e7)), Buffer.from(`${i * -1e7}`), i * -1e7],
    [fixed(8, (b) => b.writeBigInt64LE(BigInt(i) << 40n)), Buffer.from(`${BigInt(i) << 40n}`), i * 2 ** 40],
    [fixed(4, (b) => b.writeFloatLE(i / 4)), Buffer.from(`${i / 4}`), i / 4],
    [fixed(8, (b) => b.writeDoubleLE(i / 3)), Buffer.from(`${i / 3}`), i / 3],
    [coded(Buffer.from(digits), first), coded(Buffer.from(digits), first), digits],
    [coded(Buffer.from(long)), coded(Buffer.from(long)), long],
    [coded(day), Buffer.from(`2024-02-${dd}`), `2024-02-${dd}`],
    [
      coded(Buffer.concat([day, Buffer.from([23, 59, i, 0x40, 0xe2, 0x01, 0])])),
      Buffer.from(`2024-02-${dd} 23:59:${String(i).padStart(2, "0")}.123456`),
      new Date(Date.UTC(2024, 1, 1 + (i % 29), 23, 59, i, 123)),
    ],
    [
      coded(Buffer.from([1, 1, 0, 0, 0, 2, 3, i])),
      Buffer.from(`-26:03:${String(i).padStart(2, "0")}`),
      `PT-26H-3M-${i}S`,
    ],
    [coded(Buffer.from([1, i])), coded(Buffer.from([1, i])), 256 + i],
    [coded(Buffer.from(word)), coded(Buffer.from(word)), word],
    [coded(blob, first), coded(blob, first), new Uint8Array(blob)],
    [coded(point), coded(point), new Uint8Array(point.subarray(4))],
    [null, null, null],
  ]
  const row: Record<string, unknown> = {}
  const nulls = Buffer.alloc((columns.length + 9) >> 3)
  const binary: Buffer[] = []
  const text: Buffer[] = []
  fields.forEach(([inBinary, inText, value], c) => {
    const isNull = inBinary === null || inText === null || (i + c) % 7 === 0
    row[columns[c]!.name] = isNull ? null : value
    if (isNull) nulls[(c + 2) >> 3]! |= 1 << ((c + 2) & 7)
    else binary.push(inBinary)
    const isCoded = inText === inBinary || [6, 7, 11, 12, 13, 14].includes(c)
    text.push(isNull ? Buffer.from([251]) : isCoded ? inText : coded(inText))
  })
  return { binary: Buffer.concat([Buffer.from([0]), nulls, ...binary]), text: Buffer.concat(text), row }
}

const samples = Array.from({ length: 59 }, (_, i) => sample(i + 1))
const wanted = samples.map(({ row }) => row)
const protocols = [
  ["binary", RowReader, samples.map(({ binary }) => binary)],
  ["text", TextRowReader, samples.map(({ text }) => text)],
] as const

for (const [name, Reader, packets] of protocols) {
  test(`${name}: rows are the same in one chunk, in one each, and between other bytes`, () => {
    for (const around of [0, 1, 1000]) {
      const whole = new Reader(columns, noLimits)
      const chunk = Buffer.concat(
        packets.flatMap((packet) => [Buffer.alloc(around, 0xff), packet, Buffer.alloc(around, 0xff)]),
      )
      let place = 0
      for (const { length } of packets) {
        whole.read(chunk, place + around, (place += around + length))
        place += around
      }
      expect(whole.rowCount).toBe(packets.length)
      expect(whole.take().toArray()).toEqual(wanted)
    }
    const each = new Reader(columns, noLimits)
    for (const packet of packets) each.read(Buffer.from(packet), 0, packet.length)
    expect(each.take().toArray()).toEqual(wanted)
  })

  test(`${name}: rows can be taken in batches of any size`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 10 }), (sizes) => {
        const reader = new Reader(columns, noLimits)
        const rows: unknown[] = []
        let next = 0
        for (const size of [...sizes, packets.length]) {
          for (let i = 0; i < size && next < packets.length; i++) {
            const packet = packets[next++]!
            reader.read(packet, 0, packet.length)
          }
          const count = reader.rowCount
          const table = reader.take()
          expect([table.numRows, reader.rowCount, reader.bytes]).toEqual([count, 0, 0])
          expect(table.schema).toEqual(reader.schema)
          rows.push(...table.toArray())
        }
        expect(rows).toEqual(wanted)
      }),
      { numRuns: 30 },
    )
  })

  test(`${name}: a packet that ends anywhere else is an error`, () => {
    for (const packet of packets.slice(0, 5)) {
      const places = packet.length < 2000 ? packet.length : 300
      for (let end = 0; end < places; end++) {
        expect(() => new Reader(columns, noLimits).read(packet, 0, end), `${end}`).toThrow("not MySQL's protocol")
      }
      const longer = Buffer.concat([packet, Buffer.from([0])])
      expect(() => new Reader(columns, noLimits).read(longer, 0, longer.length)).toThrow("not MySQL's protocol")
    }
  })

  test(`${name}: broken bytes are an error or other values, never more memory than came`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(packets.length - 1), fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const broken = packets.map((packet) => Buffer.from(packet))
          for (const [row, place, byte] of changes) broken[row]![place % broken[row]!.length] = byte
          survive(Reader, broken)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test(`${name}: random bytes are an error or other values`, () => {
    const anyColumns = fc.array(
      fc.record({
        columnType: fc.oneof(fc.constantFrom(...columns.map(({ columnType }) => columnType)), fc.nat(255)),
        flags: fc.nat(65_535),
        characterSet: fc.constantFrom(45, 63),
        columnLength: fc.oneof(fc.nat(100), fc.nat(2 ** 32 - 1)),
        decimals: fc.nat(255),
      }),
      { minLength: 1, maxLength: 6 },
    )
    fc.assert(
      fc.property(anyColumns, fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (given, rows) => {
        const fields = given.map((field, i) => ({ ...field, name: `c${i}` }))
        // The first bytes of a binary row: 0, and no NULLs.
        const prefix = Buffer.alloc(Reader === RowReader ? 1 + ((fields.length + 9) >> 3) : 0)
        survive(
          Reader,
          rows.map((row) => Buffer.concat([prefix, row])),
          fields,
        )
      }),
      { numRuns: 3000 },
    )
  })

  test(`${name}: a length beyond the packet is an error, however long`, () => {
    const text = [column("v", 253, { characterSet: 45 })]
    const prefix = Buffer.alloc(Reader === RowReader ? 3 : 0)
    for (const length of [
      "fb",
      "ff",
      "fc",
      "fcff",
      "fcffff",
      "fdffffff",
      "feffffffffffffffff",
      "fe00000080000000",
      "fe0000000001000000",
    ]) {
      if (length === "fb" && Reader === TextRowReader) continue
      const row = Buffer.concat([prefix, Buffer.from(length, "hex")])
      // What lies behind the packet must not be taken for it.
      const chunk = Buffer.concat([row, Buffer.alloc(100_000, 0x61)])
      expect(() => new Reader(text, noLimits).read(chunk, 0, row.length), length).toThrow("not MySQL's protocol")
    }
  })
}

/** Reads what may be broken: it may fail, but only as it is meant to, and with little memory. */
function survive(Reader: typeof RowReader | typeof TextRowReader, rows: readonly Buffer[], fields = columns): void {
  const before = process.memoryUsage().arrayBuffers
  try {
    const reader = new Reader(fields, noLimits)
    for (const row of rows) reader.read(row, 0, row.length)
    reader.take()
  } catch (error) {
    expect(isMooringError(error) || (error as Error).name === "ProtocolError", String(error)).toBe(true)
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
}

test("after an error a reader gives it again, and no rows", () => {
  const reader = new RowReader([column("d", 10)], noLimits)
  reader.read(Buffer.from([0, 0, 4, 0xe8, 7, 1, 1]), 0, 7)
  reader.read(Buffer.from([0, 0, 0]), 0, 3)
  expect(() => reader.read(Buffer.from([0, 0, 0]), 0, 3)).toThrow("0000-00-00")
  expect(() => reader.read(Buffer.from([0, 0, 4, 0xe8, 7, 1, 1]), 0, 7)).toThrow("0000-00-00")
  expect(() => reader.take()).toThrow("0000-00-00")
})

test("decimals are exact at every length", () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength: 35 })
  fc.assert(
    fc.property(digits, digits, fc.boolean(), fc.constantFrom(0, 30), (whole, given, isNegative, missing) => {
      const scale = given.length
      const precision = Math.max(1, whole.length + scale)
      const fraction = missing > 0 ? given.replace(/0+$/, "") : given
      const text = `${isNegative ? "-" : ""}${whole || "0"}${fraction === "" ? "" : `.${fraction}`}`
      const definition = column("d", 246, { decimals: scale, columnLength: precision + 1 + (scale > 0 ? 1 : 0) })
      const reader = new RowReader([definition], noLimits)
      const packet = Buffer.concat([Buffer.alloc(2), coded(Buffer.from(text))])
      reader.read(packet, 0, packet.length)
      const table = reader.take()
      const size = BigInt(`${whole}${given}` || "0")
      const magnitude = size.toString().padStart(scale + 1, "0")
      const written = scale === 0 ? magnitude : `${magnitude.slice(0, -scale)}.${magnitude.slice(-scale)}`
      expect(table.getChild("d")!.at(0)).toBe(isNegative && size > 0n ? `-${written}` : written)
    }),
    { numRuns: 2000 },
  )
  for (const text of ["", "-", ".", "1.2.3", "1e5", "+1", "12345678901", "1.234", " 1", "--1"]) {
    const definition = column("d", 246, { decimals: 2, columnLength: 12 })
    const reader = new RowReader([definition], noLimits)
    const packet = Buffer.concat([Buffer.alloc(2), coded(Buffer.from(text))])
    reader.read(packet, 0, packet.length)
    expect(() => reader.take(), text).toThrow('column "d"')
  }
})

test("every kind of reader is in these tests", () => {
  const kinds = new Set(columns.map((definition) => columnReader(definition).constructor))
  expect(kinds.size).toBe(14)
})

const select = `
  select seq as i, cast(seq / 7 as decimal(30, 10)) as d, repeat(concat('é🦉', seq), seq % 30) as t,
    date_add('2024-01-01 00:00:00.25', interval seq second) as a, if(seq % 3, null, seq / 3e0) as f, md5(seq) as m
  from seq_1_to_300`

onServer(
  "what the server sends is the same byte by byte, cut at every place, and cut at random",
  async () => {
    const address = await newMariaDBDatabase()
    const direct = new Link(address)
    const expected = (await direct.read(select)).toArray()
    const few = (await direct.read(`${select} limit 4`)).toArray()
    direct.close()
    const random = fc.sample(fc.integer({ min: 1, max: 400 }), { numRuns: 5000, seed: 7 })
    const whole = () => 1_000_000
    let size = whole
    const port = await rechunking(address, () => size())
    const through = new Link({ ...address, port })
    const check = async (cuts: () => () => number, sql = select, rows: unknown[] = expected) => {
      for (const read of [() => through.read(sql), () => through.readText(sql)]) {
        await through.run("do 1")
        size = cuts()
        expect((await read()).toArray()).toEqual(rows)
        size = whole
      }
    }
    await check(() => () => 1)
    await check(() => () => 3)
    let next = 0
    for (let run = 0; run < 20; run++) await check(() => () => random[next++ % random.length]!)
    // The first piece ends one byte later each time.
    for (let cut = 1; cut < 700; cut++) {
      const cutOnce = () => {
        const pieces = [cut]
        return () => pieces.pop() ?? whole()
      }
      await check(cutOnce, `${select} limit 4`, few)
    }
    through.close()
  },
  300_000,
)
