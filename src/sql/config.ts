import { isMooringError, MooringError } from "../errors.ts"
import { nearest } from "../util/suggest.ts"
import {
  dialectNamed,
  type Layer,
  mergeParts,
  type Parts,
  partKeys,
  type ReadLayer,
  readParts,
} from "./config-parts.ts"
import type { Dialect, Setting, SqlConfig } from "./dialect.ts"
import {
  type EngineSettings,
  layPoolSettings,
  type PoolKey,
  poolKeys,
  type Sourced,
  toEngineSettings,
} from "./pool-settings.ts"
import { readers, readSetting } from "./setting-values.ts"

/** Where the configuration belongs. */
export interface ConfigContext {
  /** The connection's name. */
  readonly connection: string
  readonly projectDir: string
  /** The files that were looked at, for the error when there is nothing. */
  readonly places?: readonly string[]
}

/** A complete configuration, and what to tell about it. */
export interface ResolvedSql {
  readonly config: SqlConfig
  readonly dialect: Dialect
  /** Sentences, each to be shown once, with the connection's name before it. None holds a value. */
  readonly warnings: readonly string[]
  /** SQLAlchemy's `echo`: show statements as they run. */
  readonly echo: boolean
  /** How long a session may keep a connection before it is told of; milliseconds. */
  readonly leakWarning: number
  /** `query_ttl` and `values` as given: the cache's and the tables' affair. */
  readonly queryTtl: unknown
  readonly values: unknown
  /** Some of it is from a file of Streamlit's, which has to work unchanged. */
  readonly streamlit: boolean
}

const commonKeys: readonly string[] = [
  "url",
  ...partKeys,
  "autocommit",
  "pool",
  "create_engine_kwargs",
  ...poolKeys,
  "query_ttl",
  "values",
]

/** Other people's names for our keys, too far from them for a guess by spelling. */
const synonyms: Readonly<Record<string, string>> = {
  user: "username",
  pass: "password",
  pwd: "password",
  hostname: "host",
  server: "host",
  dbname: "database",
  db: "database",
  file: "database",
  path: "database",
  uri: "url",
  dsn: "url",
  connection_string: "url",
}

/**
 * One complete configuration out of all that was given: loose in, complete out.
 *
 * @param layers the weakest first, the call's options last. A stronger layer wins part by part; within one layer the
 * URL wins over parts, with a warning. A URL of another dialect in a stronger layer replaces all of the address below.
 * @throws MooringError `NO_CONFIG` if there is nothing, `BAD_CONFIG` for unknown keys and values that cannot be read.
 */
export function toSqlConfig(
  layers: readonly Layer[],
  dialects: readonly Dialect[],
  context: ConfigContext,
): ResolvedSql {
  const warnings: string[] = []
  try {
    const read = layers.map((layer) => readParts(layer, dialects, warnings))
    const { parts, from } = mergeParts(read, dialects)
    if (parts.dialect === undefined) throw noDialect(layers, context)
    const dialect = dialectNamed(parts.dialect, dialects)
    requireParts(dialect, parts)
    checkDriver(dialect, parts.driver, warnings)
    const { engine, lacking } = readEngine(layers)
    if (lacking.length > 0) warnings.push(lackingWarning(lacking, dialect))
    const autocommit = strongest(layers, "autocommit")
    const { settings, query } = readSettings(dialect, read, from, warnings)
    return {
      dialect,
      warnings,
      echo: engine.echo,
      leakWarning: engine.leakWarning,
      queryTtl: strongest(layers, "query_ttl")?.value,
      values: strongest(layers, "values")?.value,
      streamlit: layers.some((layer) => layer.streamlit),
      config: {
        dialect: dialect.name,
        driver: parts.driver,
        username: parts.username,
        password: parts.password,
        host: parts.host,
        port: parts.port,
        database: parts.database,
        query,
        settings,
        connectArgs: engine.connectArgs,
        pool: engine.pool,
        autocommit: autocommit ? readers.boolean(autocommit.value, autocommit.what) : false,
        projectDir: context.projectDir,
      },
    }
  } catch (error) {
    throw inConnection(error, context)
  }
}

function strongest(layers: readonly Layer[], key: string): Sourced | undefined {
  const found = layers.findLast(({ values }) => values[key] !== undefined)
  return found && { value: found.values[key], what: `${key} in ${found.source}` }
}

function readEngine(layers: readonly Layer[]): { engine: EngineSettings; lacking: string[] } {
  const given = new Map<PoolKey, Sourced>()
  const lacking = layers.flatMap(({ values, source }) => layPoolSettings(given, values, source))
  return { engine: toEngineSettings(given), lacking: [...new Set(lacking)] }
}

/** The keys that the dialect declares, typed, from sections and from the query of URLs. All other keys are refused. */
function readSettings(
  dialect: Dialect,
  layers: readonly ReadLayer[],
  from: number,
  warnings: string[],
): Pick<SqlConfig, "settings" | "query"> {
  const settings = new Map<string, unknown>()
  const query = new Map<string, string>()
  layers.forEach(({ source, values, parts, streamlit }, index) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined || commonKeys.includes(key)) continue
      const setting = settingOf(dialect, key)
      if (setting) settings.set(key, readSetting(value, setting, `${key} in ${source}`))
      else if (index >= from) refuse(unknownKey(key, source, dialect), streamlit, warnings)
    }
    if (index < from) return
    for (const [key, value] of Object.entries(parts.query ?? {})) {
      const setting = settingOf(dialect, key)
      if (setting) settings.set(key, readSetting(value, setting, `${key} in the query of ${source}`))
      else query.set(key, value)
    }
  })
  return { settings: Object.fromEntries(settings), query: Object.fromEntries(query) }
}

function settingOf(dialect: Dialect, key: string): Setting | undefined {
  return Object.hasOwn(dialect.settings, key) ? dialect.settings[key] : undefined
}

/** Streamlit leaves keys that it does not know alone, and its files must work unchanged: there it is a warning. */
function refuse(problem: MooringError, streamlit: boolean | undefined, warnings: string[]): void {
  if (!streamlit) throw problem
  warnings.push(`${problem.message} ${problem.hint}`)
}

function unknownKey(key: string, source: string, dialect: Dialect): MooringError {
  const known = [...commonKeys, ...Object.keys(dialect.settings)]
  const guess = Object.hasOwn(synonyms, key) ? synonyms[key] : nearest(key, known)
  return new MooringError(
    "BAD_CONFIG",
    `${JSON.stringify(key)} in ${source} is no setting of a ${dialect.name} connection.`,
    { hint: guess === undefined ? `Its settings are ${known.join(", ")}.` : `Did you mean ${JSON.stringify(guess)}?` },
  )
}

function requireParts(dialect: Dialect, parts: Parts): void {
  const lacking = (dialect.requires ?? []).filter((key) => parts[key] === undefined)
  if (lacking.length === 0) return
  throw new MooringError("BAD_CONFIG", `A ${dialect.name} connection needs ${lacking.join(" and ")}.`, {
    hint: `Give ${lacking.map((key) => `${key} = "…"`).join(" and ")}, or a url that has it.`,
  })
}

function lackingWarning(keys: readonly string[], dialect: Dialect): string {
  const guesses = keys.map((key) => nearest(key, poolKeys)).filter((guess) => guess !== undefined)
  const hint = guesses.length > 0 ? ` Did you mean ${guesses.join(", ")}?` : ""
  return `create_engine_kwargs has ${keys.join(", ")}, which Mooring's ${dialect.name} connections do not have.${hint}`
}

function checkDriver({ name, driver }: Dialect, given: string | undefined, warnings: string[]): void {
  if (given === undefined || driver === undefined) return
  if (given === driver.package || driver.aliases?.includes(given)) return
  warnings.push(`${JSON.stringify(given)} is no driver of ${name} that Mooring knows: ${driver.package} is used.`)
}

function noDialect(layers: readonly Layer[], context: ConfigContext): MooringError {
  const given = layers.some(({ values }) => Object.values(values).some((value) => value !== undefined))
  if (!given) return missingConfiguration(context.connection, context.places)
  return new MooringError("BAD_CONFIG", `[connections.${context.connection}] gives neither url nor dialect.`, {
    hint: 'Add url = "dialect://…", or dialect = "…" beside the other keys.',
  })
}

/** The error for a connection of which nothing is known. */
export function missingConfiguration(connection: string, places: readonly string[] = []): MooringError {
  const section = /^[\w-]+$/.test(connection) ? connection : JSON.stringify(connection)
  const looked = places.length > 0 ? ` Looked at ${places.join(", ")}.` : ""
  return new MooringError("NO_CONFIG", `Missing SQL connection configuration [connections.${section}].${looked}`, {
    connection,
    hint: `Add to .mooring/secrets.toml:\n[connections.${section}]\nurl = "postgresql://user:password@localhost/database"`,
  })
}

function inConnection(error: unknown, { connection }: ConfigContext): unknown {
  if (!isMooringError(error) || error.connection !== undefined) return error
  const hint = error.hint === undefined ? {} : { hint: error.hint }
  return new MooringError(error.code, `Connection ${JSON.stringify(connection)}: ${error.message}`, {
    connection,
    ...hint,
  })
}
