import { Column as ArrowColumn, type TypedArray } from "@uwdata/flechette"
import { type BatchParts, batch, type RawBatch } from "./batch.ts"
import { Table } from "./table.ts"
import type { DataType, Schema } from "./types.ts"
import type { ValueOptions } from "./values.ts"

/** A table as plain data, which `structuredClone` and `postMessage` carry to another thread. */
export interface TableMessage {
  readonly schema: Schema
  readonly values: Required<ValueOptions>
  readonly columns: readonly (readonly BatchMessage[])[]
  readonly rows: number
  /** The values of dictionaries, each once however many batches use it. */
  readonly dictionaries: readonly DictionaryMessage[]
}

interface BatchMessage extends Omit<BatchParts, "children" | "dictionary"> {
  readonly children?: readonly BatchMessage[]
  readonly dictionary?: number
}

interface DictionaryMessage {
  readonly type: DataType
  readonly batches: readonly BatchMessage[]
}

/**
 * A table as a message to another thread, and the buffers to move with it instead of copying them. Once they are moved,
 * this table is empty memory: only the maker of a fresh table may do that.
 *
 * @example
 * const { message, transfer } = dehydrate(table)
 * parentPort.postMessage(message, transfer)
 */
export function dehydrate(table: Pick<Table, "schema" | "values" | "columns" | "numRows">): {
  message: TableMessage
  transfer: ArrayBuffer[]
} {
  const buffers = new Set<ArrayBuffer>()
  const known = new Map<object, number>()
  const dictionaries: DictionaryMessage[] = []
  const note = <T extends TypedArray | undefined>(array: T): T => {
    if (array !== undefined && array !== null && array.byteLength > 0 && array.buffer instanceof ArrayBuffer) {
      buffers.add(array.buffer)
    }
    return array
  }
  const pack = (part: RawBatch): BatchMessage => ({
    length: part.length,
    nullCount: part.nullCount,
    validity: note(part.validity),
    values: note(part.values),
    offsets: note(part.offsets),
    sizes: note(part.sizes),
    ...(part.typeIds && { typeIds: note(part.typeIds) }),
    ...(part.data && { data: part.data.map(note) }),
    ...(part.children && { children: part.children.map(pack) }),
    ...(part.dictionary && { dictionary: packDictionary(part.dictionary) }),
  })
  const packDictionary = (dictionary: ArrowColumn<unknown>): number => {
    const index = known.get(dictionary)
    if (index !== undefined) return index
    // Dictionaries inside this one come before it, so that hydrate meets them first.
    const packed = { type: sendable(dictionary.type), batches: dictionary.data.map(pack) }
    known.set(dictionary, dictionaries.push(packed) - 1)
    return dictionaries.length - 1
  }
  const columns = table.columns.map((column) => column.batches.map(pack))
  const { values, numRows: rows } = table
  const message = { schema: sendable(table.schema), values, columns, rows, dictionaries }
  return { message, transfer: [...buffers] }
}

/** The table that {@link dehydrate} took apart, over the same buffers. */
export function hydrate<Row = Record<string, unknown>>(message: TableMessage): Table<Row> {
  const dictionaries: ArrowColumn<unknown>[] = []
  const unpack = (type: DataType, part: BatchMessage): RawBatch => {
    const { children, dictionary, ...buffers } = part
    const fields = "children" in type ? type.children : []
    return batch(type, {
      ...buffers,
      ...(children && { children: children.map((child, i) => unpack(fields[i]!.type, child)) }),
      ...(dictionary !== undefined && { dictionary: dictionaries[dictionary]! }),
    }) as RawBatch
  }
  for (const packed of message.dictionaries) {
    const type = revived(packed.type)
    dictionaries.push(
      new ArrowColumn(
        packed.batches.map((part) => unpack(type, part)),
        type,
      ),
    )
  }
  const schema = revived(message.schema)
  const columns = message.columns.map((parts, i) => parts.map((part) => unpack(schema.fields[i]!.type, part)))
  return new Table(schema, columns, message.values, message.rows)
}

const arrayTypes: Record<string, unknown> = {
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
}

/** Types hold the constructors of their arrays, and functions cannot be sent: their names can. */
function sendable<T>(value: T): T {
  return mapDeep(value, (item) => (typeof item === "function" ? { arrayType: item.name } : item)) as T
}

function revived<T>(value: T): T {
  return mapDeep(value, (item) =>
    typeof item === "object" && item !== null && "arrayType" in item ? arrayTypes[item.arrayType as string] : item,
  ) as T
}

function mapDeep(value: unknown, change: (item: unknown) => unknown): unknown {
  const changed = change(value)
  if (changed !== value || typeof value !== "object" || value === null || value instanceof Map) return changed
  if (Array.isArray(value)) return value.map((item) => mapDeep(item, change))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapDeep(item, change)]))
}
