import { float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 } from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import { TableBuilder } from "./columns.ts"
import { inferField, keysOf } from "./infer.ts"
import type { Table } from "./table.ts"
import { type DataType, type Field, field, schema } from "./types.ts"
import { writer } from "./write/writers.ts"

/** Types of columns by name: an Arrow type, or a field where metadata counts (`field("doc", utf8(), { extension: "arrow.json" })`). */
export type ColumnTypes = Readonly<Record<string, DataType | Field>>

/**
 * A table of these rows. Columns are the keys of all rows, in the order in which they first occur, those of `types` included;
 * a missing key is NULL. What `types` does not name is inferred: see `inferField`.
 *
 * @throws MooringError `BAD_VALUE` for a value that its column's type does not hold exactly.
 * @example
 * tableFromRows([{ name: "Ada", age: 36 }, { name: "Tom", age: null }], { age: int16() })
 */
export function tableFromRows<Row extends object>(rows: readonly Row[], types: ColumnTypes = {}): Table<Row> {
  const names = keysOf([...rows, types])
  return fromCells(
    names,
    names.map((name) => rows.map((row) => (Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : null))),
    types,
  ) as Table<Row>
}

/**
 * A table of these columns, all of one length. Typed arrays keep their type: `Float64Array` is float64, `Uint8Array` uint8.
 *
 * @throws MooringError `BAD_VALUE` if the lengths differ, or for a value that its column's type does not hold exactly.
 * @example tableFromColumns({ x: [1, 2, 3], y: Float64Array.of(0.5, 1, 2) })
 */
export function tableFromColumns<Columns extends Record<string, ArrayLike<unknown>>>(
  columns: Columns,
  types: ColumnTypes = {},
): Table<{ [Name in keyof Columns]: Columns[Name][number] }> {
  const names = Object.keys(columns)
  const length = names.length === 0 ? 0 : columns[names[0]!]!.length
  for (const name of names) {
    if (columns[name]!.length === length) continue
    const [first, other] = [JSON.stringify(names[0]), JSON.stringify(name)]
    throw new MooringError(
      "BAD_VALUE",
      `Column ${first} has ${length} values, but column ${other} has ${columns[name]!.length}.`,
    )
  }
  return fromCells(
    names,
    names.map((name) => columns[name]!),
    types,
  ) as never
}

function fromCells(names: readonly string[], cells: readonly ArrayLike<unknown>[], types: ColumnTypes): Table {
  const fields = names.map((name, i) => {
    const type = Object.hasOwn(types, name) ? types[name]! : arrayType(cells[i]!)
    if (type === undefined) return inferField(name, Array.from(cells[i]!))
    return "typeId" in type ? field(name, type) : { ...type, name }
  })
  const builder = new TableBuilder(schema(fields))
  const writers = fields.map((each, i) => writer(builder.columns[i]!, each))
  const length = cells[0]?.length ?? 0
  for (let start = 0; start < length; start += 4096) {
    const end = Math.min(length, start + 4096)
    writers.forEach((write, j) => {
      for (let i = start; i < end; i++) write(cells[j]![i])
    })
    builder.endRows(end - start)
  }
  return builder.finish()
}

/** The type whose values a typed array holds. */
function arrayType(cells: ArrayLike<unknown>): DataType | undefined {
  return ArrayBuffer.isView(cells) ? arrayTypes[cells.constructor.name]?.() : undefined
}

const arrayTypes: Readonly<Record<string, () => DataType>> = {
  Int8Array: int8,
  Int16Array: int16,
  Int32Array: int32,
  BigInt64Array: int64,
  Uint8Array: uint8,
  Uint8ClampedArray: uint8,
  Uint16Array: uint16,
  Uint32Array: uint32,
  BigUint64Array: uint64,
  Float32Array: float32,
  Float64Array: float64,
}
