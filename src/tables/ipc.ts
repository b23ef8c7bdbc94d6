import { Column as ArrowColumn, Table as ArrowTable, tableToIPC } from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import type { RawBatch } from "./batch.ts"
import { byteStream, type ExportOptions, type SchemaSource, schemaReader, type Tables } from "./byte-stream.ts"
import { unifyDictionaries, withDictionaryTypes } from "./dictionaries.ts"
import { hasNestedDictionaries, innerDictionariesFirst } from "./dictionary-order.ts"
import { type IPCContent, readIPC } from "./ipc-read.ts"
import { UnreadableError } from "./ipc-structure.ts"
import type { Schema } from "./types.ts"

/** What IPC takes of a table. */
export interface IPCSource {
  readonly schema: Schema
  readonly columns: readonly { readonly batches: readonly RawBatch[] }[]
}

/** A table as bytes of Arrow's IPC format. */
export function toIPC(table: IPCSource, format: "stream" | "file"): Uint8Array {
  if (format !== "stream" && format !== "file") {
    throw new MooringError("BAD_CONFIG", `The IPC format is ${JSON.stringify(format)}.`, {
      hint: 'Use "stream" or "file".',
    })
  }
  const bytes = tableToIPC(toArrow(table), { format }) as Uint8Array
  return hasNestedDictionaries(table.schema.fields) ? innerDictionariesFirst(bytes, format) : bytes
}

/** The same buffers as a table of flechette. */
export function toArrow(table: IPCSource): ArrowTable {
  const unified = unifyDictionaries(
    table.schema,
    table.columns.map((column) => column.batches),
  )
  const fields = unified.schema.fields.map((field, i) => {
    return { ...field, type: withDictionaryTypes(field.type, unified.columns[i]![0]) }
  })
  const columns = unified.columns.map((batches, i) => new ArrowColumn([...batches], fields[i]!.type))
  return new ArrowTable({ ...unified.schema, fields }, columns)
}

/**
 * The schema and batches that IPC bytes hold, as views of these bytes.
 *
 * @throws MooringError `BAD_VALUE` if the bytes are not in Arrow's IPC format.
 */
export function fromIPC(data: Uint8Array | ArrayBuffer): IPCContent {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data)
  // Typed arrays need their elements aligned; a slice of Node's shared pool may begin anywhere.
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes)
  try {
    return readIPC(aligned)
  } catch (cause) {
    if (cause instanceof UnreadableError) throw new MooringError("BAD_VALUE", cause.message, { hint: cause.hint })
    throw new MooringError("BAD_VALUE", "The bytes are not a table in Arrow's IPC format.", {
      hint: "Give the whole content of an Arrow IPC stream or file, uncompressed.",
      cause,
    })
  }
}

/** Ends a stream: a continuation mark and a length of zero. */
const endOfStream = 8

/**
 * Tables as one Arrow IPC stream: the schema once, then the batches of each table as they come. A dictionary is sent with
 * each table that has it; the format lets a stream replace its dictionaries.
 *
 * @throws MooringError `BAD_VALUE`, to the reader, if a table's columns are not those of the schema.
 * @see https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
 */
export function ipcStream(
  schema: SchemaSource,
  tables: Tables<IPCSource>,
  options: ExportOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const readSchema = schemaReader(schema)
  return byteStream(async function* () {
    let head: Uint8Array | undefined
    for await (const table of tables) {
      const bytes = toIPC(table, "stream")
      const own = bytes.subarray(0, schemaSize(bytes))
      if (head !== undefined && !sameBytes(head, own)) {
        throw new MooringError("BAD_VALUE", "The columns changed in the middle of a stream.", {
          hint: "Give all tables of a stream the same columns, with casts in the query.",
        })
      }
      yield bytes.subarray(head === undefined ? 0 : own.length, -endOfStream)
      head ??= own.slice()
    }
    const fields = await readSchema()
    const empty = toIPC({ schema: fields, columns: fields.fields.map(() => ({ batches: [] })) }, "stream")
    yield head === undefined ? empty : empty.subarray(-endOfStream)
  }, options)
}

/** Bytes of the first message: eight before its metadata, whose length they tell. A schema has no body. */
function schemaSize(bytes: Uint8Array): number {
  return 8 + new DataView(bytes.buffer, bytes.byteOffset).getInt32(4, true)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}
