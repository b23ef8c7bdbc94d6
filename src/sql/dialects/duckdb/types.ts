import {
  binary,
  bool,
  dateDay,
  decimal128,
  decimal256,
  fixedSizeList,
  float32,
  float64,
  int8,
  int16,
  int32,
  int64,
  interval,
  list,
  map,
  nullType,
  struct,
  TimeUnit,
  time,
  timestamp,
  UnionMode,
  uint8,
  uint16,
  uint32,
  uint64,
  union,
  utf8,
} from "@uwdata/flechette"
import { MooringError } from "../../../errors.ts"
import {
  type BoolColumn,
  type ColumnBuilder,
  columnBuilder,
  type FixedColumn,
  type FixedListColumn,
  type ListColumn,
  type NullColumn,
  type StructColumn,
  type UnionColumn,
  type VariableColumn,
} from "../../../tables/columns.ts"
import { type Field, field, integerExtension, jsonExtension } from "../../../tables/types.ts"
import type { Driver, LogicalTypeHandle } from "./driver.ts"
import {
  asIs,
  bytesAsText,
  type ColumnKind,
  decimalKind,
  enumKind,
  fixedAsText,
  type MakeKind,
  namesOf,
  strings,
  type TypeContext,
  type TypeName,
  unreadable,
} from "./leaf-kinds.ts"
import { BoolReader, IntervalReader, NullReader, unsigned128To256, WideningReader } from "./vectors/fixed.ts"
import { ArrayReader, ListReader, StructReader, UnionReader } from "./vectors/nested.ts"
import type { VectorReader } from "./vectors/reader.ts"
import { bignumText, bitText, timeTzText, uuidText, VariantReader } from "./vectors/text.ts"

/** How a column of this type is built and read. */
export function columnKind(driver: Driver, type: LogicalTypeHandle, nested = false): ColumnKind {
  const id = driver.bindings.get_type_id(type)
  const name = driver.bindings.Type[id]
  const make = Object.hasOwn(kinds, name ?? "") ? kinds[name as TypeName] : undefined
  if (make === undefined) {
    throw new MooringError("UNSUPPORTED", `Mooring does not know DuckDB's type ${name ?? id}.`, {
      hint: "Cast the column to VARCHAR.",
    })
  }
  return make(type, { driver, nested })
}

const kinds: Record<TypeName, MakeKind> = {
  BOOLEAN: (_type, { driver }) => ({
    type: bool(),
    reader: (column) => new BoolReader(driver.bindings, column as BoolColumn),
  }),
  TINYINT: asIs(int8()),
  SMALLINT: asIs(int16()),
  INTEGER: asIs(int32()),
  BIGINT: asIs(int64()),
  UTINYINT: asIs(uint8()),
  USMALLINT: asIs(uint16()),
  UINTEGER: asIs(uint32()),
  UBIGINT: asIs(uint64()),
  // Both have a digit more than the precision says; Arrow's integers end at 64 bits, and the extension name says that
  // all bits count.
  HUGEINT: asIs(decimal128(38, 0), integerExtension),
  UHUGEINT: (_type, { driver }) => ({
    type: decimal256(39, 0),
    extension: integerExtension,
    reader: (column) => new WideningReader(driver.bindings, column as FixedColumn, 16, unsigned128To256),
  }),
  BIGNUM: bytesAsText(bignumText),
  FLOAT: asIs(float32()),
  DOUBLE: asIs(float64()),
  DECIMAL: decimalKind,
  VARCHAR: (type, { driver }) => ({
    ...strings(utf8(), driver),
    // JSON is VARCHAR by another name.
    ...(driver.bindings.logical_type_get_alias(type) === "JSON" && { extension: jsonExtension }),
  }),
  BLOB: (_type, { driver }) => strings(binary(), driver),
  BIT: bytesAsText(bitText),
  DATE: asIs(dateDay()),
  TIME: asIs(time(TimeUnit.MICROSECOND)),
  TIME_NS: asIs(time(TimeUnit.NANOSECOND)),
  // Arrow's times have no zone.
  TIME_TZ: fixedAsText(8, timeTzText),
  TIMESTAMP_S: asIs(timestamp(TimeUnit.SECOND)),
  TIMESTAMP_MS: asIs(timestamp(TimeUnit.MILLISECOND)),
  TIMESTAMP: asIs(timestamp(TimeUnit.MICROSECOND)),
  TIMESTAMP_NS: asIs(timestamp(TimeUnit.NANOSECOND)),
  TIMESTAMP_TZ: asIs(timestamp(TimeUnit.MICROSECOND, "UTC")),
  INTERVAL: (_type, { driver }) => ({
    type: interval(),
    reader: (column) => new IntervalReader(driver.bindings, column as FixedColumn),
  }),
  UUID: fixedAsText(16, uuidText),
  ENUM: enumKind,
  // Well-known binary, as GeoArrow has it.
  GEOMETRY: (_type, { driver }) => ({ ...strings(binary(), driver), extension: "geoarrow.wkb" }),
  VARIANT: (_type, { driver }) => ({
    type: utf8(),
    extension: jsonExtension,
    reader: (column) => new VariantReader(driver.api, driver.bindings, column as VariableColumn),
  }),
  LIST: (type, { driver }) => {
    const item = columnKind(driver, driver.bindings.list_type_child_type(type), true)
    return {
      type: list(fieldOf("item", item)),
      reader: (column) =>
        new ListReader(driver.bindings, column as ListColumn, item.reader((column as ListColumn).child)),
    }
  },
  ARRAY: (type, { driver }) => {
    const item = columnKind(driver, driver.bindings.array_type_child_type(type), true)
    return {
      type: fixedSizeList(fieldOf("item", item), driver.bindings.array_type_array_size(type)),
      reader: (column) =>
        new ArrayReader(driver.bindings, column as FixedListColumn, item.reader((column as FixedListColumn).child)),
    }
  },
  STRUCT: (type, { driver }) => {
    const { bindings } = driver
    const names = namesOf(bindings.struct_type_child_count(type), (i) => bindings.struct_type_child_name(type, i))
    return structKind(
      names,
      names.map((_name, i) => columnKind(driver, bindings.struct_type_child_type(type, i), true)),
      driver,
    )
  },
  MAP: (type, { driver }) => {
    const key = columnKind(driver, driver.bindings.map_type_key_type(type), true)
    const value = columnKind(driver, driver.bindings.map_type_value_type(type), true)
    const entries = structKind(["key", "value"], [key, value], driver)
    return {
      type: map(fieldOf("key", key, false), fieldOf("value", value)),
      reader: (column) =>
        new ListReader(driver.bindings, column as ListColumn, entries.reader((column as ListColumn).child)),
    }
  },
  UNION: unionKind,
  SQLNULL: () => ({ type: nullType(), reader: (column) => new NullReader(column as NullColumn) }),
  // These exist while a statement is bound, and are no type of a result.
  INVALID: unreadable("INVALID"),
  ANY: unreadable("ANY"),
  STRING_LITERAL: unreadable("STRING_LITERAL"),
  INTEGER_LITERAL: unreadable("INTEGER_LITERAL"),
}

/** A field of a column of this kind. */
export function fieldOf(name: string, kind: ColumnKind, nullable = true): Field {
  return field(name, kind.type, { nullable, ...(kind.extension !== undefined && { extension: kind.extension }) })
}

/** A column for a kind, and what fills it. */
export function openColumn(kind: ColumnKind): { column: ColumnBuilder; reader: VectorReader } {
  const column = kind.builder?.() ?? columnBuilder(kind.type)
  return { column, reader: kind.reader(column) }
}

function structKind(names: readonly string[], children: readonly ColumnKind[], driver: Driver): ColumnKind {
  return {
    type: struct(children.map((child, i) => fieldOf(names[i]!, child))),
    reader: (column) => {
      const builders = (column as StructColumn).children
      const readers = children.map((child, i) => child.reader(builders[i]!))
      return new StructReader(driver.bindings, column as StructColumn, readers)
    },
  }
}

function unionKind(type: LogicalTypeHandle, { driver }: TypeContext): ColumnKind {
  const { bindings } = driver
  const names = namesOf(bindings.union_type_member_count(type), (i) => bindings.union_type_member_name(type, i))
  if (names.length > 128) {
    throw new MooringError("UNSUPPORTED", `A UNION has ${names.length} members; Arrow's unions have at most 128.`, {
      hint: "Cast the column to VARCHAR.",
    })
  }
  const members = names.map((_name, i) => columnKind(driver, bindings.union_type_member_type(type, i), true))
  const fields = members.map((member, i) => fieldOf(names[i]!, member))
  return {
    type: union(UnionMode.Sparse, fields as never),
    reader: (column) => {
      const builders = (column as UnionColumn).children
      const readers = members.map((member, i) => member.reader(builders[i]!))
      return new UnionReader(bindings, column as UnionColumn, readers)
    },
  }
}
