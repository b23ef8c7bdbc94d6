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
import { adviceFor } from "./other-programs.ts"
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
  /** What the error says when there is nothing: the files that were looked at, and what was probably meant. */
  readonly secrets?: { readonly places: readonly string[]; meant(name: string): string }
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
    const streamlit = layers.some((layer) => layer.streamlit)
    const unused: string[] = lacking.length > 0 ? [lackingWarning(lacking, dialect)] : []
    const { settings, query } = readSettings(dialect, read, from, unused)
    const connectArgs = streamlit ? knownArgs(engine.connectArgs, dialect, unused) : engine.connectArgs
    if (unused.length > 0) warnings.push(unused.join(" "))
    return {
      dialect,
      warnings,
      echo: engine.echo,
      leakWarning: engine.leakWarning,
      queryTtl: strongest(layers, "query_ttl")?.value,
      values: strongest(layers, "values")?.value,
      streamlit,
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
        connectArgs,
        pool: engine.pool,
        ...readAutocommit(layers, engine, query),
        ...(engine.isolation !== undefined && engine.isolation !== "autocommit" && { isolation: engine.isolation }),
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

/** Mooring's own key; otherwise SQLAlchemy's level, or the argument of Python's drivers. */
function readAutocommit(
  layers: readonly Layer[],
  { isolation, connectArgs }: EngineSettings,
  query: SqlConfig["query"],
): Pick<SqlConfig, "autocommit" | "ignoresCommit"> {
  const own = strongest(layers, "autocommit")
  if (own) return { autocommit: readers.boolean(own.value, own.what) }
  const ofDriver = connectArgs.autocommit ?? query.autocommit
  const asked = ofDriver !== undefined && readers.boolean(ofDriver, "autocommit in the URL's query or connect_args")
  const autocommit = isolation === undefined ? asked : isolation === "autocommit"
  return autocommit ? { autocommit, ignoresCommit: true } : { autocommit }
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
  unused: string[],
): Pick<SqlConfig, "settings" | "query"> {
  const settings = new Map<string, unknown>()
  const query = new Map<string, string>()
  layers.forEach(({ source, values, parts, streamlit }, index) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined || commonKeys.includes(key)) continue
      if (settingOf(dialect, key)) readInto(settings, dialect, key, value, `${key} in ${source}`)
      else if (index >= from) refuse(unknownKey(key, source, dialect), streamlit, unused)
    }
    if (index < from) return
    for (const [key, value] of Object.entries(parts.query ?? {})) {
      if (settingOf(dialect, key)) readInto(settings, dialect, key, value, `${key} in the query of ${source}`)
      else if (dialect.urlKeys?.test(key) ?? true) query.set(key, value)
      else refuse(unknownUrlKey(key, dialect), streamlit, unused)
    }
  })
  return { settings: Object.fromEntries(settings), query: Object.fromEntries(query) }
}

function settingOf(dialect: Dialect, key: string): Setting | undefined {
  return Object.hasOwn(dialect.settings, key) ? dialect.settings[key] : undefined
}

function readInto(settings: Map<string, unknown>, dialect: Dialect, key: string, value: unknown, what: string): void {
  const setting = settingOf(dialect, key)!
  const other = setting.otherwise === undefined ? undefined : settingOf(dialect, setting.otherwise)
  if (other?.oneOf?.includes(String(value))) settings.set(setting.otherwise!, value)
  else settings.set(key, readSetting(value, setting, what))
}

/** Streamlit leaves keys that it does not know alone, and its files must work unchanged: there it is a warning. */
function refuse(problem: MooringError, streamlit: boolean | undefined, unused: string[]): void {
  if (!streamlit) throw problem
  unused.push(`${problem.message} ${problem.hint}`)
}

/** A URL may be torn where a password has an unescaped character: only keys that are known to somebody are named. */
function unknownUrlKey(key: string, dialect: Dialect): MooringError {
  const known = Object.keys(dialect.settings)
  const advice = adviceFor(key, dialect.name)
  const guess = advice === undefined ? nearest(key, known) : undefined
  const named = advice === undefined ? "a key" : JSON.stringify(key)
  return new MooringError(
    "BAD_CONFIG",
    `The URL's query has ${named}, which ${dialect.name} connections do not have.`,
    {
      hint:
        advice ?? (guess === undefined ? `It takes ${known.join(", ")}.` : `Did you mean ${JSON.stringify(guess)}?`),
    },
  )
}

/** The connect_args that the dialect has a use for. */
function knownArgs(given: SqlConfig["connectArgs"], dialect: Dialect, unused: string[]): SqlConfig["connectArgs"] {
  const known = dialect.connectArgs
  if (known === undefined) return given
  const isKnown = (key: string) => settingOf(dialect, key) !== undefined || known.test(key)
  const others = Object.keys(given).filter((key) => !isKnown(key))
  if (others.length > 0) {
    const hints = others.map((key) => adviceFor(key, dialect.name)).filter((hint) => hint !== undefined)
    unused.push(
      [`connect_args has ${others.join(", ")}, which ${dialect.name} connections do not have.`, ...hints].join(" "),
    )
  }
  return Object.fromEntries(Object.entries(given).filter(([key]) => isKnown(key)))
}

function unknownKey(key: string, source: string, dialect: Dialect): MooringError {
  const known = [...commonKeys, ...Object.keys(dialect.settings)]
  const guess = Object.hasOwn(synonyms, key) ? synonyms[key] : nearest(key, known)
  const advice = Object.hasOwn(synonyms, key) ? undefined : adviceFor(key, dialect.name)
  return new MooringError(
    "BAD_CONFIG",
    `${JSON.stringify(key)} in ${source} is no setting of a ${dialect.name} connection.`,
    {
      hint:
        advice ??
        (guess === undefined ? `Its settings are ${known.join(", ")}.` : `Did you mean ${JSON.stringify(guess)}?`),
    },
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
  if (!given) return missingConfiguration(context)
  const keys = layers.flatMap(({ values }) => Object.keys(values))
  const guess = keys
    .map((key) => [key, nearest(key, ["url", "dialect"])] as const)
    .find(([, near]) => near !== undefined)
  return new MooringError("BAD_CONFIG", `[connections.${context.connection}] gives neither url nor dialect.`, {
    hint: guess
      ? `It has ${JSON.stringify(guess[0])}. Did you mean ${JSON.stringify(guess[1])}?`
      : 'Add url = "dialect://…", or dialect = "…" beside the other keys.',
  })
}

/** The error for a connection of which nothing is known. */
export function missingConfiguration({ connection, projectDir, secrets }: ConfigContext): MooringError {
  const section = /^[\w-]+$/.test(connection) ? connection : JSON.stringify(connection)
  const places = secrets?.places.join(", ")
  const looked = places ? ` Looked at ${places}, in the folder ${projectDir}.` : ""
  return new MooringError("NO_CONFIG", `Missing SQL connection configuration [connections.${section}].${looked}`, {
    connection,
    hint:
      secrets?.meant(connection) ||
      `Add to .mooring/secrets.toml:\n[connections.${section}]\nurl = "postgresql://user:password@localhost/database"`,
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
