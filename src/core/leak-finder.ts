import type { Redactor } from "../secrets/index.ts"
import { inspect, types } from "../util/node.ts"

/** What has more parts is not looked through to its end, but taken to hold a secret. */
const mostParts = 20_000
const inspected = inspect.custom

/** Methods by which an object is shown. */
export const showing: readonly PropertyKey[] = ["toJSON", "toString", Symbol.toPrimitive, inspected]

/** Looks for secrets in whatever can be seen of a value: by reading, printing, logging or copying it. */
export class LeakFinder {
  readonly #redactor: Redactor
  readonly #clean = new WeakSet<object>()

  constructor(redactor: Redactor) {
    this.#redactor = redactor
  }

  holds(value: unknown): boolean {
    const seen = new Set<object>()
    const found = this.#visit(value, seen)
    if (!found) for (const object of seen) this.#clean.add(object)
    return found
  }

  #visit(root: unknown, seen: Set<object>): boolean {
    // Not recursive: chains of causes may be long.
    const open: unknown[] = [root]
    while (open.length > 0) {
      const value = open.pop()
      if (this.#isSecret(value)) return true
      if (!isObject(value) || seen.has(value) || this.#clean.has(value)) continue
      seen.add(value)
      if (seen.size > mostParts) return true
      if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
        if (this.#isSecretBytes(value)) return true
      } else open.push(...this.#partsOf(value))
    }
    return false
  }

  #isSecret(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        return this.#redactor.holds(value)
      case "number":
      case "bigint":
        return this.#redactor.holds(String(value))
      case "symbol":
        return this.#redactor.holds(value.description ?? "")
      default:
        return false
    }
  }

  #isSecretBytes(value: ArrayBufferView | ArrayBufferLike): boolean {
    const buffer = ArrayBuffer.isView(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : Buffer.from(value)
    return (["utf8", "latin1", "utf16le"] as const).some((encoding) => this.#redactor.holds(buffer.toString(encoding)))
  }

  #partsOf(value: object): unknown[] {
    const parts: unknown[] = []
    // Of a function, what else it has is its class or module.
    const ownKeys = typeof value === "function" ? Object.keys : Reflect.ownKeys
    for (const key of attempt(() => ownKeys(value)) ?? []) parts.push(key, propertyOf(value, key))
    if (types.isMap(value)) for (const [key, item] of value) parts.push(key, item)
    else if (types.isSet(value)) parts.push(...value)
    else if (types.isBoxedPrimitive(value)) parts.push(value.valueOf())
    if (types.isPromise(value)) parts.push(printed(value))
    const isError = types.isNativeError(value) || value instanceof Error
    if (isError) for (const key of inheritedGetters(value)) parts.push(attempt(() => Reflect.get(value, key)))
    if (typeof value !== "function") for (const key of showing) parts.push(this.#shownBy(value, key, isError))
    return parts
  }

  /** What an object of somebody's own class, or of the runtime's, says of itself. */
  #shownBy(value: object, key: PropertyKey, isError: boolean): unknown {
    const method = attempt(() => Reflect.get(value, key))
    if (typeof method !== "function" || isOrdinary(method)) return undefined
    if (key === inspected) return printed(value)
    // A stranger's method may do more than show; an error's is called by everybody who logs it.
    if (!isError && key !== "toJSON") return undefined
    return attempt(() => Reflect.apply(method, value, key === Symbol.toPrimitive ? ["string"] : []))
  }
}

/** The value of an own property, also where a getter gives it. */
export function propertyOf(object: object, key: PropertyKey): unknown {
  const descriptor = attempt(() => Reflect.getOwnPropertyDescriptor(object, key))
  if (descriptor === undefined) return undefined
  return "value" in descriptor ? descriptor.value : attempt(() => Reflect.get(object, key))
}

/** The names of getters that an error has from its class. */
export function inheritedGetters(error: object): readonly PropertyKey[] {
  const keys = new Set<PropertyKey>()
  for (let at = Object.getPrototypeOf(error); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      if (Reflect.getOwnPropertyDescriptor(at, key)?.get && !Object.hasOwn(error, key)) keys.add(key)
    }
  }
  return [...keys]
}

export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function"
}

/** Undefined for what throws: what cannot be read cannot be shown either. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** Those that show nothing but what was looked at already. */
const ordinary: ReadonlySet<unknown> = new Set([
  Object.prototype.toString,
  Error.prototype.toString,
  Array.prototype.toString,
  Date.prototype.toString,
  Date.prototype.toJSON,
  Date.prototype[Symbol.toPrimitive],
  RegExp.prototype.toString,
])

export function isOrdinary(method: unknown): boolean {
  return ordinary.has(method)
}

function printed(value: object): string | undefined {
  const everything = { maxStringLength: null, maxArrayLength: null, depth: 6, breakLength: Number.POSITIVE_INFINITY }
  return attempt(() => inspect(value, everything))
}
