import { constants } from "node:buffer"
import { binary, type DataType, utf8 } from "@uwdata/flechette"
import { type Format, write } from "mooring"
import { field, schema, Table } from "mooring/tables"
import { describe, expect, it } from "vitest"
import type { Batch } from "../../src/tables/batch.ts"
import { VariableColumn } from "../../src/tables/columns.ts"

/** Zeros: memory that is never read is never there. */
function column(type: DataType, size: number): Batch<unknown> {
  const column = new VariableColumn(type)
  const end = column.reserve(1, size) + size
  column.offsets[1] = end
  column.commit(1, end)
  return column.finish()
}

function tableOf(...columns: Batch<unknown>[]): Table {
  return new Table(
    schema(columns.map(({ type }, i) => field(`c${i}`, type))),
    columns.map((batch) => [batch]),
  ) as Table
}

const text = (source: Table, format: Format) => new Response(write(source, format)).text()
const tooLarge = (message: RegExp) =>
  expect.objectContaining({ code: "TOO_LARGE", message: expect.stringMatching(message) })

describe("what no text can hold", () => {
  const longer = tableOf(column(utf8(), constants.MAX_STRING_LENGTH + 1))

  it("is an error that names the column, however it is read", async () => {
    const named = tooLarge(/^A value of column "c0" is longer than a text in JavaScript may be \(512 MB\)\.$/)
    const reads = [() => longer.at(0), () => JSON.stringify(longer), () => String(longer)]
    for (const read of reads) expect(read).toThrow(named)
    for (const format of ["csv"] as const) {
      await expect(text(longer, format)).rejects.toEqual(named)
    }
  })

  it("still goes as bytes", () => {
    const bytes = tableOf(column(binary(), constants.MAX_STRING_LENGTH + 1))
    expect((bytes.at(0)!.c0 as Uint8Array).length).toBe(constants.MAX_STRING_LENGTH + 1)
  })

  it("may be the base64 of bytes", async () => {
    const bytes = tableOf(column(binary(), 450_000_000))
    for (const format of ["csv", "ndjson"] as const) {
      await expect(text(bytes, format)).rejects.toEqual(tooLarge(/^The base64 of 450000000 bytes is longer/))
    }
  })

  it("may be a row whose values fit", async () => {
    const half = column(utf8(), 270_000_000)
    await expect(text(tableOf(half, half), "csv")).rejects.toEqual(tooLarge(/^A row as text is longer/))
  })
})
