import { Column as ArrowColumn, Type, type TypedArray, tableFromIPC } from "@uwdata/flechette"
import { type BatchParts, batch, exactly, type RawBatch } from "./batch.ts"
import { BufferCheck, checkType } from "./check.ts"
import { type IPCPart, readStructure } from "./ipc-structure.ts"
import { childFields, type DataType, type Field, type Schema } from "./types.ts"

/** What IPC bytes hold. */
export interface IPCContent {
  readonly schema: Schema
  readonly batches: RawBatch[][]
  /** Also where there are no columns. */
  readonly rows: number
}

/**
 * The table of an IPC stream or file, as views of these bytes. Buffers are checked before anything is decoded from them.
 *
 * @throws RangeError, TypeError
 */
export function readIPC(bytes: Uint8Array): IPCContent {
  const structure = readStructure(bytes)
  const schema = named(tableFromIPC(structure.schema, exactly).schema)
  for (const { type } of schema.fields) checkType(type)
  const check = new BufferCheck(bytes.length)
  const types = dictionaryTypes(schema.fields)
  const dictionaries = new Map<number, ArrowColumn<unknown>>()
  const batches: RawBatch[][] = schema.fields.map(() => [])
  let rows = 0
  for (const part of structure.parts) {
    const buffers = new PartReader(part, schema.version ?? 4, dictionaries)
    if (part.dictionary === undefined) {
      schema.fields.forEach(({ type }, i) => {
        const made = buffers.read(type)
        check.check(made)
        if (made.length !== part.rows) throw new RangeError("A column has other rows than its batch.")
        batches[i]!.push(made)
      })
      rows += part.rows
      continue
    }
    const { id, isDelta } = part.dictionary
    const type = types.get(id)
    if (type === undefined) throw new RangeError("A dictionary is of no column.")
    const made = buffers.read(type)
    check.check(made)
    const before = isDelta ? (dictionaries.get(id)?.data ?? []) : []
    dictionaries.set(id, new ArrowColumn([...before, made], type))
  }
  return { schema, batches, rows }
}

/** In Arrow a field may have no name. */
function named(schema: Schema): Schema {
  const nameless = (fields: readonly Field[]): boolean =>
    fields.some(({ name, type }) => typeof name !== "string" || nameless(childrenOf(type)))
  const withNames = (fields: readonly Field[]): Field[] =>
    fields.map((field) => {
      const { type } = field
      const named = { ...field, name: field.name ?? "" }
      if ("children" in type) return { ...named, type: { ...type, children: withNames(type.children) } as DataType }
      if (type.typeId !== Type.Dictionary || !("children" in type.dictionary)) return named
      const dictionary = { ...type.dictionary, children: withNames(type.dictionary.children) } as DataType
      return { ...named, type: { ...type, dictionary } }
    })
  return nameless(schema.fields) ? { ...schema, fields: withNames(schema.fields) } : schema
}

function childrenOf(type: DataType): readonly Field[] {
  return childFields(type.typeId === Type.Dictionary ? type.dictionary : type)
}

function dictionaryTypes(fields: readonly Field[], types = new Map<number, DataType>()): Map<number, DataType> {
  for (const { type } of fields) {
    if (type.typeId !== Type.Dictionary) dictionaryTypes(childFields(type), types)
    else {
      types.set(type.id, type.dictionary)
      dictionaryTypes(childFields(type.dictionary), types)
    }
  }
  return types
}

type ArrayType<T extends TypedArray> = new (buffer: ArrayBufferLike, offset: number, length: number) => T

/** Hands out the nodes and buffers of one message in the order of its columns. */
class PartReader {
  private readonly part: IPCPart
  private readonly version: number
  private readonly dictionaries: ReadonlyMap<number, ArrowColumn<unknown>>
  private nodes = 0
  private buffers = 0
  private views = 0

  constructor(part: IPCPart, version: number, dictionaries: ReadonlyMap<number, ArrowColumn<unknown>>) {
    this.part = part
    this.version = version
    this.dictionaries = dictionaries
  }

  read(type: DataType): RawBatch {
    const node = this.part.nodes[this.nodes++]
    if (node === undefined) throw new RangeError("There are fewer columns than said.")
    const nullCount = type.typeId === Type.Null ? node.length : node.nullCount
    return batch(type, { length: node.length, nullCount, ...this.partsOf(type) }) as RawBatch
  }

  private partsOf(type: DataType): Partial<BatchParts> {
    switch (type.typeId) {
      case Type.Null:
        return {}
      case Type.RunEndEncoded:
        return { children: this.children(type) }
      case Type.Union:
        // Before version 5 unions had a validity of their own.
        if (this.version < 4) this.next()
        return {
          typeIds: this.array(Int8Array),
          ...(type.mode === 1 && { offsets: this.array(type.offsets as ArrayType<Int32Array>) }),
          children: this.children(type),
        }
      default:
        return { validity: this.next(), ...this.valuesOf(type) }
    }
  }

  /** What follows the validity. */
  private valuesOf(type: DataType): Partial<BatchParts> {
    switch (type.typeId) {
      case Type.Utf8:
      case Type.LargeUtf8:
      case Type.Binary:
      case Type.LargeBinary:
        return { offsets: this.offsets(type), values: this.next() }
      case Type.Utf8View:
      case Type.BinaryView:
        return { values: this.next(), data: this.viewData() }
      case Type.List:
      case Type.LargeList:
      case Type.Map:
        return { offsets: this.offsets(type), children: this.children(type) }
      case Type.ListView:
      case Type.LargeListView:
        return { offsets: this.offsets(type), sizes: this.offsets(type), children: this.children(type) }
      case Type.FixedSizeList:
      case Type.Struct:
        return { children: this.children(type) }
      case Type.Dictionary:
        return {
          values: this.array(type.indices.values as ArrayType<TypedArray>),
          dictionary: this.dictionary(type.id, type.dictionary),
        }
      default:
        return { values: this.array(((type as { values?: unknown }).values ?? Uint8Array) as ArrayType<TypedArray>) }
    }
  }

  /** A dictionary may be missing where no row has a value. */
  private dictionary(id: number, type: DataType): ArrowColumn<unknown> {
    return this.dictionaries.get(id) ?? new ArrowColumn<unknown>([], type)
  }

  private children(type: DataType): RawBatch[] {
    return childFields(type).map((child) => this.read(child.type))
  }

  private offsets(type: { readonly offsets: unknown }): Int32Array | BigInt64Array {
    return this.array(type.offsets as ArrayType<Int32Array | BigInt64Array>)
  }

  private viewData(): Uint8Array[] {
    const count = this.part.viewBuffers[this.views++] ?? 0
    if (count > this.part.buffers.length) throw new RangeError("There are fewer buffers than said.")
    return Array.from({ length: count }, () => this.next())
  }

  private array<T extends TypedArray>(Class: ArrayType<T> & { readonly BYTES_PER_ELEMENT?: number }): T {
    const { buffer, byteOffset, byteLength } = this.next()
    return new Class(buffer, byteOffset, Math.floor(byteLength / (Class.BYTES_PER_ELEMENT ?? 1)))
  }

  private next(): Uint8Array {
    const buffer = this.part.buffers[this.buffers++]
    if (buffer === undefined) throw new RangeError("There are fewer buffers than said.")
    return buffer
  }
}
