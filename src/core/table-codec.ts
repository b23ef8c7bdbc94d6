import type { Codec, SharedValues } from "../cache/index.ts"
import { tableCost } from "../tables/cost.ts"
import { isTable, Table } from "../tables/table.ts"
import { sha256 } from "../util/sha256.ts"
import { stableKey } from "../util/stable-key.ts"

/** Outside of this process, tables are kept as Arrow IPC streams. */
export const tableCodec = {
  id: "arrow-ipc@1",
  accepts: isTable,
  encode: (table: Table): Uint8Array => table.toIPC(),
  decode: (bytes: Uint8Array): Table => Table.fromIPC(bytes),
} as const

/** Outside of this process, a table is kept as such, and all else as the text that its plain data makes. */
export async function valueCodec(): Promise<Codec<unknown>> {
  // Loaded here: most programs keep nothing outside of memory.
  const { anyCodec, plainCodec } = await import("../cache/codec.ts")
  return anyCodec([tableCodec, plainCodec([tableCodec])])
}

/** Tables are immutable: all readers of a cache share one. */
export const sharedTables: SharedValues = {
  accepts: isTable,
  sizeOf: (table) => tableCost(table as Table),
  keyOf: (table) => digestOf(table as Table),
}

/** A table is immutable: its digest is computed once. */
const digests = new WeakMap<Table, string>()

/** Of its columns, values, and of how they appear in JavaScript. */
function digestOf(table: Table): string {
  let digest = digests.get(table)
  if (digest === undefined) {
    digest = `table ${sha256(table.toIPC())} ${stableKey(table.values)}`
    digests.set(table, digest)
  }
  return digest
}
