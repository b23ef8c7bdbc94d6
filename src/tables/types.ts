import { type DataType, type Field, type Schema, Type, Version } from "@uwdata/flechette"

export type { DataType, Field, Metadata, Schema } from "@uwdata/flechette"

/**
 * Field metadata that says what a column holds where the Arrow type alone does not. The key is Arrow's own, so that
 * other readers of the format see it too.
 *
 * @see https://arrow.apache.org/docs/format/CanonicalExtensions.html
 */
export const extensionKey = "ARROW:extension:name"

/** UTF-8 text that is JSON: `arrow.json` of Arrow's canonical extensions. */
export const jsonExtension = "arrow.json"

/** A decimal of scale 0 that is an integer wider than 64 bits (DuckDB's HUGEINT): all its bits count. */
export const integerExtension = "mooring.integer"

/** A column's name, type and whether it may hold NULL. */
export function field(name: string, type: DataType, options: { nullable?: boolean; extension?: string } = {}): Field {
  const { nullable = true, extension } = options
  const metadata = extension === undefined ? null : new Map([[extensionKey, extension]])
  return { name, type, nullable, metadata: metadata as Field["metadata"] }
}

/** A schema of these fields. */
export function schema(fields: readonly Field[]): Schema {
  return { version: Version.V5, endianness: 0, fields: [...fields], metadata: null } as Schema
}

/** The extension name of a field's metadata. */
export function extensionOf(field: Field): string | undefined {
  return field.metadata?.get(extensionKey)
}

/** A field's type as people write it: as {@link typeName}, and `json` and `int128` where metadata says so. */
export function fieldTypeName(field: Field): string {
  const extension = extensionOf(field)
  if (extension === jsonExtension) return "json"
  return extension === integerExtension && "bitWidth" in field.type ? `int${field.type.bitWidth}` : typeName(field.type)
}

/** The children of a nested type, none for others. */
export function childFields(type: DataType): readonly Field[] {
  return "children" in type ? type.children : []
}

const typeNames: Record<number, string> = Object.fromEntries(Object.entries(Type).map(([name, id]) => [id, name]))
const units = ["s", "ms", "us", "ns"]

/** A type as people write it: `int64`, `decimal128(10, 2)`, `timestamp[us, UTC]`, `list<utf8>`. */
export function typeName(type: DataType): string {
  switch (type.typeId) {
    case Type.Int:
      return `${type.signed ? "int" : "uint"}${type.bitWidth}`
    case Type.Float:
      return `float${16 << type.precision}`
    case Type.Decimal:
      return `decimal${type.bitWidth}(${type.precision}, ${type.scale})`
    case Type.Date:
      return type.unit === 0 ? "date" : "date[ms]"
    case Type.Time:
    case Type.Duration:
      return `${typeNames[type.typeId]!.toLowerCase()}[${units[type.unit]}]`
    case Type.Timestamp:
      return `timestamp[${units[type.unit]}${type.timezone ? `, ${type.timezone}` : ""}]`
    case Type.Interval:
      return `interval[${["months", "days, ms", "months, days, ns"][type.unit]}]`
    case Type.FixedSizeBinary:
      return `binary(${type.stride})`
    case Type.Dictionary:
      return `dictionary<${typeName(type.dictionary)}>`
    case Type.Struct:
    case Type.Union: {
      const inner = type.children.map((child) => `${child.name}: ${typeName(child.type)}`).join(", ")
      return `${typeNames[type.typeId]!.toLowerCase()}<${inner}>`
    }
    case Type.Map: {
      const [key, value] = childFields(type.children[0].type)
      return `map<${typeName(key!.type)}, ${typeName(value!.type)}>`
    }
    default: {
      const name = typeNames[type.typeId] ?? `type ${type.typeId}`
      const plain = name.charAt(0).toLowerCase() + name.slice(1)
      const children = childFields(type)
      return children.length === 0 ? plain : `${plain}<${children.map((child) => typeName(child.type)).join(", ")}>`
    }
  }
}
