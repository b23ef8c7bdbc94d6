import { tableFromIPC } from "apache-arrow"
import fc from "fast-check"
import { readParquet } from "parquet-wasm"
import { afterAll, describe, expect, it } from "vitest"
import {
  closeAll,
  configure,
  connection,
  type Format,
  formats,
  type SQLConnection,
  Table,
  write,
} from "../src/index.ts"
import { tableFromRows } from "../src/tables/index.ts"

const undo = configure({ secrets: { connections: { rows: { url: "duckdb:///:memory:" } } } })
afterAll(async () => {
  undo()
  await closeAll({ timeout: 1 })
})
const rows = (): Promise<SQLConnection> => connection<SQLConnection>("rows", { type: "sql" } as never)
const textOf = (source: Parameters<typeof write>[0], format: Format) => new Response(write(source, format)).text()
const bytesOf = (source: Parameters<typeof write>[0], format: Format) => new Response(write(source, format)).bytes()

const everything = `select 1::tinyint as a, 18446744073709551615::ubigint as b, 1.5::double as c, 12345678901234567890.12::decimal(38,2) as d,
  'text "quoted", with | and ☃' as e, true as f, '\\xff'::blob as g, date '2020-02-29' as h, timestamp '2020-02-29 01:02:03.123456' as i,
  timestamptz '2020-02-29 01:02:03.123456+02' as j, time '01:02:03.5' as k, [1, null, 3] as l, {x: 1, y: 'z'} as m,
  map {'k': 1} as n, 'a'::enum('a', 'b') as o, uuid '00000000-0000-0000-0000-000000000001' as p, '{"q": 1}'::json as q,
  170141183460469231731687303715884105727::hugeint as r, null as s`

describe("write", () => {
  it.each(formats)("writes a table and a stream of the same rows alike as %s", async (format) => {
    const conn = await rows()
    const sql = `${everything} union all ${everything} union all select ${"null, ".repeat(18)}null`
    const table = await conn.query(sql)
    const streamed = conn.stream(sql, { batchRows: 1 })
    if (format === "arrow" || format === "parquet") {
      // A stream's bytes may be cut into other batches.
      const read = (bytes: Uint8Array) =>
        Table.fromIPC(format === "arrow" ? bytes : readParquet(bytes).intoIPCStream()).toJSON()
      expect(read(await bytesOf(streamed, format))).toEqual(read(await bytesOf(table, format)))
    } else {
      expect(await textOf(streamed, format)).toBe(await textOf(table, format))
    }
  })

  it("keeps every value and type in Arrow and Parquet", async () => {
    const table = await (await rows()).query(everything)
    const arrow = Table.fromIPC(await bytesOf(table, "arrow"))
    const parquet = Table.fromIPC(readParquet(await bytesOf(table, "parquet")).intoIPCStream())
    for (const back of [arrow, parquet]) {
      expect(back.toJSON()).toEqual(table.toJSON())
      expect(back.schema.fields.map(({ name }) => name)).toEqual(table.schema.fields.map(({ name }) => name))
    }
    expect(tableFromIPC(await bytesOf(table, "arrow")).numRows).toBe(1)
  })

  it("gives way to others while it makes text", async () => {
    const many = tableFromRows(Array.from({ length: 60_000 }, (_, i) => ({ i, text: `row ${i}`, at: new Date(i) })))
    for (const format of ["table", "markdown", "csv", "json"] as const) {
      let turns = 0
      let isWriting = true
      const count = () => {
        turns++
        if (isWriting) setImmediate(count)
      }
      setImmediate(count)
      let bytes = 0
      for await (const chunk of write(many, format)) bytes += chunk.length
      isWriting = false
      expect(bytes).toBeGreaterThan(many.numRows * 20)
      // Chunks come without a wait: every turn was somebody else's.
      expect(turns, format).toBeGreaterThan(2)
    }
  })

  it("gives columns without rows their header", async () => {
    const none = await (await rows()).query("select 1 as a, 'x' as b where false")
    expect(await textOf(none, "csv")).toBe("a,b\r\n")
    expect(JSON.parse(await textOf(none, "json"))).toEqual([])
    expect(await textOf(none, "ndjson")).toBe("")
    expect(Table.fromIPC(readParquet(await bytesOf(none, "parquet")).intoIPCStream()).names).toEqual(["a", "b"])
    const streamed = (await rows()).stream("select 1 as a, 'x' as b where false")
    expect(await textOf(streamed, "markdown")).toBe("| a | b |\n| ---: | --- |\n")
  })

  it("writes as JSON what JSON.parse reads, whatever the texts hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ text: fc.string({ unit: "binary" }), n: fc.integer() })), async (given) => {
        const table = tableFromRows(given)
        expect(JSON.parse(await textOf(table, "json"))).toEqual(given.map((row) => JSON.parse(JSON.stringify(row))))
      }),
      { numRuns: 50 },
    )
  })

  it("writes long results as one JSON array", async () => {
    const text = await textOf(
      (await rows()).stream("select range as n, repeat('x', 40) as x from range(20000)"),
      "json",
    )
    const parsed = JSON.parse(text) as { n: number }[]
    expect(parsed.map((row) => row.n)).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
  })

  it.each(["interval '1 month'", "[interval '1 month']", "{x: union_value(a := 1)}"])(
    "refuses %s in Parquet, naming the column",
    async (value) => {
      const table = await (await rows()).query(`select 1 as fine, ${value} as odd`)
      await expect(bytesOf(table, "parquet")).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: expect.stringContaining('"odd"'),
        hint: expect.stringContaining("Cast"),
      })
    },
  )

  it("passes batches on as they come, and ends the stream when the reader leaves", async () => {
    let made = 0
    let ended = false
    const table = tableFromRows([{ a: "x".repeat(100_000) }])
    const source = {
      schema: table.schema,
      async *[Symbol.asyncIterator]() {
        try {
          for (;;) {
            made++
            yield table
          }
        } finally {
          ended = true
        }
      },
    }
    for (const format of ["ndjson", "csv", "arrow", "json"] as const) {
      made = 0
      ended = false
      const reader = write(source, format).getReader()
      await reader.read()
      await reader.read()
      await reader.cancel()
      expect(made).toBeLessThan(10)
      expect(ended).toBe(true)
    }
  })

  it("gives the reader what the stream fails with", async () => {
    const failing = (await rows()).stream("select error('boom')")
    await expect(textOf(failing, "json")).rejects.toThrow("boom")
    await expect(textOf((await rows()).stream("select error('boom')"), "markdown")).rejects.toThrow("boom")
  })

  it("names the formats for one that there is not", async () => {
    const table = tableFromRows([{ a: 1 }])
    expect(() => write(table, "toString" as Format)).toThrow('There is no format "toString".')
  })
})
