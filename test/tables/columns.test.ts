import {
  bool,
  decimal,
  fixedSizeList,
  float64,
  int32,
  int64,
  largeUtf8,
  list,
  nullType,
  struct,
  union,
  utf8,
} from "@uwdata/flechette"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bit, copyBits, countBits, setBits, ValidityBuilder } from "../../src/tables/bitmap.ts"
import {
  type BoolColumn,
  columnBuilder,
  type FixedColumn,
  type FixedListColumn,
  type ListColumn,
  type StructColumn,
  TableBuilder,
  type UnionColumn,
  VariableColumn,
} from "../../src/tables/columns.ts"
import { tableFromRows } from "../../src/tables/from-rows.ts"
import { Table } from "../../src/tables/table.ts"
import { field, schema } from "../../src/tables/types.ts"

const bitmap = (bits: boolean[]): Uint8Array => {
  const bytes = new Uint8Array((bits.length + 7) >> 3)
  bits.forEach((set, i) => {
    if (set) bytes[i >> 3]! |= 1 << (i & 7)
  })
  return bytes
}
const booleans = fc.array(fc.boolean(), { maxLength: 70 })

describe("bitmaps", () => {
  it("copy, count and set bits at any place", () => {
    fc.assert(
      fc.property(booleans, fc.nat(20), fc.nat(20), fc.nat(20), (bits, before, skip, cut) => {
        const from = Math.min(skip, bits.length)
        const count = Math.max(0, bits.length - from - cut)
        const target = new Uint8Array(20)
        copyBits(target, before, bitmap(bits), from, count)
        const expected = bits.slice(from, from + count)
        expect(Array.from({ length: count }, (_, i) => bit(target, before + i))).toEqual(expected)
        expect(countBits(target, 0, 160)).toBe(expected.filter(Boolean).length)
        expect(countBits(bitmap(bits), from, count)).toBe(expected.filter(Boolean).length)
        const set = new Uint8Array(20)
        setBits(set, before, count)
        expect(countBits(set, 0, 160)).toBe(count)
        expect(countBits(set, before, count)).toBe(count)
      }),
    )
  })

  it("of validity take rows, runs and chunks in any order", () => {
    const step = fc.oneof(
      fc.nat(20).map((n) => ({ valid: n })),
      fc.nat(20).map((n) => ({ nulls: n })),
      booleans.map((bits) => ({ bits })),
      fc.nat(20).map((n) => ({ all: n })),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const builder = new ValidityBuilder()
        const expected: boolean[] = []
        for (const each of steps) {
          if ("valid" in each) builder.valid(each.valid)
          else if ("nulls" in each) builder.nulls(each.nulls)
          else if ("all" in each) builder.append(null, each.all)
          else builder.append(bitmap(each.bits), each.bits.length)
          if ("bits" in each) expected.push(...each.bits)
          else expected.push(...Array(Object.values(each)[0]).fill(!("nulls" in each)))
        }
        const { nullCount, validity } = builder.finish()
        expect(nullCount).toBe(expected.filter((valid) => !valid).length)
        if (nullCount === 0) expect(expected).not.toContain(false)
        else expect(expected.map((_, i) => bit(validity, i))).toEqual(expected)
      }),
    )
  })
})

/** One column of this type, filled by `fill`, as a table and after IPC. */
function built(type: Parameters<typeof columnBuilder>[0], fill: (column: never) => void): unknown[] {
  const builder = new TableBuilder(schema([field("v", type)]))
  fill(builder.columns[0] as never)
  builder.endRows(builder.columns[0]!.length)
  const table = builder.finish() as Table<{ v: unknown }>
  const values = table.column("v").toArray()
  expect(Table.fromIPC<{ v: unknown }>(table.toIPC()).column("v").toArray()).toEqual(values)
  return values
}

describe("columns", () => {
  it("of one width take chunks as they lie in memory", () => {
    const chunk = fc.array(fc.option(fc.double()), { maxLength: 40 })
    fc.assert(
      fc.property(fc.array(chunk), (chunks) => {
        const values = built(float64(), (column: FixedColumn) => {
          for (const [i, rows] of chunks.entries()) {
            const numbers = Float64Array.from(rows, (value) => value ?? 42)
            const validity = rows.includes(null) ? bitmap(rows.map((value) => value !== null)) : null
            if (i % 2 === 0) column.appendBytes(new Uint8Array(numbers.buffer), rows.length, validity)
            else {
              column.reserve(rows.length)
              numbers.forEach((value, j) => {
                column.values[column.length + j] = value
              })
              column.commit(rows.length, validity)
            }
          }
        })
        expect(values).toEqual(chunks.flat())
      }),
    )
  })

  it("of decimals take 128 bits exactly and refuse more", () => {
    const largest = 2n ** 127n - 1n
    expect(
      built(decimal(38, 0), (column: FixedColumn) => {
        column.append(largest)
        column.append(-largest)
        column.append(5)
        expect(() => column.append(2n ** 128n)).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
      }),
    ).toEqual([`${largest}`, `-${largest}`, "5"])
  })

  it("of booleans take bits and bytes", () => {
    expect(
      built(bool(), (column: BoolColumn) => {
        column.append(true)
        column.appendBytes(Uint8Array.of(0, 1, 255), 3, Uint8Array.of(0b101))
        column.appendBits(Uint8Array.of(0b10), 2)
        column.appendNull(2)
      }),
    ).toEqual([true, false, null, true, false, true, null, null])
  })

  it("of text take strings, bytes and what was written directly", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string({ unit: "binary", maxLength: 60 }))), fc.nat(2), (rows, way) => {
        const texts = rows.map((row) => row?.toWellFormed() ?? null)
        const values = built(utf8(), (column: VariableColumn) => {
          if (way === 2) return direct(column, texts)
          for (const text of texts) {
            if (text === null) column.appendNull()
            else if (way === 0) column.appendString(text)
            else column.append(new TextEncoder().encode(`<${text}>`), 1, Buffer.byteLength(text) + 1)
          }
        })
        expect(values).toEqual(texts)
      }),
    )
  })

  function direct(column: VariableColumn, texts: (string | null)[]): void {
    const bytes = texts.map((text) => new TextEncoder().encode(text ?? ""))
    let end = column.reserve(
      texts.length,
      bytes.reduce((sum, each) => sum + each.length, 0),
    )
    bytes.forEach((each, i) => {
      column.values.set(each, end)
      end += each.length
      column.offsets[column.length + i + 1] = end
    })
    column.commit(texts.length, end, bitmap(texts.map((text) => text !== null)))
  }

  it("of text refuse more than 2 GiB in one batch", () => {
    const column = new VariableColumn(utf8())
    column.reserve(1, 0)
    expect(() => column.reserve(1, 2 ** 31)).toThrow(expect.objectContaining({ code: "TOO_LARGE" }))
  })

  it("nest", () => {
    expect(
      built(list(struct({ a: int32(), b: utf8() })), (column: ListColumn) => {
        const inner = column.child as StructColumn
        const [a, b] = inner.children as [FixedColumn, VariableColumn]
        a.append(1)
        b.appendString("x")
        inner.append()
        inner.appendNull()
        column.append()
        column.appendNull()
        column.append()
        column.reserve(2)
        a.append(2)
        b.appendNull()
        inner.append()
        column.offsets[4] = 2
        column.offsets[5] = 3
        column.commit(2, Uint8Array.of(0b10))
      }),
    ).toEqual([[{ a: 1, b: "x" }, null], null, [], null, [{ a: 2, b: null }]])
  })

  it("of lists of one length, unions and nothing", () => {
    expect(
      built(fixedSizeList(int32(), 2), (column: FixedListColumn) => {
        for (const n of [1, 2]) (column.child as FixedColumn).append(n)
        column.append()
        column.appendNull()
      }),
    ).toEqual([[1, 2], null])
    expect(
      built(union(0, [int64(), utf8()], [3, 9]), (column: UnionColumn) => {
        const [n, s] = column.children as [FixedColumn, VariableColumn]
        n.append(7n)
        s.appendNull()
        column.append(3)
        n.appendNull()
        s.appendString("x")
        column.append(9)
        column.appendNull()
      }),
    ).toEqual([7, "x", null])
    expect(tableFromRows([{ z: null }, {}] as object[]).columns[0]!.nullCount).toBe(2)
    expect(built(nullType(), (column: FixedColumn) => column.appendNull(3))).toEqual([null, null, null])
  })

  it("of types that only other writers have are refused by name", () => {
    expect(() => columnBuilder(largeUtf8())).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining("largeUtf8") }),
    )
    expect(() => new VariableColumn(int32())).toThrow("int32")
  })
})

describe("TableBuilder", () => {
  it("begins a batch after so many rows, or so many bytes", () => {
    for (const options of [{ batchRows: 10 }, { batchBytes: 100 }]) {
      const builder = new TableBuilder(schema([field("n", int32()), field("s", utf8())]), options)
      const [n, s] = builder.columns as [FixedColumn, VariableColumn]
      for (let i = 0; i < 95; i++) {
        n.append(i)
        if (i % 10 === 0) s.appendNull()
        else s.appendString(`row ${i}`)
        builder.endRows(1)
      }
      expect(builder.numRows).toBe(95)
      expect(builder.byteLength).toBeGreaterThan(95 * 8)
      const table = builder.finish() as Table<{ n: number; s: string | null }>
      expect(table.columns[0]!.batches.length).toBeGreaterThan(5)
      expect(table.toArray()).toEqual(
        Array.from({ length: 95 }, (_, i) => ({ n: i, s: i % 10 === 0 ? null : `row ${i}` })),
      )
    }
  })

  it("keeps every value of columns that grow, whatever room is left at the end", () => {
    for (const rows of [3_000, 4_096, 5_000, 9_000]) {
      const builder = new TableBuilder(
        schema([field("n", int32()), field("s", utf8()), field("l", list(field("item", int32()) as never))]),
        { batchRows: 6_000 },
      )
      const [numbers, texts, lists] = builder.columns as [FixedColumn, VariableColumn, ListColumn]
      for (let i = 0; i < rows; i++) {
        numbers.append(i)
        texts.appendString(`row ${i}`)
        ;(lists.child as FixedColumn).append(i * 2)
        lists.append()
        builder.endRows(1)
      }
      const table = builder.finish()
      const wanted = Array.from({ length: rows }, (_, i) => ({ n: i, s: `row ${i}`, l: [i * 2] }))
      expect(table.toArray()).toEqual(wanted)
      expect(Table.fromIPC(table.toIPC()).toArray()).toEqual(wanted)
    }
  })

  it("notices columns of different lengths", () => {
    const builder = new TableBuilder(schema([field("a", int32()), field("b", int32())]))
    ;(builder.columns[0] as FixedColumn).append(1)
    builder.endRows(1)
    expect(() => builder.finish()).toThrow('"b" has 0 rows')
  })
})
