import type { CacheStore } from "../cache/contract.ts"
import type { ValueOptions } from "../tables/index.ts"
import type { Duration } from "../util/duration.ts"
import { type OptionNames, refuseUnknown } from "../util/known-options.ts"

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
  /** A store behind the memory, which other processes may share, such as that of `redisStore()`. */
  store?: CacheStore
  /** The folder of the disk cache. */
  directory?: string
}

const configurationNames: OptionNames<Configuration> = {
  secrets: true,
  secretsFiles: true,
  cache: true,
  types: true,
  values: true,
  project: true,
  sessionIdle: true,
  exportEnv: true,
}

const cacheNames: OptionNames<CacheConfiguration> = { ttl: true, maxBytes: true, store: true, directory: true }

/** @throws MooringError `BAD_CONFIG` for a name that `configure()` does not have. */
export function refuseUnknownSettings(settings: Configuration): void {
  refuseUnknown("configure()", settings, configurationNames)
  if (settings.cache) refuseUnknown("configure({ cache })", settings.cache, cacheNames)
}

/**
 * Later layers win, key by key; what is `undefined` says nothing. `cache`, `types` and `values` are merged themselves;
 * of `secrets`, each connection's section is taken whole from the last that has it, as from files.
 */
export function mergeConfigurations(layers: readonly Configuration[]): Configuration {
  const merged: Configuration = {}
  for (const layer of layers) {
    const { secrets, cache, types, values } = merged
    Object.assign(merged, defined(layer))
    if (secrets && layer.secrets) merged.secrets = mergeSecrets(secrets, layer.secrets)
    if (cache && layer.cache) merged.cache = { ...cache, ...defined(layer.cache) }
    if (types && layer.types) merged.types = { ...types, ...defined(layer.types) }
    if (values && layer.values) merged.values = { ...values, ...defined(layer.values) }
  }
  return merged
}

type Secrets = NonNullable<Configuration["secrets"]>

function mergeSecrets(below: Secrets, above: Secrets): Secrets {
  const tables = ["connections", "mooring"].filter((key) => isObject(below[key]) && isObject(above[key]))
  const merged = tables.map((key) => [key, { ...(below[key] as object), ...(above[key] as object) }])
  return { ...below, ...above, ...Object.fromEntries(merged) }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null
}

function defined<T extends object>(settings: T): T {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as T
}
