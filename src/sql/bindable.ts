import { MooringError } from "../errors.ts"

/** True for values that every database takes as they are. */
export function isScalar(value: unknown): value is string | number | bigint | boolean | null {
  switch (typeof value) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return true
    default:
      return value === null
  }
}

/**
 * The value that a driver is given for a JavaScript value: a string, number, bigint, boolean, null, Date, Uint8Array,
 * or an array of these.
 *
 * A plain object is its JSON text; a buffer or view is its bytes; a typed array of numbers is an array.
 *
 * @param label names the value in errors, as `:pet`.
 * @throws MooringError `BAD_PARAMS` for `undefined`, invalid dates and values of no SQL type. Errors never show the value.
 */
export function toBindable(value: unknown, label: string): unknown {
  if (isScalar(value) || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return toArray(value, label)
  if (value === undefined) throw bad(`${label} is undefined.`, "Give null for NULL, or take it out of the statement.")
  const tag = Object.prototype.toString.call(value)
  if (tag === "[object Date]") return toDate(value as Date, label)
  if (ArrayBuffer.isView(value)) return value instanceof DataView ? bytesOf(value) : Array.from(value as Float64Array)
  if (tag === "[object ArrayBuffer]") return new Uint8Array(value as ArrayBuffer)
  if (isPlainObject(value)) return toJson(value, label)
  throw bad(`${label} is ${describe(value)}, which has no SQL type.`, remedy(tag))
}

/** The JSON of arrays in which a plain object stands; undefined where one of their values has none. */
const jsonOfArrays = new WeakMap<readonly unknown[], string | undefined>()

/** Whether an object stands in an array, which no array of SQL but those of JSON can hold. */
export function hasJson(array: readonly unknown[]): boolean {
  return jsonOfArrays.has(array)
}

/**
 * The JSON of an array that {@link toBindable} gave, objects in it as objects.
 *
 * @throws MooringError `BAD_PARAMS`
 */
export function jsonOfArray(array: readonly unknown[], label: string): string {
  const text = jsonOfArrays.has(array) ? jsonOfArrays.get(array) : jsonOf(array)
  if (text === undefined) throw noJson(label)
  return text
}

/** What tells bound values apart in a key: arrays of objects and of their texts are the same but for their JSON. */
export function keyOfValues(values: readonly unknown[]): readonly unknown[] {
  const texts = values.map((value) => jsonOfArrays.get(value as unknown[]))
  return texts.some((text) => text !== undefined) ? [values, texts] : values
}

/**
 * An array's values as drivers take them. Objects in it are texts then, so its JSON is made here, from what was given:
 * only the server knows whether the array is meant for a column of JSON.
 */
function toArray(given: readonly unknown[], label: string): unknown[] {
  const array = Array.from(given, (element, i) => toBindable(element, `${label}[${i}]`))
  const hasObject = given.some((element, i) => isPlainObject(element) || jsonOfArrays.has(array[i] as unknown[]))
  if (hasObject) jsonOfArrays.set(array, jsonOf(given))
  return array
}

/** An object that is only its keys and values, also from another realm. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === "[object Object]")
  )
}

/** What kind of thing a value is, for a sentence: `a Map`, `an array`, `undefined`. Never the value itself. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return "an array"
  if (typeof value !== "object") return `a ${typeof value}`
  const prototype: unknown = Object.getPrototypeOf(value)
  const name = (prototype as { constructor?: { name?: unknown } } | null)?.constructor?.name
  if (typeof name !== "string" || name === "" || name === "Object") return "an object"
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`
}

function toDate(value: Date, label: string): Date {
  if (Number.isNaN(value.getTime())) throw bad(`${label} is an invalid Date.`, "Check how the date was made.")
  return value
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

function toJson(value: Record<string, unknown>, label: string): string {
  const text = jsonOf(value)
  if (text === undefined) throw noJson(label)
  return text
}

/** Undefined where it has none. The reason may quote the value, so it is dropped. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

function noJson(label: string): MooringError {
  return bad(`${label} cannot be written as JSON.`, "A bigint, a cycle or an undefined inside it has no JSON.")
}

function remedy(tag: string): string {
  switch (tag) {
    case "[object Promise]":
      return "Await it first."
    case "[object Set]":
    case "[object Map]":
      return "Spread it into an array: [...values]."
    default:
      return "Give a string, number, bigint, boolean, null, Date, Uint8Array, array or plain object."
  }
}

function bad(message: string, hint: string): MooringError {
  return new MooringError("BAD_PARAMS", message, { hint })
}
