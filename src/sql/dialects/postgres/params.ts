import { MooringError } from "../../../errors.ts"
import { jsonOfArray } from "../../bindable.ts"
import { dateText, timestampText } from "./date-text.ts"
import { bytea, date, isDate, time, timestamp, timetz } from "./value-types.ts"
import type { WireValue } from "./wire/messages.ts"

/** Object ids of parameter types that change how a value is written; the others are in value-types.ts. */

const json: readonly number[] = [114, 3802]
/** Arrays of those, whose elements are written so, by the array's id. */
const elementTypes = new Map<number, number>([
  [1001, bytea],
  [1182, date],
  [1183, time],
  [1115, timestamp],
  [1270, timetz],
  [199, 114],
  [3807, 3802],
])

/** The protocol counts parameters in 16 bits. */
const mostParameters = 65_535

/**
 * The values of a statement as they travel: as text, which PostgreSQL reads by the type that it gave the parameter when
 * it prepared the statement; bytes in binary.
 *
 * | JavaScript | as |
 * |---|---|
 * | `null` | NULL |
 * | string, number, bigint, boolean | its text |
 * | Date | for `date`, `time` and `timestamp` that of UTC; else an instant |
 * | Uint8Array | `bytea` |
 * | array | for `json` its JSON; else an array, nested ones too |
 *
 * @param types what the server says that the parameters are.
 * @throws MooringError `BAD_PARAMS` where the values do not fit in number.
 */
export function encodeValues(values: readonly unknown[], types: readonly number[]): WireValue[] {
  checkCount(values, types.length)
  return values.map((value, i) => encodeValue(value, types[i]!, i))
}

/** @throws MooringError `BAD_PARAMS` unless there is one value for each placeholder. */
export function checkCount(values: readonly unknown[], placeholders: number): void {
  if (values.length > mostParameters) {
    throw bad(
      `The statement has ${values.length} parameters; PostgreSQL takes ${mostParameters}.`,
      "Give them in parts, or as one array: = any(:values).",
    )
  }
  if (values.length !== placeholders) {
    throw bad(
      `The statement has ${counted(placeholders, "placeholder")}, and ${counted(values.length, "value")} for ${placeholders === 1 ? "it" : "them"}.`,
      "Give one value for each placeholder.",
    )
  }
}

function encodeValue(value: unknown, type: number, index: number): WireValue {
  if (value === null) return null
  if (value instanceof Uint8Array) return type === bytea ? value : bytesText(value)
  if (Array.isArray(value)) {
    if (json.includes(type)) return jsonText(value, index)
    return arrayText(value, elementTypes.get(type) ?? 0, index)
  }
  return scalarText(value, type, index)
}

function scalarText(value: unknown, type: number, index: number): string {
  switch (typeof value) {
    case "string":
      return value
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    case "bigint":
    case "boolean":
      return String(value)
  }
  if (value instanceof Uint8Array) return bytesText(value)
  if (isDate(value)) return instantText(value, type)
  throw bad(
    `Parameter ${index + 1} has a type that PostgreSQL has none for.`,
    "Give a string, number, bigint, boolean, null, Date, Uint8Array or array.",
  )
}

function instantText(value: Date, type: number): string {
  const text = timestampText(value)
  switch (type) {
    case date:
      return dateText(value)
    case time:
      return text.clock
    case timetz:
      return `${text.clock}+00`
    case timestamp:
      return `${text.date} ${text.clock}${text.era}`
    default:
      return `${text.date} ${text.clock}+00${text.era}`
  }
}

/** An array in PostgreSQL's text: every element quoted, so that none is taken for NULL or syntax. */
function arrayText(items: readonly unknown[], elementType: number, index: number): string {
  const elements = items.map((item) => {
    if (item === null || item === undefined) return "NULL"
    if (Array.isArray(item) && !json.includes(elementType)) return arrayText(item, elementType, index)
    const text = Array.isArray(item) ? jsonText(item, index) : scalarText(item, elementType, index)
    return `"${text.replace(/["\\]/g, "\\$&")}"`
  })
  return `{${elements.join(",")}}`
}

function jsonText(value: readonly unknown[], index: number): string {
  return jsonOfArray(value, `Parameter ${index + 1}`)
}

function bytesText(value: Uint8Array): string {
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")}`
}

function counted(count: number, what: string): string {
  return `${count === 0 ? "no" : count} ${what}${count === 1 ? "" : "s"}`
}

function bad(message: string, hint: string): MooringError {
  return new MooringError("BAD_PARAMS", message, { hint })
}
