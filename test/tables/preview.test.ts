import { decimal, int32, utf8 } from "@uwdata/flechette"
import fc from "fast-check"
import stringWidth from "fast-string-width"
import { preview, Table, tableFromRows, toMarkdown } from "mooring/tables"
import { describe, expect, it } from "vitest"

const many = tableFromRows(
  Array.from({ length: 100_000 }, (_, id) => ({ id, name: id === 1 ? null : `n${id}`, price: `${id}.50` })),
  { price: decimal(12, 2) },
)

describe("preview", () => {
  it("shows names, types, aligned values, and what is missing", () => {
    expect(preview(many, { maxRows: 3 })).toBe(
      [
        "    id │ name │             price",
        " int32 │ utf8 │ decimal128(12, 2)",
        "───────┼──────┼───────────────────",
        "     0 │ n0   │              0.50",
        "     1 │ NULL │              1.50",
        "     2 │ n2   │              2.50",
        "… 99,997 more rows",
      ].join("\n"),
    )
  })

  it("leaves out columns that do not fit, and names them", () => {
    const text = preview(many, { maxRows: 1, width: 20 })
    expect(text).toBe(
      [
        "    id │ name",
        " int32 │ utf8",
        "───────┼──────",
        "     0 │ n0",
        "… 99,999 more rows",
        "… 1 more column: price",
      ].join("\n"),
    )
  })

  it("shows an empty result with its columns", () => {
    const empty = tableFromRows([], { a: int32(), b: utf8() })
    expect(preview(empty)).toBe("     a │ b\n int32 │ utf8\n───────┼──────\n(0 rows)")
    expect(preview(Table.empty)).toBe("(no columns)")
    expect(preview(many, { maxRows: 0 })).toContain("… 100,000 rows")
  })

  it("aligns wide characters and cuts long text", () => {
    const lines = preview(
      tableFromRows([
        { s: "古い池", x: "y".repeat(500) },
        { s: "👨‍👩‍👧", x: "" },
      ]),
    ).split("\n")
    expect(lines[3]).toBe(` 古い池 │ ${"y".repeat(59)}…`)
    expect(lines[4]).toBe(" 👨‍👩‍👧     │")
    const widths = lines.slice(0, 3).map((line) => stringWidth(line.split(/[│┼]/)[0]!))
    expect(new Set(widths).size).toBe(1)
  })

  it("never throws for a value", () => {
    const table = tableFromRows<object>([{ n: 2n ** 80n, t: new Date(8.64e15), l: [2n ** 60n], b: Uint8Array.of(255) }])
    const text = preview(table, { width: 200 })
    for (const value of [
      "1208925819614629174706176",
      "+275760-09-13T00:00:00.000Z",
      '["1152921504606846976"]',
      "/w==",
    ]) {
      expect(text).toContain(value)
    }
  })

  it("cannot be used to command the terminal", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\x1b[2J",
        "\x9b31m",
        "a\rb",
        "\x1b]0;title\x07",
        "\u202edrow",
        "\u2028",
        "\ud800",
        "\u{e0041}",
        "\b\b",
      ),
    )
    fc.assert(
      fc.property(fc.array(fc.record({ v: hostile }), { minLength: 1 }), hostile, (rows, name) => {
        const table = tableFromRows<object>(rows.map((row) => ({ [name]: row.v, z: row.v })))
        for (const text of [preview(table, { width: 200 }), toMarkdown(table)]) {
          expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u)
        }
        expect(preview(table, { width: 200 }).split("\n")).toHaveLength(
          3 + Math.min(20, rows.length) + (rows.length > 20 ? 1 : 0),
        )
      }),
    )
  })

  it("fits the width", () => {
    const row = fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }), {
      minKeys: 2,
    })
    fc.assert(
      fc.property(row, fc.integer({ min: 40, max: 120 }), (values, width) => {
        for (const line of preview(tableFromRows([values]), { width })
          .split("\n")
          .slice(0, 4)) {
          expect(stringWidth(line)).toBeLessThanOrEqual(Math.max(width, 62))
        }
      }),
    )
  })

  it("colours only when asked", () => {
    expect(preview(many, { maxRows: 2, color: true })).toContain("\x1b[2mNULL\x1b[22m")
    expect(preview(many, { maxRows: 2 })).not.toContain("\x1b")
  })
})

describe("toMarkdown", () => {
  it("is a table of GitHub's dialect", () => {
    expect(toMarkdown(many, { maxRows: 2 })).toBe(
      "| id | name | price |\n| ---: | --- | ---: |\n| 0 | n0 | 0.50 |\n| 1 | NULL | 1.50 |\n\n… 99,998 more rows\n",
    )
  })

  it("escapes what would end a cell or begin HTML", () => {
    expect(toMarkdown(tableFromRows([{ "a|b": "x|y\n<b>\\" }]))).toBe("| a\\|b |\n| --- |\n| x\\|y\\n&lt;b>\\\\ |\n")
  })
})
