import { processGlobal } from "../util/globals.ts"
import { isTable } from "./guard.ts"
import { isReference } from "./reference.ts"

interface Keyring {
  /** Random for each process: a fingerprint in a log or a crash dump tells nothing about a short password. */
  readonly key: Buffer
  readonly identities: WeakMap<object, number>
  next: number
}

/** Loaded at the first use: it takes milliseconds that an import of the package should not spend. */
const crypto = () => process.getBuiltinModule("node:crypto")

function keyring(): Keyring {
  return processGlobal("fingerprint@1", () => ({ key: crypto().randomBytes(32), identities: new WeakMap(), next: 0 }))
}

/**
 * Equal for equal content, within this process. References count by what they refer to; functions and class instances
 * by identity; dates and buffers by value.
 */
export function fingerprint(value: unknown): string {
  const ring = keyring()
  const hmac = crypto().createHmac("sha256", ring.key)
  feed(value, (text) => hmac.update(text), ring)
  return hmac.digest("base64url")
}

/** Every item begins with its kind and ends with its length or a mark, so that no two values read alike. */
function feed(value: unknown, write: (text: string) => void, ring: Keyring): void {
  const text = (kind: string, content: string) => write(`${kind}${content.length}:${content}`)
  if (typeof value === "string") text("s", value)
  else if (typeof value === "function") text("f", identity(value, ring))
  else if (typeof value !== "object" || value === null) text(typeof value, Object.is(value, -0) ? "-0" : String(value))
  else if (isReference(value)) text("r", value.description)
  else if (value instanceof Date) text("t", dateText(value))
  else if (ArrayBuffer.isView(value)) text("b", bytesText(value))
  else if (Array.isArray(value)) {
    write(`[${value.length}:`)
    for (const item of value) feed(item, write, ring)
  } else if (isTable(value)) {
    const keys = Object.keys(value).sort()
    write(`{${keys.length}:`)
    for (const key of keys) {
      text("k", key)
      feed(value[key], write, ring)
    }
  } else text("o", identity(value, ring))
}

/** TOML's local dates and times share their milliseconds with other values; their text tells them apart. */
function dateText(value: Date): string {
  return Number.isNaN(value.getTime()) ? "invalid" : `${value.toISOString()} ${value.getTime()}`
}

function bytesText(view: ArrayBufferView): string {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64")
}

function identity(value: object, ring: Keyring): string {
  let id = ring.identities.get(value)
  if (id === undefined) ring.identities.set(value, (id = ++ring.next))
  return String(id)
}
