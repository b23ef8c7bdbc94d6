import { MooringError } from "../errors.ts"
import { types } from "../util/node.ts"
import { describeValue, plainKind } from "../util/plain-kind.ts"

/** Values that all readers may share, since nobody can change them: tables. */
export interface SharedValues {
  accepts(value: object): boolean
  /** The bytes that one occupies in memory, its objects included. */
  sizeOf(value: object): number
  /** Names one by its content, as an argument: equal for equal ones. */
  keyOf?(value: object): string
}

/**
 * A deep copy of plain data, so that no reader can change what another one gets. Shared values stay the objects that
 * they are, repeated objects stay one, and cycles are kept.
 *
 * @throws MooringError `CACHE` for functions and instances of classes: their copies would not be what they are.
 */
export function copyData<T>(value: T, shared: SharedValues): T {
  return (typeof value === "object" && value !== null) || typeof value === "function" || typeof value === "symbol"
    ? (copy(value, shared, new Map()) as T)
    : value
}

function copy(value: unknown, shared: SharedValues, copies: Map<object, object>): unknown {
  if (typeof value === "function" || typeof value === "symbol") throw notPlain(value)
  if (typeof value !== "object" || value === null || shared.accepts(value)) return value
  const before = copies.get(value)
  if (before) return before
  const kind = plainKind(value)
  if (kind === undefined) throw notPlain(value)
  const keep = <V extends object>(made: V): V => {
    copies.set(value, made)
    return made
  }
  const next = (item: unknown) => copy(item, shared, copies)
  switch (kind) {
    case "date":
      return keep(new Date((value as Date).getTime()))
    case "regexp":
      return keep(new RegExp(value as RegExp))
    case "url":
      return keep(new URL(value as URL))
    case "bytes":
      return keep(copyBytes(value as ArrayBufferView | ArrayBuffer))
    case "map": {
      const made = keep(new Map<unknown, unknown>())
      for (const [key, item] of value as Map<unknown, unknown>) made.set(next(key), next(item))
      return made
    }
    case "set": {
      const made = keep(new Set<unknown>())
      for (const item of value as Set<unknown>) made.add(next(item))
      return made
    }
    case "array": {
      const items = value as unknown[]
      const made = keep(new Array<unknown>(items.length))
      for (let at = 0; at < items.length; at++) if (at in items) made[at] = next(items[at])
      return made
    }
    case "plain": {
      const made: Record<string, unknown> = keep(Object.getPrototypeOf(value) === null ? Object.create(null) : {})
      for (const [key, item] of Object.entries(value)) {
        // Assigned, this one name would set the prototype.
        if (key === "__proto__") Object.defineProperty(made, key, { ...defined, value: next(item) })
        else made[key] = next(item)
      }
      return made
    }
  }
}

const defined = { configurable: true, enumerable: true, writable: true }

/** Not `Buffer.from`: a small buffer of Node's pool would keep all of its kilobytes. */
function ownBuffer(value: Buffer): Buffer {
  const made = Buffer.allocUnsafeSlow(value.length)
  value.copy(made)
  return made
}

/** A copy over memory of its own, of the bytes that are seen only. */
function copyBytes(value: ArrayBufferView | ArrayBuffer): object {
  if (!ArrayBuffer.isView(value)) return value.slice(0)
  if (Buffer.isBuffer(value)) return ownBuffer(value)
  if (types.isTypedArray(value)) return value.slice()
  return new DataView(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength))
}

function notPlain(value: object | symbol): MooringError {
  return new MooringError("CACHE", `A cached result cannot hold ${describeValue(value)}.`, {
    hint: "Return plain data or a table, of which each caller can have its own; or share one object by cacheResource.",
  })
}
