import * as flechette from "@uwdata/flechette"
import * as arrow from "apache-arrow"
import { concatTables, dehydrate, hydrate, Table } from "mooring/tables"
import { describe, expect, it } from "vitest"
import { DictionaryColumn, dictionaryValues, type FixedColumn, TableBuilder } from "../../src/tables/columns.ts"
import { field, schema } from "../../src/tables/types.ts"

function vector(type: arrow.DataType, values: unknown[]): arrow.Vector {
  return arrow.vectorFromArray(values, type as never)
}

const day = 86_400_000
const f = (name: string, type: arrow.DataType) => new arrow.Field(name, type, true)
const raw = (type: arrow.DataType, parts: object, length: number) =>
  new arrow.Vector([arrow.makeData({ type, length, nullCount: 0, ...parts } as never)])

/** What apache-arrow writes, and what Mooring gives for it. */
const cases: Record<string, [arrow.Vector, unknown[]]> = {
  null: [vector(new arrow.Null(), [null, null]), [null, null]],
  bool: [vector(new arrow.Bool(), [true, null, false]), [true, null, false]],
  int8: [vector(new arrow.Int8(), [-128, null, 127]), [-128, null, 127]],
  uint8: [vector(new arrow.Uint8(), [255, null]), [255, null]],
  int16: [vector(new arrow.Int16(), [-32768, null]), [-32768, null]],
  uint16: [vector(new arrow.Uint16(), [65535, null]), [65535, null]],
  int32: [vector(new arrow.Int32(), [-(2 ** 31), null]), [-(2 ** 31), null]],
  uint32: [vector(new arrow.Uint32(), [2 ** 32 - 1, null]), [2 ** 32 - 1, null]],
  int64: [vector(new arrow.Int64(), [-(2n ** 53n) + 1n, null]), [-(2 ** 53) + 1, null]],
  uint64: [vector(new arrow.Uint64(), [2n ** 53n - 1n, null]), [2 ** 53 - 1, null]],
  float16: [
    raw(new arrow.Float16(), { data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x8000) }, 7),
    [1, -2, 2 ** -24, 65504, Infinity, -Infinity, -0],
  ],
  float32: [vector(new arrow.Float32(), [0.5, null, -0]), [0.5, null, -0]],
  float64: [vector(new arrow.Float64(), [Math.PI, null, Number.NaN]), [Math.PI, null, Number.NaN]],
  utf8: [vector(new arrow.Utf8(), ["", null, "Zoë 🦉"]), ["", null, "Zoë 🦉"]],
  largeUtf8: [vector(new arrow.LargeUtf8(), ["a", null, "é"]), ["a", null, "é"]],
  binary: [vector(new arrow.Binary(), [Uint8Array.of(0, 255), null]), [Uint8Array.of(0, 255), null]],
  largeBinary: [vector(new arrow.LargeBinary(), [Uint8Array.of(7), null]), [Uint8Array.of(7), null]],
  "binary(2)": [vector(new arrow.FixedSizeBinary(2), [Uint8Array.of(1, 2), null]), [Uint8Array.of(1, 2), null]],
  decimal128: [
    raw(
      new arrow.Decimal(2, 20, 128),
      { data: Uint32Array.of(12345, 0, 0, 0, 2 ** 32 - 5, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1) },
      2,
    ),
    ["123.45", "-0.05"],
  ],
  date: [vector(new arrow.DateDay(), [new Date(0), null, new Date(-day)]), ["1970-01-01", null, "1969-12-31"]],
  "date[ms]": [vector(new arrow.DateMillisecond(), [new Date(19_000 * day), null]), ["2022-01-08", null]],
  "time[s]": [vector(new arrow.TimeSecond(), [3661, null]), ["01:01:01", null]],
  "time[ms]": [vector(new arrow.TimeMillisecond(), [5, null]), ["00:00:00.005", null]],
  "time[us]": [vector(new arrow.TimeMicrosecond(), [86_399_999_999n, null]), ["23:59:59.999999", null]],
  "time[ns]": [vector(new arrow.TimeNanosecond(), [1n, null]), ["00:00:00.000000001", null]],
  "timestamp[s]": [raw(new arrow.TimestampSecond(), { data: BigInt64Array.of(1n) }, 1), [new Date(1000)]],
  "timestamp[ms]": [raw(new arrow.TimestampMillisecond(), { data: BigInt64Array.of(-1n) }, 1), [new Date(-1)]],
  "timestamp[us]": [raw(new arrow.TimestampMicrosecond("UTC"), { data: BigInt64Array.of(1999n) }, 1), [new Date(1)]],
  "timestamp[ns]": [raw(new arrow.TimestampNanosecond(), { data: BigInt64Array.of(-1n) }, 1), [new Date(-1)]],
  "interval[months]": [raw(new arrow.IntervalYearMonth(), { data: Int32Array.of(14) }, 1), ["P1Y2M"]],
  "interval[days]": [raw(new arrow.IntervalDayTime(), { data: Int32Array.of(1, 500) }, 1), ["P1DT0.5S"]],
  "duration[ms]": [raw(new arrow.DurationMillisecond(), { data: BigInt64Array.of(90_500n) }, 1), ["PT1M30.5S"]],
  list: [vector(new arrow.List(f("item", new arrow.Int32())), [[1, null], null, []]), [[1, null], null, []]],
  fixedList: [vector(new arrow.FixedSizeList(2, f("item", new arrow.Int32())), [[1, 2], null]), [[1, 2], null]],
  struct: [
    vector(new arrow.Struct([f("a", new arrow.Int32()), f("b", new arrow.Utf8())]), [{ a: 1, b: "x" }, null]),
    [{ a: 1, b: "x" }, null],
  ],
  map: [
    vector(
      new arrow.Map_(
        f("entries", new arrow.Struct([f("key", new arrow.Utf8()), f("value", new arrow.Int32())])) as never,
      ),
      [new Map([["a", 1]]), null],
    ),
    [[["a", 1]], null],
  ],
  dictionary: [
    vector(new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()), ["x", null, "y", "x"]),
    ["x", null, "y", "x"],
  ],
}

describe("apache-arrow", () => {
  for (const [name, [column, expected]] of Object.entries(cases)) {
    it(`reads and is read: ${name}`, () => {
      const theirs = new arrow.Table({ v: column })
      for (const format of ["stream", "file"] as const) {
        const ours = Table.fromIPC<{ v: unknown }>(arrow.tableToIPC(theirs, format))
        expect(ours.column("v").toArray()).toEqual(expected)
        expect([...ours].map(({ v }) => v)).toEqual(expected)

        const back = arrow.tableFromIPC(ours.toIPC({ format }))
        expect(back.schema.fields[0]!.type.toString()).toBe(column.type.toString())
        expect(plain(back)).toEqual(plain(theirs))
      }
    })
  }

  it("reads and is read: unions", () => {
    const children = [new arrow.Int32(), new arrow.Utf8()].map((type, i) => f(`c${i}`, type))
    const ints = vector(new arrow.Int32(), [1, 2, null]).data[0]
    const texts = vector(new arrow.Utf8(), ["a", "b", "c"]).data[0]
    const typeIds = Int8Array.of(5, 7, 5)
    const sparse = raw(new arrow.SparseUnion([5, 7], children), { typeIds, children: [ints, texts] }, 3)
    const valueOffsets = Int32Array.of(1, 0, 2)
    const dense = raw(new arrow.DenseUnion([5, 7], children), { typeIds, valueOffsets, children: [ints, texts] }, 3)
    for (const [column, expected] of [
      [sparse, [1, "b", null]],
      [dense, [2, "a", null]],
    ] as const) {
      const ours = Table.fromIPC<{ v: unknown }>(arrow.tableToIPC(new arrow.Table({ v: column })))
      expect(ours.column("v").toArray()).toEqual(expected)
      const { message, transfer } = dehydrate(ours)
      expect(hydrate<{ v: unknown }>(structuredClone(message, { transfer })).column("v").toArray()).toEqual(expected)
    }
  })

  it("keeps names, nullability and metadata of fields", () => {
    const fields = [
      field("id", flechette.int32(), { nullable: false }),
      field("doc", flechette.utf8(), { extension: "arrow.json" }),
    ]
    const builder = new TableBuilder(schema(fields))
    const { schema: theirs } = arrow.tableFromIPC(builder.finish().toIPC())
    expect(theirs.fields.map(({ name, nullable }) => [name, nullable])).toEqual([
      ["id", false],
      ["doc", true],
    ])
    expect([...theirs.fields[1]!.metadata]).toEqual([["ARROW:extension:name", "arrow.json"]])
  })
})

function plain(table: arrow.Table): string[] {
  return [...table.getChild("v")!].map((value) => `${value}`)
}

describe("types that only other writers have", () => {
  const words = ["short", null, "longer than twelve bytes", "", "Zoë and a longer tail"]
  const typed: [flechette.DataType, unknown[], unknown[]][] = [
    [flechette.largeList(flechette.int32()), [[1], null, [2, null]], [[1], null, [2, null]]],
    [flechette.runEndEncoded(flechette.int32(), flechette.utf8()), ["a", "a", "b", null], ["a", "a", "b", null]],
    [flechette.dictionary(flechette.utf8(), flechette.int8()), words, words],
    [flechette.dictionary(flechette.int64()), [2n ** 60n, 5n], ["1152921504606846976", "5"]],
  ]
  for (const [type, values, expected] of typed) {
    it(`reads ${flechette.Type.Dictionary === type.typeId ? "dictionary" : type.typeId}: ${values.join()}`, () => {
      const theirs = flechette.tableFromColumns({ v: flechette.columnFromArray(values, type, { useBigInt: true }) })
      const ours = Table.fromIPC<{ v: unknown }>(flechette.tableToIPC(theirs, {})!, { bigint: "string" })
      expect(ours.column("v").toArray()).toEqual(expected)
      expect(Table.fromIPC(ours.toIPC(), { bigint: "string" }).toArray()).toEqual(expected.map((v) => ({ v })))
      const { message, transfer } = dehydrate(ours)
      expect(hydrate(structuredClone(message, { transfer })).toArray()).toEqual(expected.map((v) => ({ v })))
    })
  }

  it("reads views of text and lists", () => {
    const data = new TextEncoder().encode("a text of more than twelve bytes")
    const views = new Uint8Array(32)
    const words = new DataView(views.buffer)
    words.setInt32(0, 3, true)
    views.set(new TextEncoder().encode("abc"), 4)
    words.setInt32(16, data.length, true)
    const text = {
      length: 2,
      nullCount: 0,
      type: flechette.utf8View(),
      validity: new Uint8Array(0),
      values: views,
      data: [data],
    }
    const item = new flechette.Batch({
      length: 3,
      nullCount: 0,
      type: flechette.int32(),
      values: Int32Array.of(7, 8, 9),
    })
    const lists = {
      length: 2,
      nullCount: 0,
      type: flechette.listView(flechette.int32()),
      validity: new Uint8Array(0),
      offsets: Int32Array.of(1, 0),
      sizes: Int32Array.of(2, 1),
      children: [Object.assign(item, { validity: new Uint8Array(0) })],
    }
    const columns = [text, lists].map((parts) => [new (flechette.batchType(parts.type, {}))(parts)])
    const table = new Table(schema([field("t", text.type), field("l", lists.type)]), columns)
    const expected = [
      { t: "abc", l: [8, 9] },
      { t: "a text of more than twelve bytes", l: [7] },
    ]
    expect(table.toArray()).toEqual(expected)
    const { message, transfer } = dehydrate(Table.fromIPC(table.toIPC()))
    expect(hydrate(structuredClone(message, { transfer })).toArray()).toEqual(expected)
  })
})

describe("dictionaries", () => {
  const type = flechette.dictionary(flechette.utf8(), flechette.int8())

  function labels(values: string[], rows: (number | null)[], batchRows?: number): Table {
    const fields = schema([field("v", type)])
    const column = new DictionaryColumn(type, dictionaryValues(values))
    const builder = new TableBuilder(fields, { columns: [column], ...(batchRows && { batchRows }) })
    for (const row of rows) {
      if (row === null) column.appendNull()
      else (column as FixedColumn).append(row)
      builder.endRows(1)
    }
    return builder.finish()
  }

  it("are shared by the batches of a column", () => {
    const table = labels(["low", "high"], [0, 1, null, 1, 0], 2)
    expect(table.column("v").toArray()).toEqual(["low", "high", null, "high", "low"])
    expect(arrow.tableFromIPC(table.toIPC()).getChild("v")!.toJSON()).toEqual(["low", "high", null, "high", "low"])
    expect(dehydrate(table).message.dictionaries).toHaveLength(1)
  })

  it("in two columns stay apart, and an empty table has its types", () => {
    const columns = [
      ["a", "b"],
      ["x", "y"],
    ].map((values) => new DictionaryColumn(type, dictionaryValues(values)))
    const builder = new TableBuilder(schema([field("v", type), field("w", type)]), { columns })
    const empty = arrow.tableFromIPC(builder.finish().toIPC())
    expect(empty.schema.fields.map((each) => `${each.type}`)).toEqual([
      "Dictionary<Int8, Utf8>",
      "Dictionary<Int8, Utf8>",
    ])
    for (const column of columns) column.append(1)
    builder.endRows(1)
    const table = builder.finish()
    for (const each of [table, Table.fromIPC(table.toIPC()), hydrate(dehydrate(table).message)]) {
      expect(
        arrow
          .tableFromIPC(each.toIPC())
          .toArray()
          .map((row) => row.toJSON()),
      ).toEqual([{ v: "b", w: "y" }])
    }
  })

  it("of different tables are joined", () => {
    const table = concatTables([labels(["a", "b"], [1, null, 0]), labels(["c", "b"], [0, 1, null])])
    const expected = ["b", null, "a", "c", "b", null]
    expect(table.column("v").toArray()).toEqual(expected)
    expect(Table.fromIPC(table.toIPC()).column("v").toArray()).toEqual(expected)
    expect(arrow.tableFromIPC(table.toIPC()).getChild("v")!.toJSON()).toEqual(expected)
  })
})

describe("fromIPC", () => {
  it("reads bytes that begin anywhere in their buffer", () => {
    const bytes = arrow.tableToIPC(new arrow.Table({ v: cases.float64![0] }))
    for (const shift of [1, 3, 8]) {
      const moved = new Uint8Array(bytes.length + shift)
      moved.set(bytes, shift)
      expect(Table.fromIPC(moved.subarray(shift)).column("v").length).toBe(3)
    }
  })

  it("refuses what is not IPC", () => {
    const garbage = new TextEncoder().encode("id,name\n1,Ada\n".repeat(20))
    expect(() => Table.fromIPC(garbage)).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
    expect(() => Table.fromIPC(new Uint8Array(0))).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
    const whole = arrow.tableToIPC(new arrow.Table({ v: cases.utf8![0] }))
    for (let size = 0; size < whole.length - 16; size++) {
      // Cut anywhere, it is refused, or what came before the cut is there.
      try {
        expect(Table.fromIPC(whole.slice(0, size)).numRows).toBe(0)
      } catch (error) {
        expect(error).toMatchObject({ code: "BAD_VALUE" })
      }
    }
  })
})
