import { MooringError } from "../../../errors.ts"
import type { Statement } from "../../dialect.ts"
import { asRead } from "../../escapes.ts"
import type { Zone } from "./zone.ts"

/** What mysql2 has for values whose type is not to be guessed; versions before 3.24 have none. */
export interface TypedParameter {
  readonly LONGLONG: {
    (value: bigint): unknown
    unsigned(value: bigint): unknown
  }
  NEWDECIMAL(value: string): unknown
}

/** The session's clock; where only the server knows it, Dates are given as UTC. */
type Clock = "UTC" | Zone | undefined

/** More digits than a decimal has, in either server. */
const mostDigits = 65

/**
 * The values of a prepared statement as mysql2's `execute` takes them. They travel in binary, with these types:
 *
 * | JavaScript | as |
 * |---|---|
 * | `null` | NULL |
 * | boolean | TINYINT 1 or 0 |
 * | number without a fraction up to 2^53 | BIGINT |
 * | other numbers | DOUBLE; NaN and infinities are an error |
 * | bigint | BIGINT, BIGINT UNSIGNED, DECIMAL to 65 digits |
 * | string | VARCHAR |
 * | Date | DATETIME(6), on the session's clock |
 * | Uint8Array | BLOB |
 *
 * Dates need mysql2's `timezone: "Z"`.
 *
 * @param typed mysql2's own. Without it, mysql2 sends integers as DOUBLE and bigints as text.
 * @throws MooringError `BAD_PARAMS` for what the server has no value for.
 */
export function bindValues(values: readonly unknown[], typed?: TypedParameter, clock?: Clock): unknown[] {
  return values.map((value, index) => bindValue(value, index, typed, clock))
}

/** A statement as the session reads it, with values as `mysql2` takes them. */
export function boundAs(
  statement: Statement,
  escapes: boolean,
  ...how: [typed: Parameters<typeof bindValues>[1], clock: Parameters<typeof bindValues>[2]]
): { text: string; values: unknown[] } {
  const { text, values } = asRead(statement, escapes)
  return { text, values: bindValues(values, ...how) }
}

function bindValue(value: unknown, index: number, typed: TypedParameter | undefined, clock: Clock): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return numberValue(value, index, typed)
    case "bigint":
      return bigintValue(value, index, typed)
    case "object":
      if (value === null) return null
      if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      if (Object.prototype.toString.call(value) === "[object Date]") return dateValue(value as Date, index, clock)
  }
  throw bad(
    index,
    "has a type that MySQL has none for",
    "Give a string, number, bigint, boolean, null, Date or Uint8Array.",
  )
}

function numberValue(value: number, index: number, typed: TypedParameter | undefined): unknown {
  if (!Number.isFinite(value)) throw bad(index, `is ${value}, which MySQL has no number for`, "Give null for NULL.")
  // That -0 becomes 0 loses nothing: the server has no other.
  return Number.isSafeInteger(value) && typed !== undefined ? typed.LONGLONG(BigInt(value)) : value
}

function bigintValue(value: bigint, index: number, typed: TypedParameter | undefined): unknown {
  const text = value.toString()
  if (text.length - (value < 0n ? 1 : 0) > mostDigits) {
    throw bad(index, `is an integer of more than ${mostDigits} digits`, "Give it as a string.")
  }
  if (typed === undefined) return text
  if (BigInt.asIntN(64, value) === value) return typed.LONGLONG(value)
  return BigInt.asUintN(64, value) === value ? typed.LONGLONG.unsigned(value) : typed.NEWDECIMAL(text)
}

function dateValue(given: Date, index: number, clock: Clock): Date {
  const value = clock === undefined || clock === "UTC" ? given : onClock(given, clock)
  const year = value.getUTCFullYear()
  if (Number.isNaN(year)) throw bad(index, "is an invalid Date", "Check how the date was made.")
  if (year < 0 || year > 9999) {
    throw bad(index, `is a Date in the year ${year}`, "MySQL's years are those from 0 to 9999.")
  }
  return value
}

/** What a zone's clock shows at an instant, as a Date of UTC. */
function onClock(instant: Date, clock: Zone): Date {
  const time = instant.getTime()
  return Number.isNaN(time) ? instant : new Date(time + clock.offsetAt(Math.floor(time / 1000)) * 1000)
}

function bad(index: number, what: string, hint: string): MooringError {
  return new MooringError("BAD_PARAMS", `Parameter ${index + 1} ${what}.`, { hint })
}
