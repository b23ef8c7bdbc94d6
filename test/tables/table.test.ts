import { inspect } from "node:util"
import { int32, utf8 } from "@uwdata/flechette"
import { Column, concatTables, field, isTable, schema, Table, tableFromColumns, tableFromRows } from "mooring/tables"
import { describe, expect, it } from "vitest"
import { type FixedColumn, TableBuilder } from "../../src/tables/columns.ts"

const people = () =>
  tableFromRows([
    { id: 1, name: "Ada" },
    { id: 2, name: null },
    { id: 3, name: "Zoë 🦉" },
  ])

/** A table whose columns have these names, with a row of their positions. */
function named(...names: string[]): Table {
  const builder = new TableBuilder(schema(names.map((name) => field(name, int32()))))
  for (const [i, column] of builder.columns.entries()) (column as FixedColumn).append(i)
  builder.endRows(1)
  return builder.finish()
}

describe("Table", () => {
  it("gives rows, columns and single values", () => {
    const table = people()
    expect([table.numRows, table.numCols, table.names]).toEqual([3, 2, ["id", "name"]])
    expect(table.toArray()).toEqual([
      { id: 1, name: "Ada" },
      { id: 2, name: null },
      { id: 3, name: "Zoë 🦉" },
    ])
    expect([...table]).toEqual(table.toArray())
    expect(table.at(0)).toEqual({ id: 1, name: "Ada" })
    expect(table.at(-1)).toEqual({ id: 3, name: "Zoë 🦉" })
    expect([table.get(3), table.at(-4), table.column("id").at(3)]).toEqual([undefined, undefined, undefined])
    expect([table.at(1.5), table.at(Number.NaN)]).toEqual([table.at(1), table.at(0)])
    expect(table.toColumns()).toEqual({ id: [1, 2, 3], name: ["Ada", null, "Zoë 🦉"] })
    expect(table.getChildAt(1)?.at(-1)).toBe("Zoë 🦉")
    expect([table.getChild("nope"), table.getChildAt(2)]).toEqual([undefined, undefined])
  })

  it("names its columns when one is missing", () => {
    expect(() => people().column("nmae" as "name")).toThrow(
      expect.objectContaining({ code: "BAD_VALUE", hint: expect.stringContaining('"id", "name"') }),
    )
  })

  it("describes columns", () => {
    const { name, type, nullable, length, nullCount } = people().column("name")
    expect({ name, type: type.typeId, nullable, length, nullCount }).toEqual({
      name: "name",
      type: 5,
      nullable: true,
      length: 3,
      nullCount: 1,
    })
  })

  it("cuts long tables into batches that nobody notices", () => {
    const rows = Array.from({ length: 9001 }, (_, i) => ({ n: i, s: i % 7 === 0 ? null : `s${i}`, l: [i, null] }))
    const table = concatTables([
      tableFromRows(rows.slice(0, 1), { s: utf8() }),
      tableFromRows(rows.slice(1, 5000)),
      tableFromRows(rows.slice(5000)),
    ])
    expect(table.toArray()).toEqual(rows)
    expect([...table]).toEqual(rows)
    for (const i of [0, 1, 4999, 5000, 9000]) expect(table.at(i)).toEqual(rows[i])
    expect(table.column("s").toArray()).toEqual(rows.map(({ s }) => s))
    expect([...table.column("s")]).toEqual(rows.map(({ s }) => s))
    expect(table.column("n").unsafeValues()).toEqual(Int32Array.from(rows.keys()))
    expect(Table.fromIPC(table.toIPC()).toArray()).toEqual(rows)
    expect(table.toArrow().numRows).toBe(9001)
    expect(JSON.parse(JSON.stringify(table))).toEqual(rows)
  })

  it("knows its size, a shared dictionary once", () => {
    expect(tableFromColumns({ x: new Float64Array(100) }).byteLength).toBe(800)
    expect(people().byteLength).toBe(people().byteLength)
    expect(Table.empty.byteLength).toBe(0)
  })

  it("is recognised across copies of the package, and nothing else is", () => {
    const foreign = Object.defineProperty({}, Symbol.for("mooring.table@1"), { value: true })
    expect([isTable(people()), isTable(foreign), foreign instanceof Table]).toEqual([true, true, true])
    expect([isTable({}), isTable(null), isTable("table"), [] instanceof Table]).toEqual([false, false, false, false])
  })

  it("may have no rows or no columns", () => {
    const table = tableFromRows([], { a: int32(), b: utf8() })
    expect([table.numRows, table.numCols, table.toArray(), [...table], table.at(0)]).toEqual([0, 2, [], [], undefined])
    expect(table.column("a" as never).toArray()).toEqual([])
    expect(Table.empty.toArray()).toEqual([])
    expect(Table.fromIPC(Table.empty.toIPC()).numCols).toBe(0)
    expect(concatTables([]).numRows).toBe(0)
  })

  it("refuses batches that do not fit together", () => {
    const { schema, columns } = people()
    const batches = columns.map((column) => column.batches)
    expect(() => new Table(schema, batches.slice(1))).toThrow(RangeError)
    expect(() => new Table(schema, [batches[0]!, []])).toThrow('"name"')
    expect(() => concatTables([people(), named("id")] as never)).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
    expect(() => concatTables([people(), tableFromRows([{ id: "1", name: "x" }])] as never)).toThrow('"id" utf8')
  })

  it("shows itself", () => {
    expect(inspect(people())).toBe(
      [
        "Table: 3 rows × 2 columns",
        "    id │ name",
        " int32 │ utf8",
        "───────┼────────",
        "     1 │ Ada",
        "     2 │ NULL",
        "     3 │ Zoë 🦉",
      ].join("\n"),
    )
    expect(inspect({ deep: { deeper: { deepest: people() } } })).toContain("[Table: 3 rows × 2 columns]")
    expect(inspect(Table.empty)).toBe("Table: 0 rows × 0 columns\n(no columns)")
    expect(inspect(people().column("id"))).toBe('Column "id": int32, 3 rows [ 1, 2, 3 ]')
  })
})

describe("column names", () => {
  it("that occur twice keep their positions, and rows name them", () => {
    const table = named("id", "name", "id", "name", "x")
    expect(table.columns.map((column) => column.at(0))).toEqual([0, 1, 2, 3, 4])
    expect(table.getChild("id")?.at(0)).toBe(0)
    for (const read of [() => table.toArray(), () => [...table], () => table.at(0), () => table.toColumns()]) {
      expect(read).toThrow(
        expect.objectContaining({ code: "BAD_VALUE", message: expect.stringContaining('"id", "name"') }),
      )
    }
    expect(table.toJSON()).toEqual([{ id: 0, name: 1, id_2: 2, name_2: 3, x: 4 }])
    expect(named("a", "a", "a_2").toJSON()).toEqual([{ a: 0, a_3: 1, a_2: 2 }])
    expect(Table.fromIPC(table.toIPC()).names).toEqual(["id", "name", "id", "name", "x"])
  })

  it("that JavaScript knows are properties of the row's own", () => {
    const table = named("__proto__", "constructor", "toString", "hasOwnProperty", "")
    const [array, [iterated], single, json, columns] = [
      table.toArray(),
      [...table],
      table.at(0),
      table.toJSON(),
      table.toColumns(),
    ]
    for (const row of [array[0], iterated, single, json[0], columns]) {
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
      expect(Object.keys(row!)).toEqual(["__proto__", "constructor", "toString", "hasOwnProperty", ""])
    }
    expect(Object.values(array[0]!)).toEqual([0, 1, 2, 3, 4])
    expect(Object.values(json[0]!)).toEqual([0, 1, 2, 3, 4])
  })

  it("of structs that JavaScript knows are own too", () => {
    const struct = JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}')
    const row = tableFromRows([{ s: struct }]).at(0) as { s: Record<string, unknown> }
    expect(Object.getPrototypeOf(row.s)).toBe(Object.prototype)
    expect(Object.keys(row.s)).toEqual(["__proto__", "a"])
    expect((row.s as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe("nobody can change what others see", () => {
  it("through rows, arrays, lists, bytes or dates", () => {
    const make = () =>
      tableFromRows([{ n: 1, f: 0.5, l: [1, 2], s: { a: "x" }, b: Uint8Array.of(1, 2), t: new Date(0), big: 5n }])
    const table = make()
    const spoil = (value: unknown) => {
      if (value instanceof Uint8Array) value.fill(9)
      else if (value instanceof Date) value.setTime(1)
      else if (Array.isArray(value)) value[0] = "spoilt"
      else if (typeof value === "object" && value !== null) Object.assign(value, { a: "spoilt" })
    }
    for (const row of [...table, ...table.toArray(), table.at(0)!]) {
      Object.values(row).forEach(spoil)
      Object.assign(row, { n: 99, f: 99 })
    }
    for (const column of table.columns) {
      const values = column.toArray()
      values.forEach(spoil)
      values.fill("spoilt")
      spoil(column.at(0))
    }
    table.toColumns().n.fill(99)
    expect(table.toArray()).toEqual(make().toArray())
  })

  it("except by unsafeValues, which says so", () => {
    const table = tableFromColumns({ x: Float64Array.of(1, 2, 3) })
    const values = table.column("x").unsafeValues() as Float64Array
    expect(values).toEqual(Float64Array.of(1, 2, 3))
    values[0] = 7
    expect(table.column("x").at(0)).toBe(7)
    expect(people().column("name").unsafeValues()).toEqual(["Ada", null, "Zoë 🦉"])
  })

  it("through value options of another view", () => {
    const table = tableFromRows([{ big: 5n }])
    const other = table.withValues({ bigint: "string" })
    for (const same of [{}, { bigint: "number" }] as const) expect(table.withValues(same)).toBe(table)
    expect([table.at(0), other.at(0), other.withValues({ date: "Date" }).at(0)]).toEqual([
      { big: 5 },
      { big: "5" },
      { big: "5" },
    ])
    expect(other.columns[0]!.batches[0]!.values.buffer).toBe(table.columns[0]!.batches[0]!.values.buffer)
  })
})

describe("toJSON", () => {
  it("always works", () => {
    const table = tableFromRows<object>([
      { n: 2n ** 60n, s: 7n, t: new Date(0), b: Uint8Array.of(1, 2, 3), f: Number.NaN, l: [{ x: 2n ** 70n }] },
      { n: -1n, s: 8n, t: null, b: null, f: 1.5, l: null },
    ])
    expect(JSON.parse(JSON.stringify(table))).toEqual([
      {
        n: "1152921504606846976",
        s: 7,
        t: "1970-01-01T00:00:00.000Z",
        b: "AQID",
        f: null,
        l: [{ x: "1180591620717411303424" }],
      },
      { n: -1, s: 8, t: null, b: null, f: 1.5, l: null },
    ])
  })
})

it("Column is public", () => {
  expect(people().column("id")).toBeInstanceOf(Column)
})
