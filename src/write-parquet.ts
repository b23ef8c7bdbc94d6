import { MooringError } from "./errors.ts"
import type { DriverPackage } from "./sql/index.ts"
import { batch, type RawBatch } from "./tables/batch.ts"
import { Table } from "./tables/table.ts"
import { type DataType, type Field, typeName } from "./tables/types.ts"

/** The optional peer that writes Parquet. */
export const parquetPackage: DriverPackage = { package: "parquet-wasm", range: "^0.8.0", purpose: "writes Parquet" }

/**
 * A table as a Parquet file, compressed with Zstandard. The Arrow schema is in it, so that a reader of Arrow gets every
 * type back.
 *
 * @throws MooringError `DRIVER_MISSING` without `parquet-wasm`; `UNSUPPORTED` for what Parquet cannot hold.
 */
export async function toParquet(table: Table): Promise<Uint8Array> {
  for (const field of table.schema.fields) refuseUnwritable(field, field.name)
  const { importDriver } = await import("./sql/import-driver.ts")
  const parquet = await importDriver(parquetPackage, () => import("parquet-wasm"))
  const properties = new parquet.WriterPropertiesBuilder().setCompression(parquet.Compression.ZSTD).build()
  return parquet.writeParquet(parquet.Table.fromIPCStream(withoutSeconds(table).toIPC()), properties)
}

/** Parquet's timestamps begin at milliseconds; seconds would be written as plain integers. */
function withoutSeconds(table: Table): Table {
  const columns = table.schema.fields.map((field, i) => inMilliseconds(field, table.columns[i]!.batches))
  if (columns.every(({ field }, i) => field === table.schema.fields[i])) return table
  const fields = columns.map(({ field }) => field)
  return new Table(
    { ...table.schema, fields },
    columns.map(({ batches }) => batches),
    table.values,
  )
}

interface Finer {
  readonly field: Field
  readonly batches: readonly RawBatch[]
}

/** The same column with timestamps of seconds in milliseconds, wherever they are in it. */
function inMilliseconds(field: Field, batches: readonly RawBatch[]): Finer {
  const { type } = field
  if (type.typeId === timestampId && type.unit === 0) {
    const finer: DataType = { ...type, unit: 1 }
    return { field: { ...field, type: finer }, batches: batches.map((part) => scaled(finer, part)) }
  }
  if (type.typeId === dictionaryId || !("children" in type)) return { field, batches }
  const children = type.children.map((child, i) => {
    return inMilliseconds(
      child,
      batches.map((part) => part.children[i] as RawBatch),
    )
  })
  if (children.every((child, i) => child.field === type.children[i])) return { field, batches }
  const changed = { ...type, children: children.map((child) => child.field) } as DataType
  const rebuilt = batches.map((part, b) => {
    return batch(changed, { ...part, children: children.map((child) => child.batches[b]!) }) as RawBatch
  })
  return { field: { ...field, type: changed }, batches: rebuilt }
}

function scaled(type: DataType, part: RawBatch): RawBatch {
  const { length, nullCount, validity } = part
  const seconds = part.values as BigInt64Array
  const values = new BigInt64Array(length)
  for (let i = 0; i < length; i++) {
    // The bits of a NULL mean nothing; infinities stay what they are.
    const value = seconds[i]!
    values[i] = value >= 2n ** 63n - 1n || value <= -(2n ** 63n) + 1n ? value : value * 1000n
  }
  return batch(type, { length, nullCount, validity, values }) as RawBatch
}

const timestampId = 10
const dictionaryId = -1

/** Arrow's type ids of what Parquet's writer cannot write. */
const interval = 11
const union = 14

function refuseUnwritable({ type }: Field, column: string): void {
  const unwritable = (type.typeId === interval && type.unit === 2) || type.typeId === union
  if (unwritable) {
    throw new MooringError("UNSUPPORTED", `Parquet cannot hold column ${JSON.stringify(column)}: ${typeName(type)}.`, {
      hint: "Cast it to text in the query, or choose the format arrow.",
    })
  }
  if ("children" in type) for (const child of type.children) refuseUnwritable(child, column)
}
