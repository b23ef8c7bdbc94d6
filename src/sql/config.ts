import { isMooringError, MooringError } from "../errors.ts"
import { didYouMean, nearest } from "../util/suggest.ts"
import type { Dialect, SqlConfig } from "./dialect.ts"
import { layPoolSettings, type PoolKey, poolKeys, type Sourced, toEngineSettings } from "./pool-settings.ts"
import { readers, readInteger, readSetting } from "./setting-values.ts"
import { parseUrl, type UrlParts } from "./url.ts"

/** What one source says: a file, the environment, or the call's options. */
export interface Layer {
  /** For sentences: `.mooring/secrets.toml`, `the options`. */
  readonly source: string
  readonly values: Readonly<Record<string, unknown>>
}

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
  /** Sentences, each to be shown once. None holds a value. */
  readonly warnings: readonly string[]
  /** SQLAlchemy's `echo`: show statements as they run. */
  readonly echo: boolean
  /** `query_ttl` and `values` as given: the cache's and the tables' affair. */
  readonly queryTtl: unknown
  readonly values: unknown
}

const partKeys = ["dialect", "driver", "username", "password", "host", "port", "database", "query"] as const
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

type Parts = Partial<UrlParts>

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
  const pool = new Map<PoolKey, Sourced>()
  const lacking: string[] = []
  let parts: Parts = {}
  let others = new Map<string, Sourced & { source: string }>()
  let replaced = new Set<string>()
  try {
    for (const { source, values } of layers) {
      const given = readParts(values, source, dialects, warnings)
      const changed = given.dialect !== undefined && parts.dialect !== undefined && !same(given, parts, dialects)
      if (changed && values.url !== undefined) {
        parts = {}
        replaced = new Set(others.keys())
      }
      parts = { ...parts, ...(changed && { driver: undefined }), ...given, query: { ...parts.query, ...given.query } }
      lacking.push(...layPoolSettings(pool, values, source))
      for (const [key, value] of Object.entries(values)) {
        if (value === undefined) continue
        others = others.set(key, { value, what: `${key} in ${source}`, source })
        replaced.delete(key)
      }
    }
    if (parts.dialect === undefined) throw noDialect(parts, layers, context)
    const dialect = dialectNamed(parts.dialect, dialects)
    const rest = liftFromQuery(parts)
    const settings = readSettings(dialect, rest.query, others, replaced, warnings)
    requireParts(dialect, rest)
    const engine = toEngineSettings(pool)
    if (lacking.length > 0) warnings.push(lackingWarning(lacking, dialect))
    const autocommit = others.get("autocommit")
    return {
      dialect,
      warnings,
      echo: engine.echo,
      queryTtl: others.get("query_ttl")?.value,
      values: others.get("values")?.value,
      config: {
        dialect: dialect.name,
        driver: rest.driver,
        username: rest.username,
        password: rest.password,
        host: rest.host,
        port: rest.port,
        database: rest.database,
        query: settings.query,
        settings: settings.settings,
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

/** The dialect of this name or alias. */
export function dialectNamed(name: string, dialects: readonly Dialect[]): Dialect {
  const wanted = name.toLowerCase()
  const found = dialects.find((dialect) => dialect.name === wanted || dialect.aliases.includes(wanted))
  if (found) return found
  const names = dialects.map((dialect) => dialect.name)
  const guess = didYouMean(
    name,
    dialects.flatMap((dialect) => [dialect.name, ...dialect.aliases]),
  )
  throw new MooringError("BAD_CONFIG", `There is no dialect ${JSON.stringify(name)}.`, {
    hint: `${guess} Mooring has ${names.join(", ")}.`.trim(),
  })
}

/** What a layer says of dialect and address: its own keys, with its URL over them. */
function readParts(values: Layer["values"], source: string, dialects: readonly Dialect[], warnings: string[]): Parts {
  const own = readOwnParts(values, source)
  if (values.url === undefined || values.url === "") return own
  const url = parseUrl(readers.text(values.url, `url in ${source}`))
  const given = definedOnly(url)
  const beaten = partKeys.filter((key) => {
    if (key === "query" || own[key] === undefined || given[key] === undefined) return false
    return key === "dialect" ? !same(own, url, dialects) : own[key] !== given[key]
  })
  if (beaten.length > 0) {
    warnings.push(`${source} gives url as well as ${beaten.join(", ")}: what the url says is used.`)
  }
  return { ...own, ...given, query: { ...own.query, ...url.query } }
}

function readOwnParts(values: Layer["values"], source: string): Parts {
  const text = (key: (typeof partKeys)[number]): string | undefined => {
    const value = values[key]
    return value === undefined || (value === "" && key !== "password")
      ? undefined
      : readers.text(value, `${key} in ${source}`)
  }
  const [dialect, driver] = text("dialect")?.split("+") ?? []
  const port = text("port")
  const query = values.query === undefined ? {} : readers.table(values.query, `query in ${source}`)
  return definedOnly({
    dialect,
    driver: text("driver") ?? driver,
    username: text("username"),
    password: text("password"),
    host: text("host"),
    port: port === undefined ? undefined : readInteger(port, `port in ${source}`, 0, 65_535),
    database: text("database"),
    query: Object.fromEntries(
      Object.entries(query).map(([key, value]) => [key, readers.text(value, `query.${key} in ${source}`)]),
    ),
  })
}

function definedOnly<T extends object>(parts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as never
}

function same(a: Parts, b: Parts, dialects: readonly Dialect[]): boolean {
  const canonical = ({ dialect = "" }: Parts): string => {
    const name = dialect.toLowerCase()
    return dialects.find((known) => known.name === name || known.aliases.includes(name))?.name ?? name
  }
  return canonical(a) === canonical(b)
}

/** A URL may give the address in its query, as for a socket: `postgresql:///pets?host=/run/postgresql`. */
function liftFromQuery(parts: Parts): Parts & { query: Record<string, string> } {
  const { host, port, user, password, dbname, ...query } = parts.query ?? {}
  const lifted = {
    host,
    port: port === undefined ? undefined : readInteger(port, "port in the URL's query", 0, 65_535),
    username: user,
    password,
    database: dbname,
  }
  return { ...parts, ...definedOnly(lifted), query }
}

/** The keys that the dialect declares, typed, also those that the URL's query gives. All other keys are refused. */
function readSettings(
  dialect: Dialect,
  urlQuery: Readonly<Record<string, string>>,
  others: ReadonlyMap<string, Sourced & { source: string }>,
  replaced: ReadonlySet<string>,
  warnings: string[],
): Pick<SqlConfig, "settings" | "query"> {
  const settings: Record<string, unknown> = {}
  const query: Record<string, string> = {}
  for (const [key, value] of Object.entries(urlQuery)) {
    const setting = Object.hasOwn(dialect.settings, key) ? dialect.settings[key] : undefined
    if (setting) settings[key] = readSetting(value, setting, `${key} in the URL's query`)
    else query[key] = value
  }
  for (const [key, { value, what, source }] of others) {
    const setting = Object.hasOwn(dialect.settings, key) ? dialect.settings[key] : undefined
    if (setting) settings[key] = readSetting(value, setting, what)
    else if (!commonKeys.includes(key) && !replaced.has(key)) {
      const problem = unknownKey(key, source, dialect)
      // Streamlit leaves keys that it does not know alone, and its files must work unchanged.
      if (!/(^|[\\/])\.streamlit[\\/]/.test(source)) throw problem
      warnings.push(`${problem.message} ${problem.hint}`)
    }
  }
  return { settings, query }
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

function noDialect(parts: Parts, layers: readonly Layer[], context: ConfigContext): MooringError {
  const { query: _query, ...given } = parts
  const keys = Object.keys(given)
  if (keys.length === 0 && layers.every(({ values }) => Object.keys(values).length === 0)) {
    return missingConfiguration(context.connection, context.places)
  }
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
