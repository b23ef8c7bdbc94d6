import { MooringError } from "../errors.ts"
import { processGlobal } from "./globals.ts"
import { types } from "./node.ts"
import { describeValue, plainKind } from "./plain-kind.ts"
import { sha256 } from "./sha256.ts"

/** How {@link stableKey} treats what is not plain data. */
export interface StableKeyOptions {
  /**
   * Names a function, a symbol or an instance of a class. By default such a value is an error. The name counts as its
   * value: {@link identity} tells objects apart within this process.
   */
  opaque?: (value: object | symbol) => string
  /** Names an instance of a class by its content, such as a table by a digest; undefined for all others. */
  contentOf?: ((value: object) => string | undefined) | undefined
}

/** Longer strings and buffers enter a key as their digest, and so does a longer key. Units: characters, bytes. */
const large = 4096
const deepest = 200

/**
 * One text per value: equal for deeply equal plain data, different for all else.
 *
 * `1`, `"1"`, `true`, `1n`, `null` and `undefined` are six values; `0` and `-0` are two; `NaN` equals itself. The order
 * of an object's keys, a Map's entries and a Set's members does not matter; a property that is `undefined` differs from
 * one that is missing. Buffers count as the `Uint8Array` that they are. Every part is closed or carries its length, so
 * that no text inside a value can imitate another value.
 *
 * @throws MooringError `CACHE` for cycles, for nesting beyond 200 levels and, without `opaque`, for functions, symbols
 * and instances of classes; the message names the place.
 * @example stableKey({ b: 1, a: "x" }) === stableKey({ a: "x", b: 1 })
 */
export function stableKey(value: unknown, options: StableKeyOptions = {}): string {
  const text = write(value, options, [])
  return text.length <= large ? text : `K${text.length}:${sha256(text)}`
}

const identities = processGlobal("identities@1", () => ({ names: new WeakMap<object | symbol, string>(), last: 0 }))

/** A name for this very object, for `opaque`. Means nothing in another process. */
export function identity(value: object | symbol): string {
  let name = identities.names.get(value)
  if (name === undefined) identities.names.set(value, (name = String(++identities.last)))
  return name
}

function write(value: unknown, options: StableKeyOptions, within: object[]): string {
  switch (typeof value) {
    case "string":
      return writeString(value)
    case "number":
      return Object.is(value, -0) ? "#-0;" : `#${value};`
    case "bigint":
      return `i${value};`
    case "boolean":
      return value ? "t" : "f"
    case "undefined":
      return "u"
    case "object":
      return value === null ? "n" : writeObject(value, options, within)
    default:
      return writeOpaque(value as symbol, options, within)
  }
}

function writeString(text: string): string {
  return text.length <= large ? `s${text.length}:${text}` : `S${text.length}:${sha256(text)}`
}

function writeObject(value: object, options: StableKeyOptions, within: object[]): string {
  const kind = plainKind(value)
  if (kind === undefined) return writeOpaque(value, options, within)
  if (kind === "bytes") return writeBytes(value as ArrayBufferView | ArrayBuffer)
  if (kind === "date") return `d${(value as Date).getTime()};`
  if (kind === "regexp") return `r${writeString((value as RegExp).source)}${(value as RegExp).flags};`
  if (kind === "url") return `l${writeString((value as URL).href)}`
  if (within.includes(value)) throw unfit("a cycle", value, within)
  if (within.length >= deepest) throw unfit(`nesting beyond ${deepest} levels`, value, within)
  within.push(value)
  const text = writeContainer(value, kind, options, within)
  within.pop()
  return text
}

function writeContainer(
  value: object,
  kind: "array" | "map" | "set" | "plain",
  options: StableKeyOptions,
  within: object[],
): string {
  if (kind === "array") {
    let text = "["
    const items = value as unknown[]
    for (let at = 0; at < items.length; at++) {
      text += items[at] === undefined && !(at in items) ? "h" : write(items[at], options, within)
    }
    return `${text}]`
  }
  if (kind === "map") {
    const entries = Array.from(
      value as Map<unknown, unknown>,
      ([key, item]) => write(key, options, within) + write(item, options, within),
    )
    return `m${entries.sort().join("")}.`
  }
  if (kind === "set") {
    const members = Array.from(value as Set<unknown>, (member) => write(member, options, within))
    return `e${members.sort().join("")}.`
  }
  let text = "{"
  for (const key of Object.keys(value).sort()) {
    text += writeString(key) + write((value as Record<string, unknown>)[key], options, within)
  }
  return `${text}}`
}

function writeBytes(value: ArrayBufferView | ArrayBuffer): string {
  const view = ArrayBuffer.isView(value)
  const bytes = view ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value)
  const name = view ? Object.prototype.toString.call(value).slice(8, -1) : "ArrayBuffer"
  return bytes.length <= large
    ? `b${writeString(name)}${bytes.length}:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")}`
    : `B${writeString(name)}${bytes.length}:${sha256(bytes)}`
}

function writeOpaque(value: object | symbol, options: StableKeyOptions, within: object[]): string {
  if (typeof value === "symbol" && Symbol.keyFor(value) !== undefined) return `y${writeString(Symbol.keyFor(value)!)}`
  const content = typeof value === "object" ? options.contentOf?.(value) : undefined
  if (content !== undefined) return `c${writeString(content)}`
  if (!options.opaque) throw unfit(describeValue(value), value, within)
  return `~${writeString(options.opaque(value))}`
}

function unfit(what: string, value: unknown, within: readonly object[]): MooringError {
  const chain: unknown[] = [...within, value]
  const place = within.map((container, at) => step(container, chain[at + 1])).join("")
  return new MooringError(
    "CACHE",
    `A cache key cannot hold ${what}${place === "" ? "" : `, found at value${place}`}.`,
    {
      hint: "Use plain data: texts, numbers, dates, buffers, and arrays, objects, Maps and Sets of them.",
    },
  )
}

function step(container: object, child: unknown): string {
  if (types.isMap(container) || types.isSet(container)) return "<item>"
  const key = Object.keys(container).find((name) => (container as Record<string, unknown>)[name] === child)
  return Array.isArray(container) ? `[${key}]` : `.${key}`
}
