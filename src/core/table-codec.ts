import type { Codec } from "../cache/contract.ts"
import { Table } from "../tables/index.ts"

/** Tables are kept as Arrow IPC streams, outside of this process. */
export const tableCodec: Codec<Table> = {
  id: "arrow-ipc",
  encode: (table) => table.toIPC(),
  decode: (bytes) => Table.fromIPC(bytes),
}
