import { hasJson } from "../../bindable.ts"

/** Object ids of types that values are declared as. */
const bool = 16
export const bytea = 17
const int8 = 20
const int2 = 21
const int4 = 23
const text = 25
const float4 = 700
const float8 = 701
export const date = 1082
export const time = 1083
export const timestamp = 1114
const timestamptz = 1184
const interval = 1186
export const timetz = 1266
const numeric = 1700
const jsonb = 3802

const arraysOf = new Map<number, number>([
  [bool, 1000],
  [bytea, 1001],
  [int4, 1007],
  [text, 1009],
  [int8, 1016],
  [float8, 1022],
  [timestamptz, 1185],
  [numeric, 1231],
])

/** Integers by their array's id, and by their own. */
const bits = new Map<number, number>([
  [int2, 16],
  [int4, 32],
  [int8, 64],
])
const elementsOf = new Map<number, number>([
  [1005, int2],
  [1007, int4],
  [1016, int8],
])
const instants: readonly number[] = [date, time, timestamp, timestamptz, timetz]
const noInstants: readonly number[] = [bool, int2, int4, int8, float4, float8, numeric, interval]
/** From the narrowest on: what several numbers have in common is the widest of theirs. */
const numbers: readonly number[] = [int4, int8, numeric, float8]

/**
 * The type that a value has of its own, where its place says nothing: a string and NULL are `text`, numbers are the
 * narrowest of `int4`, `int8` and `float8`, a Date is `timestamptz`, bytes are `bytea`.
 */
export function typeOfValue(value: unknown): number {
  switch (typeof value) {
    case "boolean":
      return bool
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? integerType(BigInt(value)) : float8
    case "bigint":
      return integerType(value)
    case "object":
      if (value instanceof Uint8Array) return bytea
      if (Array.isArray(value)) return hasJson(value) ? jsonb : (arraysOf.get(elementType(value)) ?? 1009)
      return value === null ? text : timestamptz
    default:
      return text
  }
}

/** Bytes are bytes wherever they stand: there the server is not left to guess. */
export function isBytes(value: unknown): boolean {
  if (value instanceof Uint8Array) return true
  return Array.isArray(value) && value.some(isBytes) && value.every((item) => item === null || isBytes(item))
}

/** Values that say themselves what they are; a text is anything, and so is NULL. */
export function isTyped(value: unknown): boolean {
  return value !== null && typeof value !== "string"
}

/**
 * Whether a value can be one of the type that the server gave its place. Where it cannot, as a fraction beside an
 * integer column, the value's own type says what was meant.
 *
 * @param stores whether the statement may store it: a fraction is then left to the server, which refuses it, and not rounded
 *   in silence.
 */
export function fits(value: unknown, type: number, stores: boolean): boolean {
  if (typeof value === "number" || typeof value === "bigint") {
    const width = bits.get(type)
    if (width === undefined) return !instants.includes(type)
    if (typeof value === "number" && !Number.isInteger(value)) return stores
    return BigInt.asIntN(width, BigInt(value)) === BigInt(value)
  }
  if (Array.isArray(value)) {
    const element = elementsOf.get(type)
    return element === undefined || value.every((item) => fits(item, element, stores))
  }
  return !isDate(value) || !noInstants.includes(type)
}

function integerType(value: bigint): number {
  if (BigInt.asIntN(32, value) === value) return int4
  return BigInt.asIntN(64, value) === value ? int8 : numeric
}

function elementType(items: readonly unknown[]): number {
  let common: number | undefined
  for (const item of items) {
    if (item === null) continue
    if (Array.isArray(item)) return elementType(items.flat(16))
    const type = typeOfValue(item)
    if (common === undefined || common === type) common = type
    else if (numbers.includes(common) && numbers.includes(type)) {
      common = numbers[Math.max(numbers.indexOf(common), numbers.indexOf(type))]!
    } else return text
  }
  return common ?? text
}

/** A Date, also of another realm. */
export function isDate(value: unknown): value is Date {
  return Object.prototype.toString.call(value) === "[object Date]"
}
