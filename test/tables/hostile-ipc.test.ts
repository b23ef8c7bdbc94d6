import { Column as ArrowColumn, dictionary, int32, list, utf8 } from "@uwdata/flechette"
import { RecordBatchReader, tableFromIPC } from "apache-arrow"
import fc from "fast-check"
import { expect, test } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import { batch } from "../../src/tables/batch.ts"
import { columnBuilder, DictionaryColumn, dictionaryValues, type ListColumn } from "../../src/tables/columns.ts"
import { Table, tableFromColumns } from "../../src/tables/index.ts"
import { field, schema } from "../../src/tables/types.ts"

const labels = dictionaryValues(["cat", "owl", "newt"])

/** A dictionary of lists of a dictionary. */
function nested(): Table {
  const keys = dictionary(utf8(), int32())
  const items = new DictionaryColumn(keys, labels as ArrowColumn<unknown>, 8)
  const lists = list(field("item", keys))
  const values = batch(lists, {
    length: 3,
    nullCount: 0,
    offsets: Int32Array.of(0, 2, 2, 3),
    children: [
      (() => {
        items.reserve(3)
        items.values.set([1, 0, 2] as never)
        items.commit(3)
        return items.finish()
      })(),
    ],
  })
  const type = dictionary(lists, int32())
  const made = batch(type, {
    length: 4,
    nullCount: 0,
    values: Int32Array.of(2, 0, 0, 1),
    dictionary: new ArrowColumn([values], lists) as ArrowColumn<unknown>,
  })
  return new Table(schema([field("v", type)]), [[made]])
}

function plain(): Table {
  const lists = columnBuilder(list(field("item", int32()))) as ListColumn
  for (let i = 0; i < 8; i++) lists.append()
  return tableFromColumns(
    {
      id: [1, 2, 3, 4, 5, 6, 7, 8],
      name: ["Ada", null, "Grace", "", "Emmy", "Mary", "a longer name than twelve", "Ida"],
      tags: [["a"], [], null, ["b", "c"], ["d"], [], [], ["e"]],
      trip: [{ km: 1.5 }, { km: null }, null, { km: 2 }, { km: 3 }, { km: 4 }, { km: 5 }, { km: 6 }],
      ok: [true, false, null, true, true, false, false, true],
      at: Array.from({ length: 8 }, (_, i) => new Date(i * 1e10)),
    },
    {},
  )
}

const files = [plain(), nested()].flatMap((table) => [table.toIPC(), table.toIPC({ format: "file" })])

/** Reads everything, in each way. Only a sentence may come of it. */
function readAll(bytes: Uint8Array): void {
  const use = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      if (!isMooringError(error, "BAD_VALUE")) throw error
    }
  }
  use(() => {
    const table = Table.fromIPC(bytes)
    use(() => table.toArray())
    use(() => JSON.stringify(table))
    use(() => table.withValues({ bigint: "string", timestamp: "string" }).toColumns())
    use(() => table.toIPC())
    use(() => String(table))
  })
}

const damage = fc.record({
  file: fc.constantFrom(...files),
  edits: fc.array(
    fc.record({ at: fc.nat(), width: fc.constantFrom(1, 2, 4, 8), value: fc.bigInt(0n, 2n ** 64n - 1n) }),
    {
      minLength: 0,
      maxLength: 4,
    },
  ),
  small: fc.boolean(),
  cut: fc.option(fc.nat(), { freq: 4 }),
})

test("bytes that were altered or cut off are read or refused", () => {
  fc.assert(
    fc.property(damage, ({ file, edits, small, cut }) => {
      const bytes = file.slice(0, cut === null ? file.length : cut % file.length)
      const view = new DataView(bytes.buffer)
      for (const { at, width, value } of edits) {
        const place = at % Math.max(1, bytes.length)
        const written = small ? value % 256n : value
        for (let i = 0; i < width && place + i < bytes.length; i++) {
          view.setUint8(place + i, Number((written >> BigInt(8 * i)) & 255n))
        }
      }
      readAll(bytes)
    }),
    { numRuns: 3000 },
  )
})

test("each single byte of a table may be anything", () => {
  for (const file of files.slice(0, 2)) {
    for (let at = 0; at < file.length; at++) {
      const bytes = file.slice()
      bytes[at] = [0x00, 0x7f, 0x80, 0xff][(at * 7) % 4]!
      readAll(bytes)
    }
  }
})

test("each part of a table is refused, but for a stream that ends between two batches", () => {
  for (const file of files) {
    const rows = Table.fromIPC(file).numRows
    for (let end = 0; end < file.length; end++) {
      let table: Table | undefined
      try {
        table = Table.fromIPC(file.slice(0, end))
      } catch (error) {
        expect(isMooringError(error, "BAD_VALUE")).toBe(true)
      }
      if (table !== undefined) expect([0, rows]).toContain(table.numRows)
    }
  }
})

test("dictionaries inside of dictionaries are read by others, and again", () => {
  const table = nested()
  const expected = [["newt"], ["owl", "cat"], ["owl", "cat"], []]
  for (const format of ["stream", "file"] as const) {
    const bytes = table.toIPC({ format })
    expect(Table.fromIPC<{ v: string[] }>(bytes).column("v").toArray()).toEqual(expected)
    const theirs = tableFromIPC(RecordBatchReader.from(bytes))
    expect(theirs.toArray().map((row) => [...row.v])).toEqual(expected)
  }
})

test("numbers with their highest byte first are refused with a sentence", () => {
  // A schema without fields. The last short says which byte is first.
  const shorts = [12, 12, 8, 10, 4, 0, 12, 0, 16, 0, 4, 1, 6, 8, 4, 0, 8, 0, 1, 0]
  const bytes = new Uint8Array(12 + shorts.length * 2)
  const view = new DataView(bytes.buffer)
  view.setInt32(0, -1, true)
  view.setInt32(4, bytes.length - 8, true)
  view.setInt32(8, 16, true)
  for (const [i, short] of shorts.entries()) view.setInt16(12 + i * 2, short, true)
  expect(() => Table.fromIPC(bytes)).toThrow("highest byte of its numbers first")
  view.setInt16(48, 0, true)
  expect(Table.fromIPC(bytes).names).toEqual([])
})
