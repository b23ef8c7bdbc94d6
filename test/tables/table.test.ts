import { decimal, float64, int32, int64, list, struct, timestamp, utf8 } from "@uwdata/flechette"
import { field, isTable, schema, Table } from "mooring/tables"
import { describe, expect, it } from "vitest"
import {
  type FixedColumn,
  type ListColumn,
  type StructColumn,
  TableBuilder,
  type VariableColumn,
} from "../../src/tables/columns.ts"

function people(): Table<{ id: number; name: string | null }> {
  const builder = new TableBuilder(schema([field("id", int32()), field("name", utf8())]))
  const [id, name] = builder.columns as [FixedColumn, VariableColumn]
  id.append(1)
  name.appendString("Ada")
  builder.endRows(1)
  id.append(2)
  name.appendNull()
  builder.endRows(1)
  id.append(3)
  name.appendString("Zoë 🦉")
  builder.endRows(1)
  return builder.finish() as never
}

describe("Table", () => {
  it("gives rows, columns and single values", () => {
    const table = people()
    expect(table.numRows).toBe(3)
    expect(table.numCols).toBe(2)
    expect(table.toArray()).toEqual([
      { id: 1, name: "Ada" },
      { id: 2, name: null },
      { id: 3, name: "Zoë 🦉" },
    ])
    expect([...table]).toEqual(table.toArray())
    expect(table.column("name").toArray()).toEqual(["Ada", null, "Zoë 🦉"])
    expect(table.at(-1)).toEqual({ id: 3, name: "Zoë 🦉" })
    expect(table.get(3)).toBeUndefined()
    expect(table.toColumns()).toEqual({ id: [1, 2, 3], name: ["Ada", null, "Zoë 🦉"] })
    expect(isTable(table)).toBe(true)
  })

  it("survives IPC", () => {
    for (const format of ["stream", "file"] as const) {
      const back = Table.fromIPC(people().toIPC({ format }))
      expect(back.toArray()).toEqual(people().toArray())
    }
  })

  it("cuts long tables into batches that nobody notices", () => {
    const fields = [field("n", int64()), field("xs", list(float64())), field("s", struct({ a: utf8() }))]
    const builder = new TableBuilder(schema(fields), { batchRows: 10 })
    const [n, xs, s] = builder.columns as [FixedColumn, ListColumn, StructColumn]
    for (let i = 0; i < 95; i++) {
      n.append(BigInt(i))
      for (let j = 0; j < i % 3; j++) (xs.child as FixedColumn).append(j / 2)
      xs.append()
      ;(s.children[0] as VariableColumn).appendString(`s${i}`)
      s.append()
      builder.endRows(1)
    }
    const table = builder.finish()
    expect(table.numRows).toBe(95)
    expect(table.toArray()[94]).toEqual({ n: 94, xs: [0], s: { a: "s94" } })
    expect(table.column("n").toArray()).toEqual(Array.from({ length: 95 }, (_, i) => i))
    expect(Table.fromIPC(table.toIPC()).toArray()).toEqual(table.toArray())
  })

  it("appends chunks as they lie in memory", () => {
    const builder = new TableBuilder(schema([field("d", decimal(18, 2)), field("t", timestamp(2, "UTC"))]))
    const [d, t] = builder.columns as [FixedColumn, FixedColumn]
    d.append(-150n)
    t.append(0n)
    builder.endRows(1)
    t.appendBytes(new Uint8Array(BigInt64Array.of(1_500_000n, 7n, 9n).buffer), 3, Uint8Array.of(0b101))
    for (let i = 0; i < 3; i++) d.append(BigInt(i))
    builder.endRows(3)
    expect(builder.finish().toArray()).toEqual([
      { d: "-1.50", t: new Date(0) },
      { d: "0.00", t: new Date(1500) },
      { d: "0.01", t: null },
      { d: "0.02", t: new Date(0) },
    ])
  })
})
