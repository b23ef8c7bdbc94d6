import { MooringError } from "../../../errors.ts"
import { jsonOfArray } from "../../bindable.ts"
import type { SqliteValue } from "./protocol.ts"

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }

/**
 * The values that SQLite stores for JavaScript's.
 *
 * | JavaScript | SQLite |
 * |---|---|
 * | boolean | INTEGER 1 or 0 |
 * | bigint, number without a fraction up to 2^53 | INTEGER |
 * | other numbers | REAL |
 * | string | TEXT |
 * | Date | TEXT, in UTC, as SQLite's `datetime()` writes it: `2026-01-31 23:59:59`, with `.999` only where there are milliseconds |
 * | Uint8Array | BLOB |
 * | null | NULL |
 * | object, array | TEXT: its JSON |
 *
 * They are all converted here: `node:sqlite` takes each number for a REAL, and a lone Date for a set of named
 * parameters, which binds NULL.
 */
export function toSqliteValues(values: readonly unknown[]): SqliteValue[] {
  return values.map((value, i) => toSqliteValue(value, i))
}

function toSqliteValue(value: unknown, index: number): SqliteValue {
  switch (typeof value) {
    case "string":
      return value
    case "boolean":
      return value ? 1n : 0n
    case "bigint":
      if (value >= int64.min && value <= int64.max) return value
      throw bad(index, "is an integer of more than 64 bits", "Give it as a string.")
    case "number":
      // SQLite has no NaN and would store NULL.
      if (Number.isNaN(value)) throw bad(index, "is NaN", "Give null for NULL.")
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value
    case "object":
      return value === null ? null : objectValue(value, index)
    default:
      throw bad(index, value === undefined ? "is undefined" : `is a ${typeof value}`, "Give null for NULL.")
  }
}

function objectValue(value: object, index: number): SqliteValue {
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw bad(index, "is an invalid Date", "Check how the date was made.")
    return dateText(value, index)
  }
  if (Array.isArray(value)) return jsonOfArray(value, `Parameter ${index + 1}`)
  try {
    const text: unknown = JSON.stringify(value)
    if (typeof text === "string") return text
  } catch {
    // The reason may quote the value; the sentence below does not.
  }
  throw bad(index, "cannot be written as JSON", "A bigint or a cycle inside it has no JSON.")
}

/** Texts are compared as texts: a date has to look like those that SQLite, or Python's driver, wrote. */
function dateText(value: Date, index: number): string {
  const text = value.toISOString()
  // SQLite's functions know the years 0 to 9999.
  if (text.length > 24) throw bad(index, "is a Date outside of the years 0 to 9999", "Give it as a number.")
  return text.replace("T", " ").replace(/(?:\.000)?Z$/, "")
}

function bad(index: number, what: string, hint: string): MooringError {
  return new MooringError("BAD_PARAMS", `Parameter ${index + 1} ${what}.`, { hint })
}
