import { MooringError } from "../errors.ts"
import { toMilliseconds } from "../util/duration.ts"
import { describe, isPlainObject } from "./bindable.ts"
import type { Setting } from "./dialect.ts"
import { parseQuery } from "./url.ts"

/**
 * Readers of single settings. Files give typed values, the environment gives texts: both come out the same.
 *
 * `what` begins the sentence of an error, as `port in .mooring/secrets.toml`. No error shows a value, because a value
 * that is wrong here may be a secret that belongs elsewhere.
 */
export const readers = {
  text(value: unknown, what: string): string {
    if (typeof value === "string") return value
    if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value)
    throw wrong(value, what, "a text")
  },
  number(value: unknown, what: string): number {
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
    if (typeof number === "bigint") return Number(number)
    if (typeof number === "number" && !Number.isNaN(number)) return number
    throw wrong(value, what, "a number")
  },
  boolean(value: unknown, what: string): boolean {
    if (typeof value === "boolean") return value
    const text = String(value).trim().toLowerCase()
    if (["true", "1", "yes", "on"].includes(text)) return true
    if (["false", "0", "no", "off"].includes(text)) return false
    throw wrong(value, what, "true or false")
  },
  /** Milliseconds. */
  duration(value: unknown, what: string): number {
    if (typeof value !== "number" && typeof value !== "string") throw wrong(value, what, "a duration")
    return toMilliseconds(value, what)
  },
  table(value: unknown, what: string): Readonly<Record<string, unknown>> {
    if (isPlainObject(value)) return value
    const parsed = typeof value === "string" ? parseTable(value) : undefined
    if (parsed) return parsed
    throw wrong(value, what, "a table of keys and values")
  },
} as const satisfies Record<Setting["type"], (value: unknown, what: string) => unknown>

/** A whole number from `least` to `most`. */
export function readInteger(
  value: unknown,
  what: string,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = readers.number(value, what)
  if (Number.isInteger(number) && number >= least && number <= most) return number
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`
  throw wrong(value, what, `a whole number ${range}`)
}

/** A value of a key that a dialect declares. */
export function readSetting(value: unknown, setting: Setting, what: string): unknown {
  const read = readers[setting.type](value, what)
  if (setting.oneOf && !setting.oneOf.includes(String(read))) {
    throw wrong(value, what, `one of ${setting.oneOf.join(", ")}`, "another value")
  }
  return read
}

/** The environment's way to give a table: JSON, or `k=v&k=v`. */
function parseTable(text: string): Record<string, unknown> | undefined {
  if (!text.trim().startsWith("{")) return text.includes("=") ? parseQuery(text) : undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return isPlainObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function wrong(value: unknown, what: string, wanted: string, instead?: string): MooringError {
  const given = instead ?? (typeof value === "string" ? "another text" : describe(value))
  return new MooringError("BAD_CONFIG", `${what} has to be ${wanted}, and is ${given}.`, { hint: `Give ${wanted}.` })
}
