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
  /** Needed where there are no columns. */
  readonly numRows?: number
}

/** A table as bytes of Arrow's IPC format. */
export function toIPC(table: IPCSource, format: "stream" | "file"): Uint8Array {
  if (format !== "stream" && format !== "file") {
    throw new MooringError("BAD_CONFIG", `The IPC format is ${JSON.stringify(format)}.`, {
      hint: 'Use "stream" or "file".',
    })
  }
  const bytes = tableToIPC(toArrow(table), { format }) as Uint8Array
  if (table.columns.length === 0 && table.numRows) return withBareRows(bytes, table.numRows, format)
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

/** A stream of a schema without columns, with a batch that has nothing but its number of rows. */
function withBareRows(stream: Uint8Array, rows: number, format: "stream" | "file"): Uint8Array {
  if (format === "file") {
    throw new MooringError("UNSUPPORTED", "Mooring does not write Arrow files of rows without columns.", {
      hint: 'Use the format "stream", or select a column.',
    })
  }
  const schema = stream.length - endOfStream
  const out = new Uint8Array(stream.length + bareRowsBytes)
  out.set(stream.subarray(0, schema))
  out.set(stream.subarray(schema), schema + bareRowsBytes)
  const view = new DataView(out.buffer, schema, bareRowsBytes)
  view.setInt32(0, -1, true)
  view.setInt32(4, bareRowsBytes - 8, true)
  // A FlatBuffer: the root's place; the message's table with version, kind and header; the batch's table with its
  // rows and two empty lists, of nodes and of buffers.
  view.setUint32(8, 16, true)
  for (const [i, value] of [12, 12, 8, 10, 4, 0].entries()) view.setUint16(12 + i * 2, value, true)
  view.setInt32(24, 12, true)
  view.setUint32(28, 20, true)
  view.setInt16(32, 4, true)
  view.setUint8(34, 3)
  for (const [i, value] of [10, 20, 8, 4, 16].entries()) view.setUint16(36 + i * 2, value, true)
  view.setInt32(48, 12, true)
  view.setUint32(52, 16, true)
  view.setBigInt64(56, BigInt(rows), true)
  view.setUint32(64, 12, true)
  return out
}

const bareRowsBytes = 80

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
