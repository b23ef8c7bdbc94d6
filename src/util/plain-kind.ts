import { types } from "./node.ts"

/** The kinds of objects that are data: what they hold is all that they are. */
export type PlainKind = "array" | "bytes" | "date" | "map" | "plain" | "regexp" | "set" | "url"

/**
 * The kind of an object that is plain data; undefined for functions, instances of classes, and objects with symbol
 * keys. A subclass of `Date`, `Map` or `Array` is a class; `bytes` are buffers, typed arrays, `DataView` and
 * `ArrayBuffer`.
 */
export function plainKind(value: object): PlainKind | undefined {
  const depth = prototypeDepth(value)
  if (depth <= 1) return Object.getOwnPropertySymbols(value).length === 0 ? "plain" : undefined
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return "bytes"
  if (depth > 2) return undefined
  if (Array.isArray(value)) return "array"
  if (types.isDate(value)) return "date"
  if (types.isMap(value)) return "map"
  if (types.isSet(value)) return "set"
  if (types.isRegExp(value)) return "regexp"
  return value instanceof URL ? "url" : undefined
}

/** What a value is that is not plain data, for messages: `an instance of Pet`. */
export function describeValue(value: object | symbol): string {
  if (typeof value === "function") return `the function ${JSON.stringify(value.name || "anonymous")}`
  if (typeof value === "symbol") return "a symbol"
  const name: unknown = value.constructor?.name
  return name === "Object" || typeof name !== "string" ? "an object with symbol keys" : `an instance of ${name}`
}

/**
 * How many prototypes stand behind a value: 1 for a plain object, 2 for a `Date`. Counting instead of comparing knows
 * objects of another realm (a test runner's context), and tells a subclass from the class itself.
 */
function prototypeDepth(value: object): number {
  let depth = 0
  for (let at = Object.getPrototypeOf(value); at !== null; at = Object.getPrototypeOf(at)) depth++
  return depth
}
