import type { ValueOptions } from "../tables/index.ts"
import type { Duration } from "../util/duration.ts"
import { didYouMean } from "../util/suggest.ts"
import { warnOnce } from "../util/warn.ts"
import type { CacheConfiguration, Configuration } from "./configuration.ts"
import { sharedStore, storeSettings } from "./shared-store.ts"

type Values = Readonly<Record<string, unknown>>

/**
 * The `[mooring]` table of the secrets as settings, weaker than `configure()`.
 *
 * @example
 * // [mooring]
 * // session_idle = "30m"
 * // cache = { ttl = "10m", max_bytes = 100_000_000, directory = "/var/cache/app", url = "redis://cache.example" }
 * // values = { bigint = "string" }
 */
export function fileSettings(table: Values): Configuration {
  const { cache, values, session_idle } = table
  refuseOthers(table, ["cache", "values", "session_idle"], "[mooring]")
  return {
    ...(isTable(cache) && { cache: cacheSettings(cache) }),
    ...(isTable(values) && { values: values as ValueOptions }),
    ...(session_idle !== undefined && { sessionIdle: session_idle as Duration }),
  }
}

function cacheSettings(cache: Values): CacheConfiguration {
  const { ttl, max_bytes, directory } = cache
  refuseOthers(cache, ["ttl", "max_bytes", "directory", ...storeSettings], "[mooring.cache]")
  const store = sharedStore(cache)
  return {
    ...(ttl !== undefined && { ttl: ttl as Duration }),
    ...(max_bytes !== undefined && { maxBytes: Number(max_bytes) }),
    ...(directory !== undefined && { directory: String(directory) }),
    ...(store && { store }),
  }
}

/** A word, not an error: the file may be written for another version. */
function refuseOthers(table: Values, known: readonly string[], where: string): void {
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue
    warnOnce(`${where} ${key}`, `${where} has ${JSON.stringify(key)}, which is no setting. ${didYouMean(key, known)}`)
  }
}

function isTable(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
