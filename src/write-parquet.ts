import { MooringError } from "./errors.ts"
import type { DriverPackage } from "./sql/index.ts"
import type { Field, Table } from "./tables/index.ts"
import { typeName } from "./tables/types.ts"

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
  return parquet.writeParquet(parquet.Table.fromIPCStream(table.toIPC()), properties)
}

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
