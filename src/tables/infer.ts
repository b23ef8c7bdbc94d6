import {
  binary,
  bool,
  type DataType,
  decimal256,
  float64,
  int32,
  int64,
  list,
  nullType,
  struct,
  timestamp,
  utf8,
} from "@uwdata/flechette"
import { MooringError } from "../errors.ts"
import { type Field, field, integerExtension } from "./types.ts"

/** A set of types of which a column's values are, in one letter each. */
interface Seen {
  kinds: Set<Kind>
  /** All numbers so far are integers of 32 bits. */
  small: boolean
  /** All integers so far have at most 64 bits. */
  narrow: boolean
  /** What the elements of arrays are. */
  items: unknown[]
  objects: Record<string, unknown>[]
}

type Kind = "boolean" | "integer" | "float" | "bigint" | "string" | "date" | "binary" | "list" | "struct"

/**
 * The field that holds all of these values exactly: booleans bool; whole numbers int32 or int64; other numbers float64;
 * bigints int64, or all their bits where they are wider; text utf8; Dates timestamps in UTC; bytes binary; arrays lists;
 * plain objects structs; nothing but null the null type.
 *
 * @throws MooringError `BAD_VALUE` where values are of several kinds.
 */
export function inferField(name: string, values: Iterable<unknown>, column: string = JSON.stringify(name)): Field {
  const seen: Seen = { kinds: new Set(), small: true, narrow: true, items: [], objects: [] }
  for (const value of values) if (value !== null && value !== undefined) note(seen, value, column)
  const kinds = [...seen.kinds]
  const kind = kinds.length <= 1 ? kinds[0] : numeric(kinds)
  if (kind === undefined && kinds.length > 0) {
    throw new MooringError("BAD_VALUE", `Column ${column} has values of several types: ${kinds.sort().join(", ")}.`, {
      hint: "Convert them to one, or name the column's type.",
    })
  }
  if (kind === "bigint" && !seen.narrow) return field(name, decimal256(76, 0), { extension: integerExtension })
  return field(name, typeOf(kind, seen, column))
}

function note(seen: Seen, value: unknown, column: string): void {
  const kind = kindOf(value, column)
  seen.kinds.add(kind)
  if (kind === "integer") seen.small &&= (value as number) === ((value as number) | 0)
  else if (kind === "bigint") seen.narrow &&= BigInt.asIntN(64, value as bigint) === value
  else if (kind === "list") for (const item of value as unknown[]) seen.items.push(item)
  else if (kind === "struct") seen.objects.push(value as Record<string, unknown>)
}

function kindOf(value: unknown, column: string): Kind {
  switch (typeof value) {
    case "boolean":
    case "bigint":
    case "string":
      return typeof value as Kind
    case "number":
      // -0 is a number that integers do not have.
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "float"
    case "object":
      if (value instanceof Date) return "date"
      if (value instanceof Uint8Array) return "binary"
      if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) return "list"
      if ([Object.prototype, null].includes(Object.getPrototypeOf(value))) return "struct"
  }
  const what = typeof value === "object" ? `a ${value?.constructor?.name ?? "object"}` : `a ${typeof value}`
  throw new MooringError("BAD_VALUE", `Column ${column} has ${what}, for which there is no column type.`, {
    hint: "Convert it to text, a number, a Date, bytes, an array or a plain object.",
  })
}

function numeric(kinds: Kind[]): Kind | undefined {
  if (kinds.every((kind) => kind === "integer" || kind === "float")) return "float"
  return kinds.every((kind) => kind === "integer" || kind === "bigint") ? "bigint" : undefined
}

function typeOf(kind: Kind | undefined, seen: Seen, column: string): DataType {
  switch (kind) {
    case undefined:
      return nullType()
    case "boolean":
      return bool()
    case "integer":
      return seen.small ? int32() : int64()
    case "bigint":
      return int64()
    case "float":
      return float64()
    case "string":
      return utf8()
    case "date":
      return timestamp(1, "UTC")
    case "binary":
      return binary()
    case "list":
      return list(inferField("item", seen.items, column))
    case "struct":
      return struct(fieldsOf(seen.objects, column))
  }
}

function fieldsOf(objects: readonly Record<string, unknown>[], column: string): Field[] {
  return keysOf(objects).map((key) =>
    inferField(
      key,
      objects.map((object) => (Object.hasOwn(object, key) ? object[key] : null)),
      `${column}.${JSON.stringify(key)}`,
    ),
  )
}

/** The keys of all objects, in the order in which they first occur. */
export function keysOf(objects: readonly object[]): string[] {
  const keys = new Set<string>()
  for (const object of objects) for (const key of Object.keys(object)) keys.add(key)
  return [...keys]
}
