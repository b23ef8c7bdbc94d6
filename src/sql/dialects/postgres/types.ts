import { binary, float32, float64, int16, int32, int64, TimeUnit, time, uint32, uint64, utf8 } from "@uwdata/flechette"
import { jsonExtension } from "../../../tables/index.ts"
import { TextArrayReader } from "./columns/array-text.ts"
import { ArrayReader } from "./columns/arrays.ts"
import { DecimalReader, decimalPrecision } from "./columns/decimal.ts"
import { BoolReader, Float32Reader, Float64Reader, Int16Reader, Int32Reader, Int64Reader } from "./columns/fixed.ts"
import type { ColumnReader } from "./columns/reader.ts"
import { DateReader, IntervalReader, TimestampReader } from "./columns/temporal.ts"
import { BytesReader, CheckedTextReader } from "./columns/text.ts"
import type { FieldDescription } from "./wire/descriptions.ts"
import type { Format } from "./wire/messages.ts"

/** How a type is read. What is not here is read as the text that the server gives. */
type Kind =
  | "bool"
  | "bytea"
  | "date"
  | "float4"
  | "float8"
  | "int2"
  | "int4"
  | "int8"
  | "interval"
  | "json"
  | "numeric"
  | "oid"
  | "text"
  | "time"
  | "timestamp"
  | "timestamptz"
  | "xid8"

/** Object ids of built-in types, which are the same in every server, and of their arrays. Source: pg_type.dat. */
const builtins: readonly (readonly [kind: Kind, name: string, type: number, array: number])[] = [
  ["bool", "bool", 16, 1000],
  ["bytea", "bytea", 17, 1001],
  ["text", "char", 18, 1002],
  ["text", "name", 19, 1003],
  ["int8", "int8", 20, 1016],
  ["int2", "int2", 21, 1005],
  ["int4", "int4", 23, 1007],
  ["text", "regproc", 24, 1008],
  ["text", "text", 25, 1009],
  ["oid", "oid", 26, 1028],
  ["text", "tid", 27, 1010],
  ["oid", "xid", 28, 1011],
  ["oid", "cid", 29, 1012],
  ["json", "json", 114, 199],
  ["text", "xml", 142, 143],
  ["text", "point", 600, 1017],
  ["text", "lseg", 601, 1018],
  ["text", "path", 602, 1019],
  ["text", "box", 603, 1020],
  ["text", "polygon", 604, 1027],
  ["text", "line", 628, 629],
  ["text", "cidr", 650, 651],
  ["float4", "float4", 700, 1021],
  ["float8", "float8", 701, 1022],
  ["text", "circle", 718, 719],
  ["text", "macaddr8", 774, 775],
  ["text", "money", 790, 791],
  ["text", "macaddr", 829, 1040],
  ["text", "inet", 869, 1041],
  ["text", "aclitem", 1033, 1034],
  ["text", "bpchar", 1042, 1014],
  ["text", "varchar", 1043, 1015],
  ["date", "date", 1082, 1182],
  ["time", "time", 1083, 1183],
  ["timestamp", "timestamp", 1114, 1115],
  ["timestamptz", "timestamptz", 1184, 1185],
  ["interval", "interval", 1186, 1187],
  ["text", "timetz", 1266, 1270],
  ["text", "bit", 1560, 1561],
  ["text", "varbit", 1562, 1563],
  ["numeric", "numeric", 1700, 1231],
  ["text", "refcursor", 1790, 2201],
  ["text", "regprocedure", 2202, 2207],
  ["text", "regoper", 2203, 2208],
  ["text", "regoperator", 2204, 2209],
  ["text", "regclass", 2205, 2210],
  ["text", "regtype", 2206, 2211],
  ["text", "record", 2249, 2287],
  ["text", "cstring", 2275, 1263],
  ["text", "uuid", 2950, 2951],
  ["text", "txid_snapshot", 2970, 2949],
  ["text", "pg_lsn", 3220, 3221],
  ["text", "tsvector", 3614, 3643],
  ["text", "tsquery", 3615, 3645],
  ["text", "regconfig", 3734, 3735],
  ["text", "regdictionary", 3769, 3770],
  ["json", "jsonb", 3802, 3807],
  ["text", "int4range", 3904, 3905],
  ["text", "numrange", 3906, 3907],
  ["text", "tsrange", 3908, 3909],
  ["text", "tstzrange", 3910, 3911],
  ["text", "daterange", 3912, 3913],
  ["text", "int8range", 3926, 3927],
  ["text", "jsonpath", 4072, 4073],
  ["text", "regnamespace", 4089, 4090],
  ["text", "regrole", 4096, 4097],
  ["text", "regcollation", 4191, 4192],
  ["text", "int4multirange", 4451, 6150],
  ["text", "nummultirange", 4532, 6151],
  ["text", "tsmultirange", 4533, 6152],
  ["text", "tstzmultirange", 4534, 6153],
  ["text", "datemultirange", 4535, 6155],
  ["text", "int8multirange", 4536, 6157],
  ["text", "pg_snapshot", 5038, 5039],
  ["xid8", "xid8", 5069, 271],
]

/** Pseudo-types, and two that look like arrays and are none: what is text with no array that could come. */
const scalars: readonly number[] = [705, 2278, 3361, 3402, 5017]

const kinds = new Map<number, Kind>(builtins.map(([kind, , type]) => [type, kind]))
const elementsOfBuiltins = new Map<number, number>([
  ...builtins.map(([, , type, array]) => [array, type] as const),
  // int2vector and oidvector are arrays on the wire.
  [22, 21],
  [1006, 0],
  [30, 26],
  [1013, 0],
])
const boxType = 603

/** What a type that came with an extension or was made by a user is, as the server's catalogue says. */
export interface TypeEntry {
  /** The type of its elements if it is an array; domains are the type beneath. */
  readonly element?: number
  readonly modifier?: number
  readonly delimiter?: string
}

/** True for types that are read as they are; of others the server's catalogue has to tell whether they are arrays. */
export function isKnownType(typeId: number): boolean {
  return kinds.has(typeId) || elementsOfBuiltins.has(typeId) || scalars.includes(typeId)
}

/** Whether a column is asked for in the type's binary format, or as text. */
export function formatOf(field: FieldDescription, entry: TypeEntry | undefined): Format {
  const array = arrayOf(field, entry)
  return kindOf(array ?? field) === "text" || kindOf(array ?? field) === "json" ? 0 : 1
}

interface TypeUse {
  readonly typeId: number
  readonly modifier: number
}

function kindOf({ typeId, modifier }: TypeUse): Kind {
  const kind = kinds.get(typeId) ?? "text"
  return kind === "numeric" && decimalPrecision(modifier) === undefined ? "text" : kind
}

/** The elements of an array type; undefined for other types. */
function arrayOf({ typeId, modifier }: FieldDescription, entry: TypeEntry | undefined): TypeUse | undefined {
  const element = elementsOfBuiltins.get(typeId) ?? entry?.element
  if (element === undefined || element === 0) return undefined
  return { typeId: element, modifier: entry?.modifier ?? modifier }
}

/**
 * The reader of a column, which comes in the format that {@link formatOf} gave, or else as text.
 *
 * @param options.checkText where texts may not be UTF-8.
 */
export function columnReader(
  field: FieldDescription,
  entry: TypeEntry | undefined,
  options: { checkText?: boolean } = {},
): ColumnReader {
  const array = arrayOf(field, entry)
  if (array === undefined && field.format === 0 && options.checkText === true) {
    return new CheckedTextReader(field.name, utf8(), kindOf(field) === "json" ? jsonExtension : undefined)
  }
  if (array === undefined) return scalarReader(field.name, field.format === 0 ? textual(field) : kindOf(field), field)
  const kind = kindOf(array)
  if (field.format === 1) return new ArrayReader(field.name, scalarReader("item", kind, array))
  const delimiter = entry?.delimiter ?? (array.typeId === boxType ? ";" : ",")
  return new TextArrayReader(field.name, kind === "json" ? jsonExtension : undefined, delimiter)
}

/** A column that comes as text is text, whatever its type. */
function textual(field: FieldDescription): Kind {
  return kindOf(field) === "json" ? "json" : "text"
}

function scalarReader(name: string, kind: Kind, { modifier }: TypeUse): ColumnReader {
  switch (kind) {
    case "bool":
      return new BoolReader(name)
    case "bytea":
      return new BytesReader(name, binary(), undefined)
    case "date":
      return new DateReader(name)
    case "float4":
      return new Float32Reader(name, float32(), 4)
    case "float8":
      return new Float64Reader(name, float64(), 8)
    case "int2":
      return new Int16Reader(name, int16(), 2)
    case "int4":
      return new Int32Reader(name, int32(), 4)
    case "int8":
      return new Int64Reader(name, int64(), 8)
    case "interval":
      return new IntervalReader(name)
    case "json":
      return new BytesReader(name, utf8(), jsonExtension)
    case "numeric":
      return new DecimalReader(name, decimalPrecision(modifier)!)
    case "oid":
      return new Int32Reader(name, uint32(), 4)
    case "text":
      return new BytesReader(name, utf8(), undefined)
    case "time":
      return new Int64Reader(name, time(TimeUnit.MICROSECOND), 8)
    case "timestamp":
      return new TimestampReader(name, null)
    case "timestamptz":
      return new TimestampReader(name, "UTC")
    case "xid8":
      return new Int64Reader(name, uint64(), 8)
  }
}
