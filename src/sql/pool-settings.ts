import { MooringError } from "../errors.ts"
import { nearest } from "../util/suggest.ts"
import type { PoolSettings } from "./dialect.ts"
import { readers, readInteger } from "./setting-values.ts"

/** What SQLAlchemy's `create_engine` takes and a connection pool of Mooring has as well, and `leak_warning`, which is ours. */
export const poolKeys = [
  "pool_size",
  "max_overflow",
  "pool_timeout",
  "pool_recycle",
  "pool_pre_ping",
  "leak_warning",
  "connect_args",
  "echo",
  "isolation_level",
  "execution_options",
] as const

/** A key of {@link poolKeys}. */
export type PoolKey = (typeof poolKeys)[number]

/** A value, and the place that gave it: `pool_size in .mooring/secrets.toml`. */
export interface Sourced {
  readonly value: unknown
  readonly what: string
}

/** What the pool's keys of all layers come to. */
export interface EngineSettings {
  readonly pool: PoolSettings
  readonly connectArgs: Readonly<Record<string, unknown>>
  readonly echo: boolean
  /** SQLAlchemy's `isolation_level`, for sessions and transactions that ask for none. */
  readonly isolation: IsolationLevel | undefined
  /** How long a session may keep a connection before it is told of; milliseconds, `Infinity` for never. */
  readonly leakWarning: number
}

/**
 * Lays the pool's keys of one layer over those below. Within a layer a plain key is stronger than `[pool]`, and that
 * is stronger than `create_engine_kwargs`; tables of `connect_args` are merged key by key.
 *
 * @returns the keys that Mooring has no counterpart for.
 */
export function layPoolSettings(
  below: Map<PoolKey, Sourced>,
  values: Readonly<Record<string, unknown>>,
  source: string,
): string[] {
  const lacking: string[] = []
  const lay = (table: Readonly<Record<string, unknown>>, prefix: string, otherKey: (key: string) => void): void => {
    for (const [key, value] of Object.entries(table)) {
      if (value === undefined) continue
      if (!isPoolKey(key)) otherKey(key)
      else below.set(key, merged(below.get(key), { value, what: `${prefix}${key} in ${source}` }))
    }
  }
  for (const name of ["create_engine_kwargs", "pool"]) {
    if (values[name] === undefined) continue
    lay(readers.table(values[name], `${name} in ${source}`), `${name}.`, (key) => {
      if (name === "pool") throw unknownPoolKey(key, source)
      lacking.push(key)
    })
  }
  lay(values, "", () => {})
  return lacking
}

function merged(below: Sourced | undefined, above: Sourced): Sourced {
  if (!above.what.includes("connect_args") || below === undefined) return above
  const tables = [below, above].map(({ value, what }) => readers.table(value, what))
  return { ...above, value: { ...tables[0], ...tables[1] } }
}

/** The complete settings. Defaults and special values are SQLAlchemy's. */
export function toEngineSettings(given: ReadonlyMap<PoolKey, Sourced>): EngineSettings {
  const read = <T>(key: PoolKey, fallback: T, reader: (value: unknown, what: string) => T): T => {
    const found = given.get(key)
    return found ? reader(found.value, found.what) : fallback
  }
  return {
    pool: {
      size: read("pool_size", 5, (value, what) => readInteger(value, what, 0) || Number.POSITIVE_INFINITY),
      maxOverflow: read("max_overflow", 10, (value, what) => forEverIfMinusOne(readInteger(value, what, -1))),
      timeout: read("pool_timeout", 30_000, readers.duration),
      recycle: read("pool_recycle", Number.POSITIVE_INFINITY, (value, what) =>
        String(value).trim() === "-1" ? Number.POSITIVE_INFINITY : readers.duration(value, what),
      ),
      prePing: read("pool_pre_ping", false, readers.boolean),
    },
    connectArgs: read("connect_args", {}, readers.table),
    // SQLAlchemy's "debug" shows rows as well, which Mooring never does.
    echo: read("echo", false, (value, what) => value === "debug" || readers.boolean(value, what)),
    isolation: readIsolation(given),
    leakWarning: read("leak_warning", 300_000, readers.duration) || Number.POSITIVE_INFINITY,
  }
}

const levels = [
  "autocommit",
  "read uncommitted",
  "read committed",
  "repeatable read",
  "snapshot",
  "serializable",
] as const

/** As in SQLAlchemy: upper case, with spaces or underscores; `execution_options` count more. */
export type IsolationLevel = (typeof levels)[number]

function readIsolation(given: ReadonlyMap<PoolKey, Sourced>): IsolationLevel | undefined {
  const options = given.get("execution_options")
  const { isolation_level: inner } = options ? readers.table(options.value, options.what) : {}
  const found =
    options && inner !== undefined
      ? { value: inner, what: `isolation_level of ${options.what}` }
      : given.get("isolation_level")
  if (!found) return undefined
  const name = readers.text(found.value, found.what).trim().toLowerCase().replaceAll("_", " ")
  const level = levels.find((each) => each === name)
  if (level) return level
  throw new MooringError("BAD_CONFIG", `${found.what} must be an isolation level, but is another text.`, {
    hint: `The levels are ${levels.map((each) => each.toUpperCase()).join(", ")}.`,
  })
}

function forEverIfMinusOne(number: number): number {
  return number === -1 ? Number.POSITIVE_INFINITY : number
}

function isPoolKey(key: string): key is PoolKey {
  return (poolKeys as readonly string[]).includes(key)
}

function unknownPoolKey(key: string, source: string): MooringError {
  const guess = nearest(key, poolKeys) ?? nearest(`pool_${key}`, poolKeys)
  return new MooringError(
    "BAD_CONFIG",
    `[pool] in ${source} has ${JSON.stringify(key)}, which is no setting of a pool.`,
    {
      hint: guess === undefined ? `Its settings are ${poolKeys.join(", ")}.` : `Did you mean ${JSON.stringify(guess)}?`,
    },
  )
}
