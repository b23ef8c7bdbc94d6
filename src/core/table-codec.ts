import type { SharedValues } from "../cache/index.ts"
import { isTable, Table } from "../tables/index.ts"

/** Outside of this process, tables are kept as Arrow IPC streams. */
export const tableCodec = {
  id: "arrow-ipc@1",
  accepts: isTable,
  encode: (table: Table): Uint8Array => table.toIPC(),
  decode: (bytes: Uint8Array): Table => Table.fromIPC(bytes),
} as const

/** Tables are immutable: all readers of a cache share one. */
export const sharedTables: SharedValues = {
  accepts: isTable,
  sizeOf: (table) => (table as Table).byteLength,
}
