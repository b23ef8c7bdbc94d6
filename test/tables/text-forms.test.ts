import { float32, list, utf8 } from "@uwdata/flechette"
import { tableFromIPC } from "apache-arrow"
import fc from "fast-check"
import { expect, test } from "vitest"
import { TableBuilder } from "../../src/tables/columns.ts"
import { csvStream, ndjsonStream, Table, tableFromColumns, tableFromRows } from "../../src/tables/index.ts"
import { dehydrate, hydrate } from "../../src/tables/transfer.ts"
import { field, schema } from "../../src/tables/types.ts"
import { type Format, write } from "../../src/write.ts"

async function text(table: Table<never> | Table, format: Format): Promise<string> {
  return new Response(await write(table as Table, format)).text()
}

test("a float of 32 bits has its shortest digits in every text, and stays what it is in Arrow and JavaScript", async () => {
  const table = tableFromColumns(
    { f: Float32Array.of(0.1, 3.4e38, 1e-45, 16_777_216, -0.3), l: [[0.1], [0.2], [], [], []] },
    { l: list(field("item", float32())) },
  )
  expect(JSON.stringify(table.toJSON().slice(0, 2))).toBe('[{"f":0.1,"l":[0.1]},{"f":3.4e+38,"l":[0.2]}]')
  expect(await text(table as never, "csv")).toBe(
    "f,l\r\n0.1,[0.1]\r\n3.4e+38,[0.2]\r\n1e-45,[]\r\n16777216,[]\r\n-0.3,[]\r\n",
  )
  expect((await text(table as never, "ndjson")).split("\n")[0]).toBe('{"f":0.1,"l":[0.1]}')
  for (const shown of [await text(table as never, "markdown"), await text(table as never, "table"), String(table)]) {
    expect(shown).toContain("0.1")
    expect(shown).not.toContain("0.10000")
  }
  expect(table.column("f").at(0)).toBe(Math.fround(0.1))
  expect(tableFromIPC(table.toIPC()).getChild("f")?.get(0)).toBe(Math.fround(0.1))
})

test("the text of any float of 32 bits is that float again, in no more than nine digits", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const [row] = tableFromColumns({ f: Float32Array.of(value) }).toJSON()
      expect(Math.fround(row!.f as number)).toBe(value)
      expect(
        String(Math.abs(row!.f as number))
          .replace(/e.*|\.|^0\.0*/g, "")
          .replace(/0+$/, "").length,
      ).toBeLessThan(10)
    }),
  )
})

const big = "1234567890123456789"
const json = field("j", utf8(), { extension: "arrow.json" })
const documents = new TableBuilder(schema([json, field("l", list({ ...json, name: "item" }))]))
;(() => {
  const [j, l] = documents.columns as unknown as [
    { appendString(text: string): void },
    { child: typeof j; append(): void },
  ]
  j.appendString(`{"id":${big},"x":1.50}`)
  l.child.appendString(`{"id":-${big},"n":[1e2,{"a":1}]}`)
  l.append()
  documents.endRows(1)
})()
const withJson = documents.finish()

test("numbers inside JSON keep their digits in text, also inside other types", async () => {
  const inner = `[{"id":-${big},"n":[1e2,{"a":1}]}]`
  expect(await text(withJson, "ndjson")).toBe(`{"j":{"id":${big},"x":1.50},"l":${inner}}\n`)
  expect(await text(withJson, "json")).toBe(`[\n{"j":{"id":${big},"x":1.50},"l":${inner}}\n]\n`)
  expect(await text(withJson, "csv")).toContain(inner.replaceAll('"', '""'))
  expect(await text(withJson, "markdown")).toContain(inner)
  expect(await text(withJson, "table")).toContain(big)
})

test("in JavaScript an integer inside JSON is what values.bigint says", () => {
  expect(() => withJson.toArray()).toThrow(`the integer ${big} in its JSON`)
  expect(withJson.withValues({ bigint: "bigint" }).at(0)).toEqual({
    j: { id: BigInt(big), x: 1.5 },
    l: [{ id: -BigInt(big), n: [100, { a: 1 }] }],
  })
  expect(withJson.withValues({ bigint: "string" }).at(0)).toMatchObject({ j: { id: big } })
  // As a column of integers has it.
  expect(withJson.toJSON()).toEqual([{ j: { id: big, x: 1.5 }, l: [{ id: `-${big}`, n: [100, { a: 1 }] }] }])
})

test("rows without columns are counted, everywhere", async () => {
  const builder = new TableBuilder(schema([]))
  builder.endRows(3)
  const table = builder.finish()
  for (const same of [table, hydrate(dehydrate(table).message), Table.fromIPC(table.toIPC())]) {
    expect(same.numRows).toBe(3)
    expect(same.toArray()).toEqual([{}, {}, {}])
    expect([...same]).toEqual([{}, {}, {}])
    expect(same.at(-1)).toEqual({})
    expect(JSON.stringify(same)).toBe("[{},{},{}]")
  }
  expect(await text(table, "ndjson")).toBe("{}\n{}\n{}\n")
  expect(await text(table, "csv")).toBe("\r\n\r\n\r\n")
  expect(tableFromIPC(table.toIPC()).numRows).toBe(3)
  expect(String(table)).toContain("3 rows × 0 columns")
  expect(() => table.toIPC({ format: "file" })).toThrow("rows without columns")
})

test("a table as text is its size and its first rows", () => {
  expect(`${tableFromRows([{ name: "Ada" }])}`).toBe("Table: 1 row × 1 column\n name\n utf8\n──────\n Ada")
})

test.each(["csv", "ndjson", "json"] as const)("others have their turn while rows become %s", async (format) => {
  const table = tableFromColumns({
    id: Int32Array.from({ length: 200_000 }, (_, i) => i),
    note: Array(200_000).fill("Ada"),
  })
  let turns = 0
  const other = setInterval(() => turns++, 0)
  await text(table as never, format)
  clearInterval(other)
  expect(turns).toBeGreaterThan(0)
})

test("streams of exports take any table's columns", async () => {
  const table = tableFromRows([{ id: 1 }])
  expect(await new Response(ndjsonStream([table])).text()).toBe('{"id":1}\n')
  expect(await new Response(csvStream(table.schema, [table])).text()).toBe("id\r\n1\r\n")
})
