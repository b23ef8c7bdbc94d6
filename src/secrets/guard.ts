import { MooringError } from "../errors.ts"

/** A table as it was written: no prototype, frozen, all the way down. */
export interface Data {
  readonly [key: string]: unknown
}

/** Deeper tables are refused: nobody writes them by hand. */
export const maxDepth = 32

const refusedKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"])

/** True for keys that could reach an object's prototype when somebody merges tables carelessly. */
export function isRefusedKey(key: string): boolean {
  return refusedKeys.has(key)
}

/** The error for such a key. The key is one of three fixed words, so naming it tells no secret. */
export function refusedKey(key: string, where: string): MooringError {
  return new MooringError("SECRETS", `${where} has a key called ${key}, which is refused.`, {
    hint: "Rename the key: __proto__, constructor and prototype can change what other objects do.",
  })
}

/** A plain object, of this realm or another; not an array, a date, a class instance. */
export function isTable(value: unknown): value is Data {
  if (typeof value !== "object" || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * A frozen copy without prototypes. Dates, buffers, functions and class instances stay the objects they are.
 *
 * @param where names the source in errors.
 * @throws MooringError `SECRETS` for refused keys and for tables nested deeper than {@link maxDepth} (so for cycles too).
 */
export function harden(table: Data, where: string): Data {
  return copy(table, where, 0) as Data
}

function copy(value: unknown, where: string, depth: number): unknown {
  if (depth > maxDepth) throw tooDeep(where)
  if (Array.isArray(value)) return Object.freeze(value.map((item) => copy(item, where, depth + 1)))
  if (!isTable(value)) return value
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, item] of Object.entries(value)) {
    if (isRefusedKey(key)) throw refusedKey(key, where)
    if (item !== undefined) result[key] = copy(item, where, depth + 1)
  }
  return Object.freeze(result)
}

/** The error for tables in tables in tables. */
export function tooDeep(where: string): MooringError {
  return new MooringError("SECRETS", `${where} has tables nested more than ${maxDepth} deep.`, {
    hint: "Check for a key with very many dots, or brackets that are never closed.",
  })
}
