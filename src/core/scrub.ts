import { redact, secretTexts } from "../secrets/index.ts"

const deepest = 8

/**
 * Takes the secrets among `values` out of an error, of its causes and of everything that hangs on them: clients quote
 * what they were given (`new URL()` puts it on `error.input`, others add their options). The error stays the object it
 * is, so that `instanceof` and `code` still tell what happened.
 */
export function scrub(error: unknown, values: Readonly<Record<string, unknown>>): void {
  const secrets = secretTexts(values)
  if (secrets.length > 0) scrubError(error, secrets, new Set())
}

function scrubError(error: unknown, secrets: readonly string[], seen: Set<unknown>): void {
  if (typeof error !== "object" || error === null || seen.has(error)) return
  seen.add(error)
  for (const key of Reflect.ownKeys(error)) {
    const value = plainValue(error, key)
    if (typeof value === "string") {
      const shown = redact(value, secrets)
      if (shown !== value) replace(error, key, shown)
    } else if (value instanceof Error) scrubError(value, secrets, seen)
    else if (key === "errors" && Array.isArray(value)) for (const one of value) scrubError(one, secrets, seen)
    // It may be the client's own: what it holds is not ours to change, only to let go.
    else if (holdsSecret(value, secrets, 0)) replace(error, key, undefined)
  }
}

function holdsSecret(value: unknown, secrets: readonly string[], depth: number): boolean {
  if (typeof value === "string") return redact(value, secrets) !== value
  if (typeof value !== "object" || value === null || depth > deepest) return false
  return Reflect.ownKeys(value).some((key) => holdsSecret(plainValue(value, key), secrets, depth + 1))
}

/** The value of a property; a getter is asked only where it is an error's own `stack`. */
function plainValue(object: object, key: PropertyKey): unknown {
  const descriptor = Reflect.getOwnPropertyDescriptor(object, key)
  if (descriptor && "value" in descriptor) return descriptor.value
  return key === "stack" ? (object as Error).stack : undefined
}

function replace(error: object, key: PropertyKey, value: unknown): void {
  const enumerable = Reflect.getOwnPropertyDescriptor(error, key)?.enumerable ?? false
  Reflect.defineProperty(error, key, { value, enumerable, configurable: true, writable: true })
}
