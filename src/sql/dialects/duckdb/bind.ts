import { MooringError } from "../../../errors.ts"
import type { Bindings, LogicalTypeHandle, PreparedHandle, ValueHandle } from "./driver.ts"
import type { Work } from "./work.ts"

/** Each value is looked for among all placeholders: with many of them, others must have their turn in between. */
const valuesAtOnce = 64

/**
 * Binds `$1`, `$2`, … by position. Types are those that DuckDB gives to literals:
 *
 * | JavaScript | DuckDB |
 * |---|---|
 * | `null` | NULL |
 * | boolean | BOOLEAN |
 * | integral number | INTEGER, BIGINT; DOUBLE from 2^63 on, and for −0 |
 * | other number | DOUBLE |
 * | bigint | BIGINT, HUGEINT, UHUGEINT; beyond is an error |
 * | string | VARCHAR |
 * | Date | TIMESTAMPTZ |
 * | Uint8Array | BLOB |
 * | array | LIST of what its elements have in common |
 *
 * @returns which values the statement uses.
 * @throws MooringError `BAD_PARAMS` for a placeholder without a value, and for values of no such type.
 */
export async function bindValues(
  bindings: Bindings,
  prepared: PreparedHandle,
  values: readonly unknown[],
  work: Work,
): Promise<Set<number>> {
  const used = new Set<number>()
  const count = bindings.nparams(prepared)
  for (let i = 0; i < values.length && used.size < count; i++) {
    if (i > 0 && i % valuesAtOnce === 0) await work.pause()
    const index = placeholder(bindings, prepared, String(i + 1))
    if (index === undefined) continue
    used.add(i)
    if (index > count) {
      throw badParams(
        `The statement has $${index} but not every placeholder before it.`,
        "Number them from $1 without gaps.",
      )
    }
    bindings.bind_value(prepared, index, toValue(bindings, values[i], `Parameter ${i + 1}`))
  }
  if (used.size === count) return used
  throw badParams(
    `The statement has ${counted(count, "placeholder")}, and ${counted(values.length, "value")} for them.`,
    "Give one value for each.",
  )
}

/** @throws MooringError `BAD_PARAMS` if not every value was used. */
export function checkAllUsed(used: ReadonlySet<number>, values: readonly unknown[]): void {
  if (used.size === values.length) return
  const unused = values.findIndex((_value, i) => !used.has(i))
  throw badParams(
    `Parameter ${unused + 1} has no placeholder in the statement.`,
    "Give one value for each placeholder.",
  )
}

function placeholder(bindings: Bindings, prepared: PreparedHandle, name: string): number | undefined {
  try {
    return bindings.bind_parameter_index(prepared, name)
  } catch {
    // The driver has no other way to say that there is none.
    return undefined
  }
}

function toValue(bindings: Bindings, value: unknown, label: string): ValueHandle {
  if (Array.isArray(value)) {
    const type = commonType(value, label)
    return listValue(bindings, type, value, label)
  }
  return scalarValue(bindings, scalarType(value, label), value)
}

/** A type, or a list of one. `null` is the type of NULL, which fits every other. */
type ValueType = ScalarType | { readonly list: ValueType }
type ScalarType =
  | "SQLNULL"
  | "BOOLEAN"
  | "INTEGER"
  | "BIGINT"
  | "HUGEINT"
  | "UHUGEINT"
  | "DOUBLE"
  | "VARCHAR"
  | "TIMESTAMP_TZ"
  | "BLOB"

function scalarType(value: unknown, label: string): ScalarType {
  switch (typeof value) {
    case "boolean":
      return "BOOLEAN"
    case "string":
      return "VARCHAR"
    case "number":
      return numberType(value)
    case "bigint":
      return bigintType(value, label)
    case "object":
      if (value === null) return "SQLNULL"
      if (value instanceof Uint8Array) return "BLOB"
      if (isDate(value)) return "TIMESTAMP_TZ"
  }
  throw badParams(
    `${label} has a type that DuckDB has none for.`,
    "Give a string, number, bigint, boolean, null, Date, Uint8Array or array.",
  )
}

function numberType(value: number): ScalarType {
  // -0 has no integer, and BIGINT ends at 2^63.
  if (!Number.isInteger(value) || Object.is(value, -0) || Math.abs(value) >= 2 ** 63) return "DOUBLE"
  return value === (value | 0) ? "INTEGER" : "BIGINT"
}

function bigintType(value: bigint, label: string): ScalarType {
  if (BigInt.asIntN(64, value) === value) return "BIGINT"
  if (BigInt.asIntN(128, value) === value) return "HUGEINT"
  if (BigInt.asUintN(128, value) === value) return "UHUGEINT"
  throw badParams(`${label} is a bigint beyond 128 bits.`, "Give it as a string and cast it: $1::BIGNUM.")
}

function scalarValue(bindings: Bindings, type: ScalarType, value: unknown): ValueHandle {
  if (value === null) return bindings.create_null_value()
  switch (type) {
    case "SQLNULL":
      return bindings.create_null_value()
    case "BOOLEAN":
      return bindings.create_bool(value as boolean)
    case "INTEGER":
      return bindings.create_int32(Number(value))
    case "BIGINT":
      return bindings.create_int64(BigInt(value as number | bigint))
    case "HUGEINT":
      return bindings.create_hugeint(BigInt(value as number | bigint))
    case "UHUGEINT":
      return bindings.create_uhugeint(BigInt(value as number | bigint))
    case "DOUBLE":
      return bindings.create_double(Number(value))
    case "VARCHAR":
      return bindings.create_varchar(value as string)
    case "BLOB":
      return bindings.create_blob(value as Uint8Array)
    case "TIMESTAMP_TZ":
      return bindings.create_timestamp_tz({ micros: BigInt((value as Date).getTime()) * 1000n })
  }
}

function listValue(bindings: Bindings, type: ValueType, items: readonly unknown[], label: string): ValueHandle {
  const values = items.map((item, i) => {
    if (item === null) return bindings.create_null_value()
    if (typeof type === "string") return scalarValue(bindings, type, item)
    return listValue(bindings, type.list, item as unknown[], `${label}[${i}]`)
  })
  return bindings.create_list_value(logicalType(bindings, type), values)
}

function logicalType(bindings: Bindings, type: ValueType): LogicalTypeHandle {
  return typeof type === "string"
    ? bindings.create_logical_type(Number(bindings.Type[type]))
    : bindings.create_list_type(logicalType(bindings, type.list))
}

/** The type of a list's elements: that of NULL where it is empty, which DuckDB takes for a list of anything. */
function commonType(items: readonly unknown[], label: string): ValueType {
  let common: ValueType = "SQLNULL"
  items.forEach((item, i) => {
    const place = `${label}[${i}]`
    const type: ValueType = Array.isArray(item) ? { list: commonType(item, place) } : scalarType(item, place)
    const joined = joinTypes(common, type)
    if (joined === undefined || loses(joined, item)) {
      throw badParams(`${label} is an array of values that have no type in common.`, "Give values of one kind.")
    }
    common = joined
  })
  return common
}

/** Each holds all values of those before it, but for the large integers in a DOUBLE, which {@link loses} finds. */
const numeric: readonly ValueType[] = ["INTEGER", "BIGINT", "HUGEINT", "DOUBLE"]

function joinTypes(a: ValueType, b: ValueType): ValueType | undefined {
  if (a === "SQLNULL") return b
  if (b === "SQLNULL" || a === b) return a
  if (typeof a === "object" && typeof b === "object") {
    const list = joinTypes(a.list, b.list)
    return list === undefined ? undefined : { list }
  }
  const wider = Math.max(numeric.indexOf(a), numeric.indexOf(b))
  return numeric.includes(a) && numeric.includes(b) ? numeric[wider] : undefined
}

function loses(type: ValueType, item: unknown): boolean {
  return type === "DOUBLE" && typeof item === "bigint" && BigInt(Number(item)) !== item
}

function isDate(value: object): value is Date {
  return Object.prototype.toString.call(value) === "[object Date]" && !Number.isNaN((value as Date).getTime())
}

function counted(count: number, what: string): string {
  return `${count === 0 ? "no" : count} ${what}${count === 1 ? "" : "s"}`
}

function badParams(message: string, hint: string): MooringError {
  return new MooringError("BAD_PARAMS", message, { hint })
}
