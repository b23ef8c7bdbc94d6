import { type DataType, Type } from "@uwdata/flechette"
import { MooringError } from "../../errors.ts"
import type { BoolColumn } from "../columns/bits.ts"
import type { FixedColumn } from "../columns/fixed.ts"
import type { FixedListColumn, ListColumn, StructColumn } from "../columns/nested.ts"
import type { VariableColumn } from "../columns/variable.ts"
import type { ColumnBuilder } from "../columns.ts"
import { unitDigits } from "../read/temporal.ts"
import { childFields, extensionOf, type Field, integerExtension, jsonExtension, typeName } from "../types.ts"
import { parseDate, parseDecimal, parseDuration, parseTime, parseTimestamp } from "./parse.ts"

/** Appends a JavaScript value to a column: null and undefined are NULL. */
export type Writer = (value: unknown) => void

type TypeId = DataType["typeId"]
type OfType<Id extends TypeId> = Extract<DataType, { typeId: Id }>
/** Appends one value that is not null, or gives false if the value does not fit. */
type TryWrite = (value: unknown) => boolean
type MakeWriter<Id extends TypeId> = (
  builder: ColumnBuilder,
  type: OfType<Id>,
  field: Field,
  column: string,
) => TryWrite

/**
 * How values of a type are written. They are the values that the readers give, and those that the field takes for the same:
 * a number or a bigint for an integer, a text or a number for a decimal, a Date or ISO text for a timestamp.
 *
 * The writer throws MooringError `BAD_VALUE`, naming the column, for a value that does not fit exactly.
 */
export function writer(builder: ColumnBuilder, field: Field, column: string = JSON.stringify(field.name)): Writer {
  const make = writers[field.type.typeId] as MakeWriter<TypeId> | undefined
  const write = make?.(builder, field.type as never, field, column)
  if (!write) throw new MooringError("UNSUPPORTED", `Mooring does not write columns of type ${typeName(field.type)}.`)
  return (value) => {
    if (value === null || value === undefined) builder.appendNull()
    else if (!write(value)) throw misfit(value, field, column)
  }
}

const unsupported = (): never => undefined as never

/** Total: a type that Arrow adds does not compile until it is here. */
const writers: { [Id in TypeId]: MakeWriter<Id> } = {
  [Type.NONE]: unsupported,
  [Type.Null]: () => () => false,
  [Type.Int]: (builder, type) => writeInteger(builder as FixedColumn, type.bitWidth, type.signed),
  [Type.Float]: (builder, type) =>
    type.precision === 0
      ? unsupported()
      : (value) => typeof value === "number" && done((builder as FixedColumn).append(value)),
  [Type.Bool]: (builder) => (value) => typeof value === "boolean" && done((builder as BoolColumn).append(value)),
  [Type.Utf8]: (builder, _, field) => writeText(builder as VariableColumn, extensionOf(field) === jsonExtension),
  [Type.Binary]: (builder) => (value) => value instanceof Uint8Array && done((builder as VariableColumn).append(value)),
  [Type.FixedSizeBinary]: (builder, type) => (value) =>
    value instanceof Uint8Array && value.length === type.stride && done((builder as FixedColumn).appendBytes(value, 1)),
  [Type.Decimal]: (builder, type, field) => {
    const max =
      extensionOf(field) === integerExtension ? 2n ** BigInt(type.bitWidth - 1) : 10n ** BigInt(type.precision)
    return (value) => {
      const integer = ["string", "number", "bigint"].includes(typeof value)
        ? parseDecimal(`${value}`, type.scale)
        : undefined
      return (
        integer !== undefined &&
        integer < max &&
        -integer < max &&
        done((builder as FixedColumn).append(wide(integer, type.bitWidth)))
      )
    }
  },
  [Type.Date]: (builder, type) => (value) => {
    const days = dayOf(value)
    if (days === undefined) return false
    return done((builder as FixedColumn).append(type.unit === 0 ? days : BigInt(days) * 86_400_000n))
  },
  [Type.Time]: (builder, type) => (value) => {
    const count = typeof value === "string" ? parseTime(value, unitDigits[type.unit]!) : undefined
    if (count === undefined) return false
    return done((builder as FixedColumn).append(type.bitWidth === 32 ? Number(count) : count))
  },
  [Type.Timestamp]: (builder, type) => (value) => {
    const count = timestampOf(value, unitDigits[type.unit]!)
    return count !== undefined && fitsInt64(count) && done((builder as FixedColumn).append(count))
  },
  [Type.Duration]: (builder, type) => (value) => {
    const parsed = typeof value === "string" ? parseDuration(value, unitDigits[type.unit]!) : undefined
    if (parsed === undefined || parsed.months !== 0) return false
    const count = parsed.count + BigInt(parsed.days) * 86_400n * 10n ** BigInt(unitDigits[type.unit]!)
    return fitsInt64(count) && done((builder as FixedColumn).append(count))
  },
  [Type.Interval]: (builder, type) => writeInterval(builder as FixedColumn, type.unit),
  [Type.List]: (builder, _, field, column) => writeList(builder as ListColumn, field, column),
  [Type.FixedSizeList]: (builder, type, field, column) => {
    const write = writeList(builder as FixedListColumn, field, column)
    return (value) => Array.isArray(value) && value.length === type.stride && write(value)
  },
  [Type.Map]: (builder, _, field, column) => {
    const entries = childFields(field.type)[0]!
    const names = childFields(entries.type).map((child) => child.name)
    const write = writer((builder as ListColumn).child, entries, column)
    return (value) => {
      const pairs = value instanceof Map ? [...value] : value
      if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) return false
      for (const [key, item] of pairs) write({ [names[0]!]: key, [names[1]!]: item })
      return done((builder as ListColumn).append())
    }
  },
  [Type.Struct]: (builder, type, _, column) => {
    const { children } = builder as StructColumn
    const write = type.children.map((child, i) =>
      writer(children[i]!, child, `${column}.${JSON.stringify(child.name)}`),
    )
    return (value) => {
      if (typeof value !== "object" || Array.isArray(value)) return false
      type.children.forEach((child, i) => {
        write[i]!(Object.hasOwn(value as object, child.name) ? (value as Record<string, unknown>)[child.name] : null)
      })
      return done((builder as StructColumn).append())
    }
  },
  [Type.Dictionary]: unsupported,
  [Type.Union]: unsupported,
  [Type.LargeBinary]: unsupported,
  [Type.LargeUtf8]: unsupported,
  [Type.LargeList]: unsupported,
  [Type.RunEndEncoded]: unsupported,
  [Type.BinaryView]: unsupported,
  [Type.Utf8View]: unsupported,
  [Type.ListView]: unsupported,
  [Type.LargeListView]: unsupported,
}

function done(_: unknown): true {
  return true
}

function writeInteger(builder: FixedColumn, bitWidth: number, signed: boolean): TryWrite {
  const min = signed ? -(2n ** BigInt(bitWidth - 1)) : 0n
  const max = 2n ** BigInt(signed ? bitWidth - 1 : bitWidth) - 1n
  const [low, high] = [Number(min), Number(max)]
  return (value) => {
    if (bitWidth < 64 && typeof value === "number") {
      return Number.isInteger(value) && value >= low && value <= high && done(builder.append(value))
    }
    const integer = integerOf(value)
    if (integer === undefined || integer < min || integer > max) return false
    return done(builder.append(bitWidth < 64 ? Number(integer) : integer))
  }
}

function integerOf(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === "string" && /^[+-]?\d+$/.test(value) ? BigInt(value.replace("+", "")) : undefined
}

function writeText(builder: VariableColumn, json: boolean): TryWrite {
  if (!json) return (value) => typeof value === "string" && done(builder.appendString(value))
  return (value) => {
    const text: string | undefined = JSON.stringify(value)
    return text !== undefined && done(builder.appendString(text))
  }
}

function writeList(builder: ListColumn | FixedListColumn, field: Field, column: string): TryWrite {
  const write = writer(builder.child, childFields(field.type)[0]!, column)
  return (value) => {
    if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && !(value instanceof DataView))) return false
    for (const item of value as unknown[]) write(item)
    return done(builder.append())
  }
}

function writeInterval(builder: FixedColumn, unit: number): TryWrite {
  const digits = [0, 3, 9][unit]!
  const bytes = new Uint8Array(builder.width)
  const view = new DataView(bytes.buffer)
  return (value) => {
    const parsed = typeof value === "string" ? parseDuration(value, digits) : undefined
    if (parsed === undefined) return false
    const { months, days, count } = parsed
    if (unit === 0) {
      if (days !== 0 || count !== 0n) return false
      view.setInt32(0, months, true)
    } else if (unit === 1) {
      if (months !== 0 || BigInt.asIntN(32, count) !== count) return false
      view.setInt32(0, days, true)
      view.setInt32(4, Number(count), true)
    } else {
      if (!fitsInt64(count)) return false
      view.setInt32(0, months, true)
      view.setInt32(4, days, true)
      view.setBigInt64(8, count, true)
    }
    return done(builder.appendBytes(bytes, 1))
  }
}

function dayOf(value: unknown): number | undefined {
  if (value === "infinity") return 2_147_483_647
  if (value === "-infinity") return -2_147_483_647
  if (typeof value === "string") return parseDate(value)
  return isTime(value) ? Math.floor(value.getTime() / 86_400_000) : undefined
}

function timestampOf(value: unknown, digits: number): bigint | undefined {
  if (value === "infinity") return 2n ** 63n - 1n
  if (value === "-infinity") return -(2n ** 63n) + 1n
  if (typeof value === "string") return parseTimestamp(value, digits)
  if (!isTime(value)) return undefined
  const milliseconds = BigInt(value.getTime())
  if (digits >= 3) return milliseconds * 10n ** BigInt(digits - 3)
  return milliseconds % 1000n === 0n ? milliseconds / 1000n : undefined
}

function isTime(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime())
}

function fitsInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value
}

/** As the builder's array has it: 64 bits are held unsigned, and 32 bits are numbers. */
function wide(value: bigint, bitWidth: number): number | bigint {
  if (bitWidth === 32) return Number(value)
  return bitWidth === 64 ? BigInt.asUintN(64, value) : value
}

function misfit(value: unknown, field: Field, column: string): MooringError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 40)) : shortly(value)
  return new MooringError("BAD_VALUE", `Column ${column} cannot hold ${shown} as ${typeName(field.type)}.`, {
    hint: "Give the column a type that holds all of its values exactly.",
  })
}

function shortly(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value)
  return Array.isArray(value) ? "an array" : `a ${value.constructor?.name ?? "object"}`
}
