import { type Column, type DataType, decimal128, dictionary, uint8, uint16, uint32, utf8 } from "@uwdata/flechette"
import { MooringError } from "../../../errors.ts"
import {
  type ColumnBuilder,
  DictionaryColumn,
  dictionaryValues,
  type FixedColumn,
  type VariableColumn,
} from "../../../tables/columns.ts"
import type { Driver, LogicalTypeHandle } from "./driver.ts"
import { doubleWordTo128, FixedReader, WideningReader, wordTo128 } from "./vectors/fixed.ts"
import type { VectorReader } from "./vectors/reader.ts"
import { BytesAsTextReader, StringReader } from "./vectors/strings.ts"
import { FixedAsTextReader } from "./vectors/text.ts"

/** How one DuckDB type becomes an Arrow column. */
export interface ColumnKind {
  readonly type: DataType
  readonly extension?: string
  /** The column, where the type alone does not say it all. */
  builder?(): ColumnBuilder
  reader(column: ColumnBuilder): VectorReader
}

/** The names of the driver's type ids: one that is added there does not compile here until it is handled. */
export type TypeName = keyof typeof import("@duckdb/node-api").DuckDBTypeId

export interface TypeContext {
  readonly driver: Driver
  /** Inside a list, struct, map, array or union. */
  readonly nested: boolean
}

export type MakeKind = (type: LogicalTypeHandle, context: TypeContext) => ColumnKind

export function asIs(type: DataType, extension?: string): MakeKind {
  return (_type, { driver }) => ({
    type,
    ...(extension !== undefined && { extension }),
    reader: (column) => new FixedReader(driver.bindings, column as FixedColumn),
  })
}

export function strings(type: DataType, driver: Driver): ColumnKind {
  return { type, reader: (column) => new StringReader(driver.bindings, column as VariableColumn) }
}

export function bytesAsText(toText: (bytes: Uint8Array) => string): MakeKind {
  return (_type, { driver }) => ({
    type: utf8(),
    reader: (column) => new BytesAsTextReader(driver.bindings, column as VariableColumn, toText),
  })
}

export function fixedAsText(width: number, toText: (view: DataView, at: number) => string): MakeKind {
  return (_type, { driver }) => ({
    type: utf8(),
    reader: (column) => new FixedAsTextReader(driver.bindings, column as VariableColumn, width, toText),
  })
}

const enumKeys: Record<string, DataType> = { UTINYINT: uint8(), USMALLINT: uint16(), UINTEGER: uint32() }
const keyReaders: Record<string, (view: DataView, at: number) => number> = {
  UTINYINT: (view, at) => view.getUint8(at),
  USMALLINT: (view, at) => view.getUint16(at, true),
  UINTEGER: (view, at) => view.getUint32(at, true),
}

/** A dictionary; inside other types text, because many readers of Arrow do not know dictionaries there. */
export function enumKind(type: LogicalTypeHandle, { driver, nested }: TypeContext): ColumnKind {
  const { bindings } = driver
  const labels = namesOf(bindings.enum_dictionary_size(type), (i) => bindings.enum_dictionary_value(type, i))
  const internal = String(bindings.Type[bindings.enum_internal_type(type)])
  const keys = enumKeys[internal] as ReturnType<typeof uint8>
  if (nested) {
    const key = keyReaders[internal]!
    return {
      type: utf8(),
      reader: (column) =>
        new FixedAsTextReader(
          bindings,
          column as VariableColumn,
          keys.bitWidth >> 3,
          (view, at) => labels[key(view, at)]!,
        ),
    }
  }
  const arrowType = dictionary(utf8(), keys)
  const values = dictionaryValues(labels) as Column<unknown>
  return {
    type: arrowType,
    builder: () => new DictionaryColumn(arrowType, values, 2048),
    reader: (column) => new FixedReader(bindings, column as DictionaryColumn),
  }
}

export function decimalKind(type: LogicalTypeHandle, { driver }: TypeContext): ColumnKind {
  const { bindings } = driver
  const internal = bindings.Type[bindings.decimal_internal_type(type)]
  return {
    type: decimal128(bindings.decimal_width(type), bindings.decimal_scale(type)),
    reader: (column) => {
      const fixed = column as FixedColumn
      if (internal === "HUGEINT") return new FixedReader(bindings, fixed)
      if (internal === "BIGINT") return new WideningReader(bindings, fixed, 8, doubleWordTo128)
      return new WideningReader(bindings, fixed, internal === "SMALLINT" ? 2 : 4, wordTo128)
    },
  }
}

export function unreadable(name: TypeName): MakeKind {
  return () => {
    throw new MooringError("UNSUPPORTED", `A result has a column of DuckDB's type ${name}, which has no values.`)
  }
}

export function namesOf(count: number, name: (index: number) => string): string[] {
  return Array.from({ length: count }, (_, i) => name(i))
}
