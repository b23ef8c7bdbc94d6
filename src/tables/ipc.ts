import { type Table as ArrowTable, tableFromIPC, tableToIPC } from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import { exactly, type RawBatch } from "./batch.ts"
import type { Schema } from "./types.ts"

/** A table as bytes of Arrow's IPC format. */
export function toIPC(table: ArrowTable, format: "stream" | "file"): Uint8Array {
  return tableToIPC(table, { format }) as Uint8Array
}

/**
 * The schema and batches that IPC bytes hold, as views of these bytes.
 *
 * @throws MooringError `BAD_VALUE` if the bytes are not in Arrow's IPC format.
 */
export function fromIPC(data: Uint8Array | ArrayBuffer): { schema: Schema; batches: RawBatch[][] } {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data)
  // Typed arrays need their elements aligned; a slice of Node's shared pool may begin anywhere.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
  let table: ArrowTable
  try {
    table = tableFromIPC(aligned, exactly)
  } catch (cause) {
    throw new MooringError("BAD_VALUE", "The bytes are not a table in Arrow's IPC format.", {
      hint: "Give the whole content of an Arrow IPC stream or file, uncompressed.",
      cause,
    })
  }
  return { schema: table.schema, batches: table.children.map((column) => [...column.data] as RawBatch[]) }
}
