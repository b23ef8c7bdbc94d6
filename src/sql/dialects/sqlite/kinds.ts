import { binary, bool, type DataType, float64, int64, UnionMode, union, utf8 } from "@uwdata/flechette"
import { type Field, field, jsonExtension } from "../../../tables/types.ts"

/** What a cell holds: SQLite's storage classes, as `node:sqlite` gives them. */
export type StorageClass = "integer" | "real" | "text" | "blob"

/** What a column is built as. `null`: no value was seen so far; `mixed`: an Arrow union of the classes in it. */
export type Kind = "null" | "boolean" | "integer" | "real" | "text" | "json" | "blob" | "mixed"

/** What a declared type says about its column beyond SQLite's affinity. */
export type Declared = "integer" | "real" | "text" | "blob" | "numeric" | "boolean" | "json" | "any"

/**
 * What a declared type means.
 *
 * @param type as `columns()` gives it: null for an expression.
 * @see https://sqlite.org/datatype3.html#determination_of_column_affinity
 */
export function declaredAs(type: string | null): Declared {
  const name = type?.toUpperCase() ?? ""
  if (/^BOOL/.test(name)) return "boolean"
  if (/^JSONB?$/.test(name)) return "json"
  if (name.includes("INT")) return "integer"
  if (/CHAR|CLOB|TEXT/.test(name)) return "text"
  if (name.includes("BLOB")) return "blob"
  if (/REAL|FLOA|DOUB/.test(name)) return "real"
  if (/NUMERIC|DECIMAL|NUMBER/.test(name)) return "numeric"
  // Dates and times have no storage of their own: they stay the text or number that somebody stored.
  return "any"
}

/** The class of a cell that is not NULL. Integers arrive as bigint. */
export function classOf(value: unknown): StorageClass {
  switch (typeof value) {
    case "bigint":
      return "integer"
    case "number":
      return "real"
    case "string":
      return "text"
    default:
      return "blob"
  }
}

/** The kind that a column of nothing but NULL has. */
export function kindOfNulls(declared: Declared): Kind {
  switch (declared) {
    case "numeric":
      return "real"
    case "any":
      return "text"
    default:
      return declared
  }
}

/** Whether a column of this kind can take the value and lose nothing. */
export function fits(kind: Kind, declared: Declared, value: unknown): boolean {
  switch (kind) {
    case "boolean":
      return value === 0n || value === 1n
    case "integer":
      return typeof value === "bigint"
    case "real":
      return typeof value === "number" || (typeof value === "bigint" && isExactReal(value))
    case "text":
      return typeof value === "string"
    case "json":
      // The text '1' turns into the number 1 in a column declared JSON, whose affinity is NUMERIC.
      return typeof value === "string" ? isJson(value) : declared === "json" && isJsonNumber(value)
    case "blob":
      return value instanceof Uint8Array
    default:
      return false
  }
}

/** The kinds that a column may get for a value, the best first, when the kind that it has does not fit. */
export function candidates(declared: Declared, value: unknown): Kind[] {
  const own = classOf(value)
  const kinds: Kind[] = []
  if (declared === "boolean") kinds.push("boolean")
  if (declared === "json") kinds.push("json")
  if (declared === "numeric") kinds.push("real")
  kinds.push(own)
  if (own === "integer") kinds.push("real")
  return kinds
}

export function isExactReal(value: bigint): boolean {
  return BigInt(Number(value)) === value
}

function isJsonNumber(value: unknown): boolean {
  return typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value))
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const classTypes: Readonly<Record<StorageClass, () => DataType>> = {
  integer: int64,
  real: float64,
  text: utf8,
  blob: binary,
}

/** The order of a union's members. */
export const storageClasses: readonly StorageClass[] = ["integer", "real", "text", "blob"]

/** @param classes the members of a `mixed` column. */
export function arrowType(kind: Kind, classes: readonly StorageClass[]): DataType {
  switch (kind) {
    case "boolean":
      return bool()
    case "json":
    case "null":
      return utf8()
    case "mixed":
      return union(
        UnionMode.Sparse,
        classes.map((name) => field(name, classTypes[name]())),
      )
    default:
      return classTypes[kind]()
  }
}

export function arrowField(name: string, kind: Kind, classes: readonly StorageClass[]): Field {
  return field(name, arrowType(kind, classes), kind === "json" ? { extension: jsonExtension } : {})
}
