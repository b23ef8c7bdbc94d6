import type { Redactor } from "../secrets/index.ts"
import { types } from "../util/node.ts"
import { attempt, inheritedGetters, isObject, isOrdinary, type LeakFinder, propertyOf, showing } from "./leak-finder.ts"

/** Copies what was thrown, with `***` where secrets are. Of what holds none, there is no copy. */
export class ScrubbedCopy {
  readonly #redactor: Redactor
  readonly #finder: LeakFinder
  readonly #copies = new Map<object, unknown>()

  constructor(redactor: Redactor, finder: LeakFinder) {
    this.#redactor = redactor
    this.#finder = finder
  }

  of(value: unknown): unknown {
    if (typeof value === "string") return this.#redactor.text(value)
    if (typeof value === "symbol") return this.#symbol(value)
    if (typeof value === "number" || typeof value === "bigint") {
      return this.#redactor.holds(String(value)) ? "***" : value
    }
    if (!isObject(value)) return value
    if (!this.#copies.has(value)) {
      if (!this.#finder.holds(value)) return value
      this.#begin(value)
    }
    return this.#copies.get(value)
  }

  /** The same object, with everything on it replaced. */
  within<T extends object>(error: T): T {
    this.#copies.set(error, error)
    this.#properties(error, error)
    return error
  }

  /** Makes the copy known before it is filled: what is copied may hold itself. */
  #begin(value: object): void {
    const make = (copy: unknown) => void this.#copies.set(value, copy)
    if (value instanceof Error || types.isNativeError(value)) this.#error(value as Error, make)
    else if (Array.isArray(value)) {
      const copy: unknown[] = []
      make(copy)
      for (const item of value) copy.push(this.of(item))
    } else if (types.isMap(value)) {
      const copy = new Map()
      make(copy)
      for (const [key, item] of value) copy.set(this.of(key), this.of(item))
    } else if (types.isSet(value)) {
      const copy = new Set()
      make(copy)
      for (const item of value) copy.add(this.of(item))
    } else if (value instanceof Headers) {
      make(new Headers([...value].map(([key, text]) => [key, this.#redactor.text(text)] as [string, string])))
    } else if (isPlain(value)) {
      const copy = Object.create(Object.getPrototypeOf(value))
      make(copy)
      this.#properties(value, copy)
    } else if (value instanceof URL || value instanceof URLSearchParams) make(this.#redactor.text(String(value)))
    else make(`[${this.#redactor.text(nameOf(value))} that holds a secret]`)
  }

  #error(error: Error, make: (copy: object) => void): void {
    const isDOM = typeof DOMException === "function" && error instanceof DOMException
    const text = (value: unknown) => this.#redactor.text(String(value))
    const copy = isDOM ? new DOMException(text(error.message), text(error.name)) : new Error()
    if (!isDOM) Object.setPrototypeOf(copy, Object.getPrototypeOf(error))
    make(copy)
    for (const key of Reflect.ownKeys(copy)) if (!Object.hasOwn(error, key)) Reflect.deleteProperty(copy, key)
    this.#properties(error, copy)
    for (const key of isDOM ? [] : inheritedGetters(error)) this.#getter(error, copy, key)
    for (const key of showing) this.#method(error, copy, key)
  }

  #properties(from: object, to: object): void {
    for (const key of attempt(() => Reflect.ownKeys(from)) ?? []) {
      if (showing.includes(key) && typeof propertyOf(from, key) === "function") continue
      const descriptor = attempt(() => Reflect.getOwnPropertyDescriptor(from, key))
      const value = this.of(propertyOf(from, key))
      define(to, this.of(key) as PropertyKey, value, descriptor?.enumerable ?? false)
    }
  }

  /** A getter of the class: it is asked of the error that was thrown, which may have what the copy has not. */
  #getter(error: object, copy: object, key: PropertyKey): void {
    const value = attempt(() => Reflect.get(error, key))
    if (value !== undefined && attempt(() => Reflect.get(copy, key)) !== value) define(copy, key, this.of(value), false)
    else if (this.#finder.holds(value)) define(copy, key, this.of(value), false)
  }

  #method(error: object, copy: object, key: PropertyKey): void {
    const method = attempt(() => Reflect.get(error, key))
    if (typeof method !== "function" || isOrdinary(method)) return
    define(copy, key, (...given: unknown[]) => this.of(Reflect.apply(method, error, given)), false)
  }

  #symbol(symbol: symbol): symbol {
    const { description = "" } = symbol
    return this.#redactor.holds(description) ? Symbol(this.#redactor.text(description)) : symbol
  }
}

function define(object: object, key: PropertyKey, value: unknown, enumerable: boolean): void {
  Reflect.defineProperty(object, key, { value, enumerable, configurable: true, writable: true })
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  if (typeof value === "function") return "function"
  return attempt(() => String(value.constructor.name)) || "object"
}
