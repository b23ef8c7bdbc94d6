import { hostname } from "node:os"
import { isCredentialKey, isSecretKey } from "../secrets/index.ts"
import { identity, stableKey } from "../util/stable-key.ts"

/** Keys that say who asks: beside them, a credential cannot change what a query returns. */
const userKey = /^(user(name)?|account|login|role|client_?id)$/i

/** Which data a connection reads. */
export interface SourceIdentity {
  /** Tells apart every two configurations that may answer differently. Holds no secret. */
  readonly key: string
  /** True where the key means nothing in another process, so that it must not enter a store that outlives this one. */
  readonly processOnly: boolean
  /** True where the data dies with the raw connection: each generation is a source of its own. */
  readonly perGeneration?: boolean
  /** True for files, sockets and loopback hosts: another machine has others of the same name. */
  readonly local?: boolean
}

/**
 * The identity of a source from everything that may change what it answers.
 *
 * References (`{ file }`, `{ command }`, functions) count by what they refer to, so that a rotated password keeps the
 * cache. A literal credential counts only where no user name stands beside it, through scrypt.
 */
export async function sourceIdentity(kind: string, values: Readonly<Record<string, unknown>>): Promise<SourceIdentity> {
  const known = Object.keys(values).some((key) => userKey.test(key) && values[key] !== undefined)
  // Without a prototype, so that no key is another's.
  const counted: Record<string, unknown> = Object.create(null)
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue
    if (typeof value !== "string" || !isSecretKey(key, value)) counted[key] = value
    else if (!known || !isCredentialKey(key)) counted[key] = await slowHash(value)
  }
  return { key: `${kind} ${stableKey(counted, { opaque: identity })}`, processOnly: holdsObjects(counted) }
}

/** Functions and class instances count by identity, which only this process knows. */
function holdsObjects(value: unknown): boolean {
  if (typeof value === "function" || typeof value === "symbol") return true
  if (typeof value !== "object" || value === null) return false
  if (value instanceof Date || ArrayBuffer.isView(value)) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && !Array.isArray(value)) return true
  return Object.values(value).some(holdsObjects)
}

const hashes = new Map<string, Promise<string>>()

/** Slow on purpose (tens of milliseconds), so that a stolen cache key does not give a weak password away. */
function slowHash(secret: string): Promise<string> {
  let hash = hashes.get(secret)
  if (!hash) {
    hash = scryptOf(secret)
    hashes.set(secret, hash)
  }
  return hash
}

async function scryptOf(secret: string): Promise<string> {
  // Loaded here: node:crypto takes some milliseconds, which most programs need not spend.
  const { scrypt } = await import("node:crypto")
  return new Promise((resolve, reject) => {
    scrypt(secret, "mooring source identity", 24, (error, bytes) =>
      error ? reject(error) : resolve(bytes.toString("base64url")),
    )
  })
}

let machine: string | undefined

/** Tells this machine from others, for stores that several machines share. Asked once: it is part of every local key. */
export function machineId(): string {
  machine ??= hostname()
  return machine
}
