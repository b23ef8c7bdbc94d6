import type { ValueOptions } from "../tables/index.ts"
import type { Duration } from "../util/duration.ts"
import { identity } from "../util/stable-key.ts"
import type { Dialect } from "./dialect.ts"

/** A value, or what gives it at each connect: a token that expires is asked for anew. */
export type Provided<T> = T | (() => T | Promise<T>)

/** SQLAlchemy's pool settings. */
export interface PoolOptions {
  /** Connections that stay open; default 5. */
  pool_size?: number
  /** Connections beyond that, under load; default 10. */
  max_overflow?: number
  /** How long to wait for a free one; default 30 s. */
  pool_timeout?: Duration
  /** The age at which a connection is renewed; default never. */
  pool_recycle?: Duration
  /** Asks for a sign of life before each use. */
  pool_pre_ping?: boolean
  /** How long a session may keep a connection, or a stream wait to be read on, before a warning; default 5 min, 0: never. */
  leak_warning?: Duration
  /** Handed to the driver as it is. */
  connect_args?: Readonly<Record<string, unknown>>
  /** Shows statements as they run. */
  echo?: boolean
}

/** The keys of a SQL connection's section, and of its options. */
export interface SqlOptions extends PoolOptions {
  /** By SQLAlchemy's grammar: `dialect+driver://user:password@host:port/database?key=value`. */
  url?: Provided<string>
  /** A name, or a dialect from outside: the object itself. */
  dialect?: string | Dialect
  driver?: string
  username?: Provided<string>
  password?: Provided<string>
  host?: string
  port?: number | string
  database?: string
  query?: Readonly<Record<string, string>>
  pool?: PoolOptions
  create_engine_kwargs?: PoolOptions
  /** Each statement of a session is its own transaction. */
  autocommit?: boolean
  /** The `ttl` of queries that name none; `"inf"` is Streamlit's default. */
  query_ttl?: Duration
  /** How values appear in JavaScript. */
  values?: ValueOptions
  /** What the dialect has besides. */
  [setting: string]: unknown
}

/** The same values without calling a function: each counts as itself. */
export function describeProviders(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(values).map(
    ([key, value]) => [key, typeof value === "function" ? `function ${identity(value)}` : value] as const,
  )
  return Object.fromEntries(entries)
}

/** What the functions among the values gave. */
export interface Called<L> {
  readonly layers: readonly L[]
  /** What they gave is as secret as what comes from a file. */
  readonly secrets: { readonly values: Record<string, unknown>; readonly texts: readonly string[] }
  /** The key of one that failed, and its error; the others were waited for. */
  readonly failed: { readonly key: string; readonly error: unknown } | undefined
}

/** Calls the functions among the layers' values. */
export async function callProviders<L extends { readonly values: Readonly<Record<string, unknown>> }>(
  layers: readonly L[],
): Promise<Called<L>> {
  const texts: string[] = []
  let failed: Called<L>["failed"]
  const call = async (key: string, value: unknown): Promise<unknown> => {
    if (typeof value !== "function") return value
    try {
      const given: unknown = await value()
      if (typeof given === "string") texts.push(given)
      return given
    } catch (error) {
      failed ??= { key, error }
      return undefined
    }
  }
  const called = await Promise.all(
    layers.map(async (layer) => {
      const entries = Object.entries(layer.values).map(async ([key, value]) => [key, await call(key, value)] as const)
      return { ...layer, values: Object.fromEntries(await Promise.all(entries)) }
    }),
  )
  const values = Object.assign({}, ...called.map((layer) => layer.values))
  return { layers: called, secrets: { values, texts }, failed }
}
