import type { CacheStore } from "../cache/contract.ts"
import type { ValueOptions } from "../tables/index.ts"
import type { Duration } from "../util/duration.ts"

/** Loads a connection class, in the form that bundlers follow: `() => import("./github.ts")`. */
export type TypeLoader = () => Promise<unknown>

/** What `configure()` takes. */
export interface Configuration {
  /** Secrets as a file would hold them: `{ connections: { pets: { url: "…" } } }`. */
  secrets?: Readonly<Record<string, unknown>>
  /** More files or folders, stronger than those that are found by themselves. */
  secretsFiles?: readonly string[]
  cache?: CacheConfiguration
  /** Connection types by name. The value is a loader of a class, or of a module whose default export is one. */
  types?: Readonly<Record<string, TypeLoader>>
  /** How values of Arrow types appear in JavaScript, for all connections. */
  values?: ValueOptions
  /** The project's folder. */
  project?: string
  /** A session without a `withSession` for so long ends by itself. */
  sessionIdle?: Duration
  /** Puts top-level texts and numbers of the secrets into `process.env`, as Streamlit does. */
  exportEnv?: boolean
}

/** How results are kept. */
export interface CacheConfiguration {
  /** The `ttl` of queries that name none. */
  ttl?: Duration
  /** How many bytes the memory cache may hold. */
  maxBytes?: number
  /** A store in the place of memory. */
  store?: CacheStore
  /** The folder of the disk cache. */
  directory?: string
}

/** Later layers win, key by key; `cache`, `types` and `values` are merged themselves. */
export function mergeConfigurations(layers: readonly Configuration[]): Configuration {
  const merged: Configuration = {}
  for (const layer of layers) {
    const { cache, types, values } = merged
    Object.assign(merged, layer)
    if (cache && layer.cache) merged.cache = { ...cache, ...layer.cache }
    if (types && layer.types) merged.types = { ...types, ...layer.types }
    if (values && layer.values) merged.values = { ...values, ...layer.values }
  }
  return merged
}
