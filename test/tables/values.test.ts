import {
  binary,
  bool,
  type DataType,
  dateDay,
  dateMillisecond,
  decimal,
  duration,
  fixedSizeBinary,
  fixedSizeList,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  interval,
  list,
  map,
  struct,
  time,
  timestamp,
  uint8,
  uint16,
  uint32,
  uint64,
  utf8,
} from "@uwdata/flechette"
import fc from "fast-check"
import {
  dehydrate,
  type Field,
  field,
  hydrate,
  integerExtension,
  isTable,
  jsonExtension,
  Table,
  tableFromRows,
  type ValueOptions,
} from "mooring/tables"
import { describe, expect, it } from "vitest"

const safe = Number.MAX_SAFE_INTEGER
const int64s = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const digits = (count: number) => fc.bigInt({ min: -(10n ** BigInt(count)) + 1n, max: 10n ** BigInt(count) - 1n })
const decimals = (precision: number, scale: number) =>
  digits(precision).map((n) => {
    const text = `${n < 0n ? -n : n}`.padStart(scale + 1, "0")
    return `${n < 0n ? "-" : ""}${text.slice(0, text.length - scale)}${scale > 0 ? `.${text.slice(-scale)}` : ""}`
  })
const clock = (unit: number) =>
  fc.integer({ min: 0, max: 86_399_999 }).map((ms) => {
    const whole = new Date(ms).toISOString().slice(11, 19)
    return unit === 0 ? whole : `${whole}.${`${ms % 1000}`.padStart(3, "0").padEnd(unit * 3, "7")}`
  })
const dates = fc.date({ min: new Date(-8.64e15), max: new Date(8.64e15), noInvalidDate: true })
const dayText = dates.map((date) => date.toISOString().replace(/T.*/, ""))
const stamp = (unit: number) =>
  fc.tuple(dates, fc.constantFrom("000000", "000001", "999999", "123456")).map(([date, rest]) => {
    const text = date.toISOString().slice(0, -5)
    if (unit === 0) return text
    return `${text}.${`${date.getUTCMilliseconds()}`.padStart(3, "0")}${rest.slice(0, unit * 3 - 3)}`
  })
const nearStamp = fc.date({ min: new Date("1700-01-01"), max: new Date("2250-01-01"), noInvalidDate: true })

interface Case {
  type: DataType | Field
  /** Values as both the writer takes and the reader gives them. */
  values: fc.Arbitrary<unknown>
  options?: ValueOptions
}

const cases: Record<string, Case> = {
  bool: { type: bool(), values: fc.boolean() },
  int8: { type: int8(), values: fc.integer({ min: -128, max: 127 }) },
  int16: { type: int16(), values: fc.integer({ min: -32768, max: 32767 }) },
  int32: { type: int32(), values: fc.integer() },
  uint8: { type: uint8(), values: fc.nat(255) },
  uint16: { type: uint16(), values: fc.nat(65535) },
  uint32: { type: uint32(), values: fc.nat(0xffffffff) },
  "int64 as number": { type: int64(), values: fc.integer({ min: -safe, max: safe }) },
  "int64 as bigint": { type: int64(), values: int64s, options: { bigint: "bigint" } },
  "int64 as text": { type: int64(), values: int64s.map(String), options: { bigint: "string" } },
  "uint64 as number": { type: uint64(), values: fc.integer({ min: 0, max: safe }) },
  "uint64 as bigint": {
    type: uint64(),
    values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    options: { bigint: "bigint" },
  },
  "hugeint as bigint": {
    type: field("v", decimal(38, 0), { extension: integerExtension }),
    values: fc.bigInt({ min: -(2n ** 127n) + 1n, max: 2n ** 127n - 1n }),
    options: { bigint: "bigint" },
  },
  "hugeint as number": {
    type: field("v", decimal(38, 0), { extension: integerExtension }),
    values: fc.integer({ min: -safe, max: safe }),
  },
  "uhugeint as text": {
    type: field("v", decimal(39, 0, 256), { extension: integerExtension }),
    values: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(String),
    options: { bigint: "string" },
  },
  float32: { type: float32(), values: fc.float() },
  float64: { type: float64(), values: fc.double() },
  "decimal32(9, 4)": { type: decimal(9, 4, 32), values: decimals(9, 4) },
  "decimal64(18, 2)": { type: decimal(18, 2, 64), values: decimals(18, 2) },
  "decimal128(38, 10)": { type: decimal(38, 10), values: decimals(38, 10) },
  "decimal128(5, 5)": { type: decimal(5, 5), values: decimals(5, 5) },
  "decimal256(76, 0)": { type: decimal(76, 0, 256), values: decimals(76, 0) },
  utf8: { type: utf8(), values: fc.string({ unit: "grapheme", maxLength: 40 }) },
  "long utf8": { type: utf8(), values: fc.string({ unit: "grapheme-ascii", minLength: 200, maxLength: 400 }) },
  json: {
    type: field("v", utf8(), { extension: jsonExtension }),
    values: fc.jsonValue().map((v) => ({ v: JSON.parse(JSON.stringify(v)) })),
  },
  binary: { type: binary(), values: fc.uint8Array() },
  "binary(5)": { type: fixedSizeBinary(5), values: fc.uint8Array({ minLength: 5, maxLength: 5 }) },
  date: { type: dateDay(), values: dayText },
  "date as Date": { type: dateDay(), values: dayText.map((text) => new Date(text)), options: { date: "Date" } },
  "date[ms]": { type: dateMillisecond(), values: dayText },
  "time[s]": { type: time(0), values: clock(0) },
  "time[ms]": { type: time(1), values: clock(1) },
  "time[us]": { type: time(2), values: clock(2) },
  "time[ns]": { type: time(3), values: clock(3) },
  "timestamp[ms]": { type: timestamp(1), values: dates },
  "timestamp[us, UTC]": { type: timestamp(2, "UTC"), values: dates },
  "timestamp[ns]": { type: timestamp(3), values: nearStamp },
  "timestamp[s] as text": { type: timestamp(0), values: stamp(0), options: { timestamp: "string" } },
  "timestamp[ms] as text": { type: timestamp(1), values: stamp(1), options: { timestamp: "string" } },
  "timestamp[us, zone] as text": {
    type: timestamp(2, "Europe/Berlin"),
    values: stamp(2).map((text) => `${text}Z`),
    options: { timestamp: "string" },
  },
  "timestamp[ns] as text": {
    type: timestamp(3),
    values: nearStamp.map((date) => `${date.toISOString().slice(0, -1)}123456`),
    options: { timestamp: "string" },
  },
  "duration[us]": {
    type: duration(2),
    values: fc
      .integer({ min: 1, max: 59_999_999 })
      .map(
        (us) => `PT${String(us / 1e6).includes("e") ? `0.${`${us}`.padStart(6, "0").replace(/0+$/, "")}` : us / 1e6}S`,
      ),
  },
  "interval[months, days, ns]": {
    type: interval(2),
    values: fc
      .tuple(fc.integer({ min: -99, max: 99 }), fc.integer({ min: -40, max: 40 }), fc.integer({ min: -23, max: 23 }))
      .map(([years, days, hours]) => {
        const date = (years ? `${years}Y` : "") + (days ? `${days}D` : "")
        return date === "" && hours === 0 ? "PT0S" : `P${date}${hours ? `T${hours}H` : ""}`
      }),
  },
  "list<int32>": { type: list(int32()), values: fc.array(fc.option(fc.integer())) },
  "list<list<utf8>>": { type: list(list(utf8())), values: fc.array(fc.option(fc.array(fc.option(fc.string())))) },
  "fixed list": {
    type: fixedSizeList(float64(), 3),
    values: fc.array(fc.option(fc.double()), { minLength: 3, maxLength: 3 }),
  },
  struct: {
    type: struct({ a: int32(), b: list(utf8()) }),
    values: fc.record({ a: fc.option(fc.integer()), b: fc.option(fc.array(fc.string())) }),
  },
  map: { type: map(utf8(), int64()), values: fc.array(fc.tuple(fc.string(), fc.option(fc.integer()))) },
}

describe("a value comes back as it was", () => {
  for (const [name, { type, values, options }] of Object.entries(cases)) {
    it(name, () => {
      fc.assert(
        fc.property(fc.array(fc.option(values), { maxLength: 40 }), (column) => {
          const made = tableFromRows(
            column.map((v) => ({ v })),
            { v: type },
          ).withValues(options ?? {}) as Table<{ v: unknown }>
          const expected = column.map((v) => ({ v }))
          expect(made.toArray()).toEqual(expected)
          expect([...made]).toEqual(expected)
          expect(column.map((_, i) => made.at(i))).toEqual(expected)
          expect(made.column("v").toArray()).toEqual(column)
          expect([...made.column("v")]).toEqual(column)
          expect(made.column("v").nullCount).toBe(column.filter((v) => v === null).length)

          const stream = Table.fromIPC(made.toIPC(), options)
          expect(stream.toArray()).toEqual(expected)
          expect(stream.schema.fields[0]!.metadata ?? null).toEqual(made.schema.fields[0]!.metadata)
          expect(Table.fromIPC(made.toIPC({ format: "file" }), options).toArray()).toEqual(expected)
          const { message, transfer } = dehydrate(Table.fromIPC(made.toIPC(), options))
          const moved = hydrate(structuredClone(message, { transfer }))
          expect(isTable(moved)).toBe(true)
          expect(moved.toArray()).toEqual(expected)
        }),
        { numRuns: 30 },
      )
    })
  }
})

describe("the type of a value follows the column", () => {
  it("refuses an integer beyond 2^53 as a number, naming column and remedy", () => {
    for (const [type, values] of [
      [int64(), [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]],
      [uint64(), [2n ** 53n, 2n ** 64n - 1n]],
      [field("", decimal(38, 0), { extension: integerExtension }), [2n ** 53n, -(2n ** 100n)]],
    ] as const) {
      for (const value of values) {
        const table = tableFromRows([{ id: 1n }, { id: value }], { id: type })
        for (const read of [() => table.toArray(), () => table.at(1), () => [...table.column("id")]]) {
          expect(read).toThrow(expect.objectContaining({ code: "BAD_VALUE", message: expect.stringContaining('"id"') }))
          expect(read).toThrow(
            expect.objectContaining({ hint: expect.stringContaining('values: { bigint: "string" }') }),
          )
        }
        expect(table.at(0)).toEqual({ id: 1 })
        expect(table.withValues({ bigint: "string" }).at(1)).toEqual({ id: `${value}` })
      }
    }
  })

  it("names the way to a field of a struct", () => {
    const table = tableFromRows([{ trip: { id: 2n ** 60n } }])
    expect(() => table.toArray()).toThrow('"trip"."id"')
  })

  it("gives decimals as numbers when asked", () => {
    const table = tableFromRows([{ d: "-12.50" }, { d: null }], { d: decimal(10, 2) })
    expect(table.toArray()).toEqual([{ d: "-12.50" }, { d: null }])
    expect(table.withValues({ decimal: "number" }).toArray()).toEqual([{ d: -12.5 }, { d: null }])
  })

  it("keeps nanoseconds in text, and gives Dates and numbers of milliseconds", () => {
    const text = "1969-12-31T23:59:59.999999999"
    const table = tableFromRows([{ t: text }], { t: timestamp(3) })
    expect(table.at(0)).toEqual({ t: new Date(-1) })
    expect(table.withValues({ timestamp: "string" }).at(0)).toEqual({ t: text })
    expect(table.withValues({ timestamp: "number" }).at(0)).toEqual({ t: -0.000001 })
  })

  it("shows infinite and far timestamps as text, and refuses them as Dates", () => {
    const values = ["infinity", "-infinity", "+290000-01-01T00:00:00.000000"]
    const table = tableFromRows(
      values.map((t) => ({ t })),
      { t: timestamp(2) },
    )
    expect(table.withValues({ timestamp: "string" }).column("t").toArray()).toEqual(values)
    for (const i of values.keys()) {
      expect(() => table.at(i)).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
      expect(() => table.toArray()).toThrow(values[0])
      expect(() => table.withValues({ timestamp: "number" }).at(i)).toThrow(
        expect.objectContaining({ code: "BAD_VALUE" }),
      )
    }
    const days = tableFromRows([{ d: "infinity" }, { d: "-infinity" }, { d: "-004712-01-01" }], { d: dateDay() })
    expect(days.column("d").toArray()).toEqual(["infinity", "-infinity", "-004712-01-01"])
    expect(() => days.withValues({ date: "Date" }).at(0)).toThrow("infinity")
    expect(days.withValues({ date: "Date" }).at(2)).toEqual({ d: new Date("-004712-01-01") })
  })

  it("reads intervals of all units", () => {
    const rows = [{ i: "P1Y2M-3DT4H5M6.007S" }, { i: "PT-0.000000001S" }, { i: "PT0S" }, { i: "P-1M" }]
    expect(tableFromRows(rows, { i: interval(2) }).toArray()).toEqual(rows)
    expect(tableFromRows([{ i: "P1Y1M" }], { i: interval(0) }).toArray()).toEqual([{ i: "P1Y1M" }])
    expect(tableFromRows([{ i: "P2DT0.5S" }], { i: interval(1) }).toArray()).toEqual([{ i: "P2DT0.5S" }])
    expect(tableFromRows([{ i: "P1DT1H" }], { i: duration(3) }).toArray()).toEqual([{ i: "PT25H" }])
  })

  it("refuses text that is not JSON in a JSON column", () => {
    const broken = tableFromRows([{ j: "{nope" }], { j: utf8() })
    const asJson = new Table(
      { ...broken.schema, fields: [field("j", utf8(), { extension: jsonExtension })] },
      broken.columns.map((column) => column.batches),
    )
    expect(() => asJson.toArray()).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
  })

  it("keeps a byte order mark and mends broken UTF-8", () => {
    expect(tableFromRows([{ t: "\ufeffa" }]).at(0)).toEqual({ t: "\ufeffa" })
    expect(tableFromRows([{ t: "a\ud800" }]).at(0)).toEqual({ t: "a\ufffd" })
  })

  it("refuses unknown value options by name", () => {
    const table = tableFromRows([{ a: 1 }])
    expect(() => table.withValues({ bigints: "string" } as never)).toThrow(
      expect.objectContaining({ code: "BAD_CONFIG" }),
    )
    expect(() => table.withValues({ date: "number" } as never)).toThrow("values.date")
  })
})

describe("tableFromRows", () => {
  it("infers types that hold every value exactly", () => {
    const rows = [
      {
        b: true,
        i: 1,
        l: 2 ** 40,
        f: 1.5,
        s: "x",
        d: new Date(5),
        n: 9n,
        u: Uint8Array.of(1),
        a: [1, 2.5],
        o: { x: 1 },
        z: null,
      },
      { b: null, i: -5, l: 1, f: -0, s: "", d: null, n: 10n, u: null, a: [], o: { y: "q" }, z: undefined },
    ]
    const table = tableFromRows<object>(rows)
    expect(table.columns.map((column) => column.type.typeId)).toEqual([6, 2, 2, 3, 5, 10, 2, 4, 12, 13, 1])
    expect(table.toArray()).toEqual([
      { ...rows[0], n: 9, o: { x: 1, y: null } },
      { ...rows[1], n: 10, o: { x: null, y: "q" }, z: null },
    ])
  })

  it("keeps integers wider than 64 bits", () => {
    const table = tableFromRows([{ n: 2n ** 200n }, { n: -5n }]).withValues({ bigint: "bigint" })
    expect(table.toArray()).toEqual([{ n: 2n ** 200n }, { n: -5n }])
  })

  it("fills missing keys with NULL and keeps the columns of an empty result", () => {
    expect(tableFromRows<object>([{ a: 1 }, { b: "x" }]).toArray()).toEqual([
      { a: 1, b: null },
      { a: null, b: "x" },
    ])
    const empty = tableFromRows([], { a: int32(), b: utf8() })
    expect(empty.names).toEqual(["a", "b"])
    expect(empty.toArray()).toEqual([])
    expect(Table.fromIPC(empty.toIPC()).schema.fields.map(({ type }) => type.typeId)).toEqual([2, 5])
  })

  it.each([
    [int8(), 128],
    [int32(), 1.5],
    [uint32(), -1],
    [int64(), 2n ** 63n],
    [int64(), 2 ** 53],
    [decimal(4, 2), "1.005"],
    [decimal(4, 2), "100.00"],
    [decimal(4, 2), "abc"],
    [dateDay(), "2023-02-29"],
    [dateDay(), "yesterday"],
    [time(1), "25:00:00"],
    [time(1), "10:00:00.0001"],
    [timestamp(0), new Date(1)],
    [timestamp(2), new Date(Number.NaN)],
    [timestamp(3), "2300-01-01T00:00:00"],
    [bool(), 1],
    [utf8(), 1],
    [binary(), "x"],
    [list(int32()), "x"],
    [struct({ a: int32() }), 5],
    [duration(0), "P1M"],
    [interval(0), "P1D"],
  ])("refuses a value that %o cannot hold", (type, v) => {
    expect(() => tableFromRows([{ v }], { v: type as DataType })).toThrow(
      expect.objectContaining({ code: "BAD_VALUE", message: expect.stringContaining('"v"') }),
    )
  })

  it("refuses columns of mixed types", () => {
    expect(() => tableFromRows([{ v: 1 }, { v: "x" }] as object[])).toThrow("integer, string")
    expect(() => tableFromRows([{ v: () => 1 }])).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
  })

  it("reads offsets and exponents", () => {
    const t = tableFromRows([{ t: "2024-01-01 12:00:00+02:30" }, { t: "2024-01-01" }], { t: timestamp(1, "UTC") })
    expect(t.column("t").toArray()).toEqual([new Date("2024-01-01T09:30:00Z"), new Date("2024-01-01T00:00:00Z")])
    expect(
      tableFromRows([{ d: 1e-2 }, { d: "1e2" }, { d: ".5" }], { d: decimal(9, 2) })
        .column("d")
        .toArray(),
    ).toEqual(["0.01", "100.00", "0.50"])
  })
})
