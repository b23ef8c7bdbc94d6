import fc from "fast-check"
import { expect, test } from "vitest"
import { isMooringError } from "../../../src/errors.ts"
import { RowReader, TextRowReader } from "../../../src/sql/dialects/mysql/rows.ts"
import { columnReader } from "../../../src/sql/dialects/mysql/types.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { coded, column, columns, samples, wanted } from "./packets.ts"
import { rechunking } from "./proxy.ts"
import { Link, onServer } from "./reading.ts"

const noLimits = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
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

test("days are told apart, also from none, wherever they stand among others", () => {
  const packet = (...parts: number[]) => Buffer.from([0, 0, parts.length, ...parts])
  const read = (packets: readonly Buffer[], zeroDates?: "null") => {
    const reader = new RowReader([column("t", 12)], { ...noLimits, ...(zeroDates && { zeroDates }) })
    const chunk = Buffer.concat(packets)
    let place = 0
    for (const { length } of packets) reader.read(chunk, place, (place += length))
    return reader.take().getChild("t")!.toArray()
  }
  const none = packet(0, 0, 0, 0, 10, 0, 0)
  const days = fc.array(
    fc.tuple(fc.constantFrom(0, 1, 1969, 1970, 2024, 9999), fc.integer({ min: 1, max: 12 }), fc.nat(23)),
    { minLength: 1, maxLength: 30 },
  )
  fc.assert(
    fc.property(days, (given) => {
      const packets = given.map(([year, month, hour]) => packet(year & 255, year >> 8, month, 1, hour, 30, 15))
      const wanted = given.map(([year, month, hour]) => {
        const date = new Date(0)
        date.setUTCFullYear(year, month - 1, 1)
        date.setUTCHours(hour, 30, 15)
        return date
      })
      expect(read(packets)).toEqual(wanted)
      expect(read([none, ...packets, none], "null")).toEqual([null, ...wanted, null])
      expect(() => read([...packets, none])).toThrow("0000-00-00")
    }),
  )
  expect(() => read([none])).toThrow("0000-00-00")
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
