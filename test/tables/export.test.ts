import { decimal, dictionary, float64, int8, int64, timestamp, utf8 } from "@uwdata/flechette"
import * as arrow from "apache-arrow"
import fc from "fast-check"
import { csvStream, field, ipcStream, jsonExtension, ndjsonStream, schema, Table, tableFromRows } from "mooring/tables"
import { describe, expect, it } from "vitest"
import { DictionaryColumn, dictionaryValues, TableBuilder } from "../../src/tables/columns.ts"

const exact = tableFromRows(
  [
    {
      n: 2n ** 60n,
      d: "1.50",
      t: "1969-12-31T23:59:59.123456789",
      z: "2024-05-06T07:08:09Z",
      f: Number.POSITIVE_INFINITY,
      b: Uint8Array.of(1, 2, 3),
      l: [1, null],
      j: { a: [1, "x\ny"] },
      s: "",
    },
    { n: 7, d: null, t: "infinity", z: null, f: 0.1, b: null, l: null, j: null, s: null },
  ] as object[],
  {
    n: int64(),
    d: decimal(10, 2),
    t: timestamp(3),
    z: timestamp(0, "Europe/Berlin"),
    f: float64(),
    j: field("j", utf8(), { extension: jsonExtension }),
  },
)

const text = (stream: ReadableStream<Uint8Array>) =>
  new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text()

/** A source that tells how far it was read, and whether it was ended. */
function watched(count: number) {
  const seen = { made: 0, ended: false }
  async function* tables() {
    try {
      for (let i = 0; i < count; i++) {
        seen.made++
        yield tableFromRows([{ i, text: "x".repeat(70_000) }])
      }
    } finally {
      seen.ended = true
    }
  }
  return { seen, tables: tables(), schema: tableFromRows([{ i: 0, text: "" }]).schema }
}

describe("CSV", () => {
  it("is exact, and tells NULL from the empty string", async () => {
    expect(await text(csvStream(exact.schema, [exact]))).toBe(
      [
        "n,d,t,z,f,b,l,j,s",
        '1152921504606846976,1.50,1969-12-31T23:59:59.123456789,2024-05-06T07:08:09Z,Infinity,AQID,"[1,null]","{""a"":[1,""x\\ny""]}",""',
        "7,,infinity,,0.1,,,,",
        "",
      ].join("\r\n"),
    )
  })

  it("reads back as it was, whatever the text", async () => {
    const cell = fc.option(
      fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom('"', ",", "\r\n", "\n", " x ", "=1+1", 'a"b')),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ a: cell, "b,c": cell })), async (rows) => {
        const table = tableFromRows(rows, { a: utf8(), "b,c": utf8() })
        const [header, ...parsed] = parseCsv(await text(csvStream(table.schema, [table])))
        expect(header).toEqual(["a", "b,c"])
        expect(parsed).toEqual(rows.map((row) => [row.a, row["b,c"]]))
      }),
    )
  })

  it("has its header without rows, and one header for many tables", async () => {
    const rows = tableFromRows([{ a: 1 }])
    expect(await text(csvStream(rows.schema, []))).toBe("a\r\n")
    expect(await text(csvStream(Promise.resolve(rows.schema), [rows, rows]))).toBe("a\r\n1\r\n1\r\n")
    expect(await text(csvStream(Table.empty.schema, [Table.empty]))).toBe("")
  })
})

/** RFC 4180, with unquoted emptiness as null. */
function parseCsv(csv: string): (string | null)[][] {
  const rows: (string | null)[][] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  let row: (string | null)[] = []
  while (pattern.lastIndex < csv.length) {
    const match = pattern.exec(csv)
    if (match === null) throw new Error("This is not CSV.")
    row.push(match[1] !== undefined ? match[1].replaceAll('""', '"') : match[2] || null)
    if (match[3] === ",") continue
    rows.push(row)
    row = []
  }
  return rows
}

describe("NDJSON", () => {
  it("is exact", async () => {
    expect(await text(ndjsonStream([exact]))).toBe(
      '{"n":"1152921504606846976","d":"1.50","t":"1969-12-31T23:59:59.123456789","z":"2024-05-06T07:08:09Z","f":null,' +
        '"b":"AQID","l":[1,null],"j":{"a":[1,"x\\ny"]},"s":""}\n' +
        '{"n":7,"d":null,"t":"infinity","z":null,"f":0.1,"b":null,"l":null,"j":null,"s":null}\n',
    )
  })

  it("keeps all digits of JSON columns, on one line", async () => {
    const raw = tableFromRows([{ j: '{"n":\r\n 12345678901234567890.10}' }, { j: "not json" }])
    const json = new Table(
      schema([field("j", utf8(), { extension: jsonExtension })]),
      raw.columns.map((column) => column.batches),
    )
    expect(await text(ndjsonStream([json]))).toBe(
      '{"j":{"n":  12345678901234567890.10}}\n{"j":"not json"}\n'.replace("  ", "  "),
    )
  })

  it("is one object a line, whatever the text and the names", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ 'a"\n': fc.option(fc.string({ unit: "binary" })), b: fc.double() })),
        async (rows) => {
          const table = tableFromRows(rows, { 'a"\n': utf8(), b: float64() })
          const lines = (await text(ndjsonStream([table]))).split("\n")
          expect(lines.pop()).toBe("")
          expect(lines.map((line) => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(table)))
        },
      ),
    )
  })
})

describe("IPC streams", () => {
  it("are one stream of all tables, for Mooring and apache-arrow", async () => {
    const tables = [1, 2, 3].map((n) => tableFromRows(Array.from({ length: n }, (_, i) => ({ i, s: `${n}-${i}` }))))
    const bytes = new Uint8Array(await new Response(ipcStream(() => tables[0]!.schema, tables)).arrayBuffer())
    const expected = tables.flatMap((table) => table.toArray())
    expect(Table.fromIPC(bytes).toArray()).toEqual(expected)
    expect(
      arrow
        .tableFromIPC(bytes)
        .toArray()
        .map((row) => row.toJSON()),
    ).toEqual(expected)
  })

  it("may change their dictionaries", async () => {
    const type = dictionary(utf8(), int8())
    const fields = schema([field("v", type)])
    const tables = [["a", "b"], ["c"]].map((values) => {
      const builder = new TableBuilder(fields, { columns: [new DictionaryColumn(type, dictionaryValues(values))] })
      for (const key of values.keys()) (builder.columns[0] as DictionaryColumn).append(key)
      builder.endRows(values.length)
      return builder.finish()
    })
    const bytes = new Uint8Array(await new Response(ipcStream(fields, tables)).arrayBuffer())
    expect(Table.fromIPC<{ v: string }>(bytes).column("v").toArray()).toEqual(["a", "b", "c"])
    const batches = await arrow.RecordBatchReader.from(bytes)
    expect([...batches].flatMap((batch) => [...batch].map((row) => row.v))).toEqual(["a", "b", "c"])
  })

  it("without tables have their schema", async () => {
    const bytes = new Uint8Array(await new Response(ipcStream(exact.schema, [])).arrayBuffer())
    expect(Table.fromIPC(bytes).names).toEqual(exact.names)
    expect(arrow.tableFromIPC(bytes).numRows).toBe(0)
  })

  it("refuse a table of other columns", async () => {
    const tables = [tableFromRows([{ a: 1 }]), tableFromRows([{ a: "x" }])]
    await expect(text(ipcStream(tables[0]!.schema, tables as Table[]))).rejects.toMatchObject({ code: "BAD_VALUE" })
  })
})

describe.each([
  ["CSV", ({ schema, tables }: ReturnType<typeof watched>) => csvStream(schema, tables)],
  ["NDJSON", ({ tables }: ReturnType<typeof watched>) => ndjsonStream(tables)],
  ["IPC", ({ schema, tables }: ReturnType<typeof watched>) => ipcStream(schema, tables)],
])("an export as %s", (_, open) => {
  it("runs no further than it is read", async () => {
    const source = watched(100)
    const reader = open(source).getReader()
    await new Promise((resolve) => setImmediate(resolve))
    expect(source.seen.made).toBe(0)
    for (let i = 0; i < 5; i++) await reader.read()
    await new Promise((resolve) => setImmediate(resolve))
    expect(source.seen.made).toBeGreaterThan(0)
    expect(source.seen.made).toBeLessThanOrEqual(6)
    await reader.cancel()
    expect(source.seen).toMatchObject({ ended: true })
    expect(source.seen.made).toBeLessThanOrEqual(6)
  })

  it("ends its source, and passes on its error", async () => {
    const source = watched(3)
    await text(open(source))
    expect(source.seen).toEqual({ made: 3, ended: true })
    async function* failing() {
      yield tableFromRows([{ i: 1, text: "x" }])
      throw new Error("the link broke")
    }
    await expect(text(open({ ...source, tables: failing() }))).rejects.toThrow("the link broke")
  })
})

it("a reader who cancels is heard at once, also while the source works", async () => {
  const stop = Promise.withResolvers<unknown>()
  // biome-ignore lint/correctness/useYield: it fails before its first table
  async function* slow(): AsyncGenerator<Table> {
    throw await stop.promise
  }
  for (const open of [csvStream, ipcStream]) {
    const reader = open(exact.schema, slow(), { cancel: stop.resolve }).getReader()
    const read = reader.read()
    await reader.cancel("enough").catch(() => {})
    expect(await stop.promise).toBe("enough")
    await read
  }
})

it("a schema that fails is the reader's error, and nobody's unhandled rejection", async () => {
  const failed = Promise.reject(new Error("no connection"))
  const stream = csvStream(failed, [])
  await new Promise((resolve) => setImmediate(resolve))
  await expect(text(stream)).rejects.toThrow("no connection")
})
