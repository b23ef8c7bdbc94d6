import { Buffer } from "node:buffer"
import { type DataType, type Field, Type } from "@uwdata/flechette"
import type { Column } from "../../../src/tables/index.ts"

/**
 * Reads Arrow's buffers without Mooring's or flechette's readers, and writes each value as DuckDB's cast to VARCHAR does:
 * so what is compared are the bytes that the dialect wrote.
 */
export function arrowTexts(column: Column): unknown[] {
  return column.batches.flatMap((batch) =>
    Array.from({ length: batch.length }, (_, row) => valueAt(batch as never, column.field, row)),
  )
}

interface RawBatch {
  readonly type: DataType
  readonly length: number
  readonly validity?: Uint8Array
  readonly values: ArrayBufferView & ArrayLike<number | bigint>
  readonly offsets: Int32Array
  readonly children: readonly RawBatch[]
  readonly typeIds: Int8Array
  readonly dictionary: { at(index: number): unknown }
}

/** NULL is null, a leaf is its text, a list an array, a struct or map an object. */
function valueAt(batch: RawBatch, field: Field, row: number): unknown {
  const { type, validity } = batch
  const isNull = validity !== undefined && validity.length > 0 && (validity[row >> 3]! & (1 << (row & 7))) === 0
  if (isNull || type.typeId === Type.Null) return null
  const range = (from: number, to: number, child: Field) =>
    Array.from({ length: to - from }, (_, i) => valueAt(batch.children[0]!, child, from + i))
  switch (type.typeId) {
    case Type.List:
      return range(batch.offsets[row]!, batch.offsets[row + 1]!, type.children[0])
    case Type.FixedSizeList:
      return range(row * type.stride, (row + 1) * type.stride, type.children[0]!)
    case Type.Map: {
      const entries = range(batch.offsets[row]!, batch.offsets[row + 1]!, type.children[0]) as { key: string }[]
      return Object.fromEntries(entries.map((entry) => [entry.key, (entry as { value?: unknown }).value]))
    }
    case Type.Struct:
      return Object.fromEntries(type.children.map((child, i) => [child.name, valueAt(batch.children[i]!, child, row)]))
    case Type.Union: {
      const id = batch.typeIds[row]!
      return valueAt(batch.children[id]!, type.children[id]!, row)
    }
    case Type.Dictionary:
      return batch.dictionary.at(Number(batch.values[row]))
    default:
      return leaf(batch, field, row)
  }
}

function leaf(batch: RawBatch, field: Field, row: number): string {
  const { type, values } = batch
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  switch (type.typeId) {
    case Type.Bool:
      return String((bytes[row >> 3]! & (1 << (row & 7))) !== 0)
    case Type.Int:
      return String(values[row])
    case Type.Float:
      return `float ${values[row]}`
    case Type.Utf8:
      return bytes.toString("utf8", batch.offsets[row]!, batch.offsets[row + 1]!)
    case Type.Binary:
      return bytes
        .subarray(batch.offsets[row]!, batch.offsets[row + 1]!)
        .toString("hex")
        .toUpperCase()
    case Type.Decimal: {
      const width = type.bitWidth / 8
      const hex = Buffer.from(bytes.subarray(row * width, (row + 1) * width))
        .reverse()
        .toString("hex")
      const signed = BigInt.asIntN(type.bitWidth, BigInt(`0x${hex}`))
      return decimalText(signed, type.scale)
    }
    case Type.Date:
      return dateText(Number(values[row]))
    case Type.Time:
      return clockText(BigInt(values[row]!), type.unit === 3 ? 9 : 6)
    case Type.Timestamp:
      return timestampText(BigInt(values[row]!), type.unit * 3).replace(/\d$/, type.timezone === null ? "$&" : "$&+00")
    case Type.Interval: {
      const at = row * 16
      return intervalText(bytes.readInt32LE(at), bytes.readInt32LE(at + 4), bytes.readBigInt64LE(at + 8))
    }
    default:
      throw new Error(`No text for ${field.name}`)
  }
}

function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0")
  const sign = value < 0n ? "-" : ""
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function dateText(days: number): string {
  if (days === 2 ** 31 - 1) return "infinity"
  if (days === -(2 ** 31) + 1) return "-infinity"
  // Days to the civil calendar, by eras of 400 years that begin in March.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const ofEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  )
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const march = Math.floor((5 * ofYear + 2) / 153)
  const day = ofYear - Math.floor((153 * march + 2) / 5) + 1
  const month = march < 10 ? march + 3 : march - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const shown = year <= 0 ? 1 - year : year
  return `${pad(shown, 4)}-${pad(month)}-${pad(day)}${year <= 0 ? " (BC)" : ""}`
}

function clockText(value: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits)
  const seconds = Number(value / unit)
  const fraction = String(value % unit)
    .padStart(digits, "0")
    .replace(/0+$/, "")
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((n) => pad(n)).join(":")
  return fraction === "" || digits === 0 ? clock : `${clock}.${fraction}`
}

function timestampText(value: bigint, digits: number): string {
  if (value === 2n ** 63n - 1n) return "infinity"
  if (value === -(2n ** 63n) + 1n) return "-infinity"
  const day = 86_400n * 10n ** BigInt(digits)
  const days = value / day - (value % day < 0n ? 1n : 0n)
  return `${dateText(Number(days))} ${clockText(value - days * day, digits)}`
}

function intervalText(months: number, days: number, nanoseconds: bigint): string {
  const parts: string[] = []
  const add = (count: number, unit: string) => {
    if (count !== 0) parts.push(`${count} ${unit}${Math.abs(count) === 1 ? "" : "s"}`)
  }
  add(Math.trunc(months / 12), "year")
  add(months % 12, "month")
  add(days, "day")
  const micros = nanoseconds / 1000n
  if (micros !== 0n || parts.length === 0)
    parts.push(`${micros < 0n ? "-" : ""}${clockText(micros < 0n ? -micros : micros, 6)}`)
  return parts.join(" ")
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0")
}
