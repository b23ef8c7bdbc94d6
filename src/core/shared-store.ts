import { type CacheStore, type Fetched, type RedisOptions, type RedisTls, redisStore } from "../cache/index.ts"
import { MooringError } from "../errors.ts"
import { isReference } from "../secrets/index.ts"
import type { Duration } from "../util/duration.ts"
import { stableKey } from "../util/stable-key.ts"

type Values = Readonly<Record<string, unknown>>

/** The keys of `[mooring.cache]` that say where the shared store is. */
export const storeSettings = [
  "url",
  "username",
  "password",
  "tls",
  "prefix",
  "timeout",
  "connect_timeout",
  "lease",
  "max_age",
  "max_entry_bytes",
] as const

const stores = new Map<string, CacheStore>()

/**
 * The store that `[mooring.cache]` describes, one per process and settings; undefined without a `url`. A reference in
 * place of a password or certificate is read at every connect.
 */
export function sharedStore(settings: Values): CacheStore | undefined {
  if (settings.url === undefined) return undefined
  const described = storeSettings.map((name) => [name, settings[name]])
  const key = stableKey(described, { opaque: (value) => (isReference(value) ? value.description : String(value)) })
  let store = stores.get(key)
  if (!store) stores.set(key, (store = redisStore(redisOptions(settings))))
  return store
}

function redisOptions(settings: Values): RedisOptions {
  const { url, username, password, tls, prefix, timeout, connect_timeout, lease, max_age, max_entry_bytes } = settings
  return {
    url: text("url", url),
    ...(username !== undefined && { username: text("username", username) }),
    ...(password !== undefined && { password: fetched("password", password) }),
    ...(tls !== undefined && { tls: tlsOptions(tls) }),
    ...(prefix !== undefined && { prefix: text("prefix", prefix) }),
    ...(timeout !== undefined && { timeout: timeout as Duration }),
    ...(connect_timeout !== undefined && { connectTimeout: connect_timeout as Duration }),
    ...(lease !== undefined && { lease: lease as Duration }),
    ...(max_age !== undefined && { maxAge: max_age as Duration }),
    ...(max_entry_bytes !== undefined && { maxEntryBytes: Number(max_entry_bytes) }),
  }
}

function tlsOptions(tls: unknown): RedisTls {
  if (typeof tls !== "object" || tls === null) throw bad("tls", "a table of ca, cert, key and servername")
  const { ca, cert, key, servername, ...others } = tls as Values
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw bad(`tls.${unknown}`, "a setting: tls has ca, cert, key and servername")
  return {
    ...(ca !== undefined && { ca: fetched("tls.ca", ca) }),
    ...(cert !== undefined && { cert: fetched("tls.cert", cert) }),
    ...(key !== undefined && { key: fetched("tls.key", key) }),
    ...(servername !== undefined && { servername: text("tls.servername", servername) }),
  }
}

function fetched(name: string, value: unknown): Fetched {
  return isReference(value) ? () => value.read({}) : text(name, value)
}

function text(name: string, value: unknown): string {
  if (typeof value !== "string") throw bad(name, "a text")
  return value
}

function bad(name: string, what: string): MooringError {
  return new MooringError("BAD_CONFIG", `${name} in [mooring.cache] is not ${what}.`)
}
