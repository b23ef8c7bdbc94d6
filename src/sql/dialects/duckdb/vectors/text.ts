import type { VariableColumn } from "../../../../tables/columns.ts"
import type { Api, Bindings, VectorHandle } from "../driver.ts"
import { isValid, type Validity, type VectorReader, validityOf } from "./reader.ts"

/** Values of a fixed width that are text in Arrow: UUID, TIMETZ, and the labels of an ENUM inside another type. */
export class FixedAsTextReader implements VectorReader {
  private readonly bindings: Bindings
  private readonly column: VariableColumn
  private readonly width: number
  private readonly toText: (view: DataView, at: number) => string
  private view = new DataView(new ArrayBuffer(0))
  private validity: Validity = null

  constructor(
    bindings: Bindings,
    column: VariableColumn,
    width: number,
    toText: (view: DataView, at: number) => string,
  ) {
    this.bindings = bindings
    this.column = column
    this.width = width
    this.toText = toText
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    const bytes = this.bindings.vector_get_data(vector, rows * this.width)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    for (let i = from; i < from + count; i++) {
      if (isValid(this.validity, i)) this.column.appendString(this.toText(this.view, i * this.width))
      else this.column.appendNull()
    }
  }
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** A UUID is a HUGEINT whose top bit is flipped, so that it sorts as text does. */
export function uuidText(view: DataView, at: number): string {
  let text = ""
  for (let i = 15; i >= 0; i--) {
    const byte = view.getUint8(at + i)
    text += hexPairs[i === 15 ? byte ^ 0x80 : byte]
    if (i === 12 || i === 10 || i === 8 || i === 6) text += "-"
  }
  return text
}

/** The offset is stored as this less the seconds east of Greenwich, so that values sort by it. */
const maxOffsetSeconds = 16 * 60 * 60 - 1

/** TIMETZ: 40 bits of microseconds above 24 bits of offset. As DuckDB writes it: `10:00:00.5+05:30`. */
export function timeTzText(view: DataView, at: number): string {
  const bits = view.getBigUint64(at, true)
  const offset = maxOffsetSeconds - Number(bits & 0xffffffn)
  const size = Math.abs(offset)
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60]
  // The hour always; minutes and seconds only where there are some.
  const shown = parts[2] !== 0 ? 3 : parts[1] !== 0 ? 2 : 1
  return `${clock(Number(bits >> 24n))}${offset < 0 ? "-" : "+"}${parts.slice(0, shown).map(pad).join(":")}`
}

function clock(micros: number): string {
  const seconds = Math.floor(micros / 1e6)
  const fraction = micros % 1e6
  const text = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(pad).join(":")
  return fraction === 0 ? text : `${text}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`
}

function pad(part: number): string {
  return String(part).padStart(2, "0")
}

/** BIT: a byte that says how many bits of the next one do not count, then the bits, the first one highest. */
export function bitText(bytes: Uint8Array): string {
  let text = ""
  for (let i = 1; i < bytes.length; i++) text += bytes[i]!.toString(2).padStart(8, "0")
  return text.slice(bytes[0])
}

/**
 * BIGNUM: three bytes of sign and length, then the magnitude, the highest byte first. The bits of negative numbers are
 * flipped, so that all sort as bytes.
 */
export function bignumText(bytes: Uint8Array): string {
  const negative = (bytes[0]! & 0x80) === 0
  let digits = "0x"
  for (let i = 3; i < bytes.length; i++) digits += hexPairs[negative ? bytes[i]! ^ 0xff : bytes[i]!]
  const size = digits === "0x" ? 0n : BigInt(digits)
  return String(negative ? -size : size)
}

/** VARIANT: values of any type, each with its own, as JSON text. */
export class VariantReader implements VectorReader {
  private readonly api: Api
  private readonly bindings: Bindings
  private readonly column: VariableColumn
  private values: { getItem(row: number): unknown } = { getItem: () => null }
  private validity: Validity = null

  constructor(api: Api, bindings: Bindings, column: VariableColumn) {
    this.api = api
    this.bindings = bindings
    this.column = column
  }

  load(vector: VectorHandle, rows: number, outer: Validity): void {
    this.values = this.api.DuckDBVector.create(vector, rows)
    this.validity = validityOf(this.bindings, vector, rows, outer)
  }

  append(from: number, count: number): void {
    for (let i = from; i < from + count; i++) {
      if (isValid(this.validity, i)) this.column.appendString(variantJson(this.values.getItem(i)))
      else this.column.appendNull()
    }
  }
}

/** The driver's value as JSON. Numbers keep all their digits; what JSON has no word for is text, as DuckDB writes it. */
function variantJson(value: unknown): string {
  if (value === null || value === undefined) return "null"
  if (typeof value === "bigint") return String(value)
  if (typeof value === "number") return numberJson(value)
  if (typeof value !== "object") return JSON.stringify(value)
  const { entries, items } = value as { entries?: object; items?: readonly unknown[] }
  if (items !== undefined) return `[${items.map(variantJson).join(",")}]`
  if (entries !== undefined) {
    return `{${Object.entries(entries)
      .map(([key, entry]) => `${JSON.stringify(key)}:${variantJson(entry)}`)
      .join(",")}}`
  }
  if ("type" in value && "value" in value) return variantJson(value.value)
  // A decimal is a number.
  return "width" in value && "scale" in value ? String(value) : JSON.stringify(String(value))
}

function numberJson(value: number): string {
  if (!Number.isFinite(value)) return JSON.stringify(String(value))
  return Object.is(value, -0) ? "-0.0" : String(value)
}
