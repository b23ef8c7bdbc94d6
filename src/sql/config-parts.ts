import { MooringError } from "../errors.ts"
import { isOtherDatabase } from "../util/other-databases.ts"
import { didYouMean } from "../util/suggest.ts"
import type { Dialect } from "./dialect.ts"
import { readers, readInteger } from "./setting-values.ts"
import { parseUrl, type UrlParts } from "./url.ts"

/** What one source says: a file, the environment, or the call's options. */
export interface Layer {
  /** For sentences: `.mooring/secrets.toml`, `the options`. */
  readonly source: string
  readonly values: Readonly<Record<string, unknown>>
  /** It is a file of Streamlit's, which has to work unchanged. */
  readonly streamlit?: boolean
}

/** What one source, or several, say of dialect and address. */
export type Parts = Partial<UrlParts>

/** A layer whose address was read. */
export interface ReadLayer extends Layer {
  readonly parts: Parts
}

/** The keys of a section that say what and where the database is. */
export const partKeys = ["dialect", "driver", "username", "password", "host", "port", "database", "query"] as const

/** What a layer says of dialect and address: its own keys, with its URL over them. */
export function readParts(layer: Layer, dialects: readonly Dialect[], warnings: string[]): ReadLayer {
  const { source, values } = layer
  const own = readOwnParts(layer)
  if (values.url === undefined || values.url === "") return { ...layer, parts: liftFromQuery(own) }
  const url = parseUrl(readers.text(values.url, `url in ${source}`))
  const given = definedOnly(url)
  const beaten = partKeys.filter((key) => {
    if (key === "query" || own[key] === undefined || given[key] === undefined) return false
    return key === "dialect" ? !isSameDialect(own, url, dialects) : own[key] !== given[key]
  })
  if (beaten.length > 0) {
    warnings.push(`${source} gives url as well as ${beaten.join(", ")}: what the url says is used.`)
  }
  return { ...layer, parts: liftFromQuery({ ...own, ...given, query: { ...own.query, ...url.query } }) }
}

function readOwnParts({ source, values }: Layer): Parts {
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

/** A URL may give the address in its query, as for a socket: `postgresql:///pets?host=/run/postgresql`. */
function liftFromQuery(parts: Parts): Parts {
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

/**
 * The layers' parts laid over each other, the strongest last.
 *
 * `from` is the layer whose URL named another dialect than those below it: their address counts no more, and what they
 * say of their own dialect neither.
 */
export function mergeParts(layers: readonly ReadLayer[], dialects: readonly Dialect[]): { parts: Parts; from: number } {
  let parts: Parts = {}
  let from = 0
  layers.forEach(({ parts: given, values }, index) => {
    if (parts.dialect !== undefined && given.dialect !== undefined && !isSameDialect(parts, given, dialects)) {
      if (values.url === undefined) parts = { ...parts, driver: undefined }
      else {
        parts = {}
        from = index
      }
    }
    parts = { ...parts, ...given, query: { ...parts.query, ...given.query } }
  })
  return { parts, from }
}

function definedOnly<T extends object>(parts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as never
}

function isSameDialect(a: Parts, b: Parts, dialects: readonly Dialect[]): boolean {
  const canonical = ({ dialect = "" }: Parts): string => findDialect(dialect, dialects)?.name ?? dialect
  return canonical(a) === canonical(b)
}

function findDialect(name: string, dialects: readonly Dialect[]): Dialect | undefined {
  const wanted = name.toLowerCase()
  return dialects.find((dialect) => dialect.name === wanted || dialect.aliases.includes(wanted))
}

/** The dialect of this name or alias. */
export function dialectNamed(name: string, dialects: readonly Dialect[]): Dialect {
  const found = findDialect(name, dialects)
  if (found) return found
  const names = dialects.map((dialect) => dialect.name)
  if (isOtherDatabase(name)) {
    const hint = `Mooring has ${names.join(", ")}.`
    throw new MooringError("BAD_CONFIG", `The dialect ${name.toLowerCase()} is not supported yet.`, { hint })
  }
  const guess = didYouMean(
    name,
    dialects.flatMap((dialect) => [dialect.name, ...dialect.aliases]),
  )
  throw new MooringError("BAD_CONFIG", `There is no dialect ${JSON.stringify(name)}.`, {
    hint: `${guess} Mooring has ${names.join(", ")}.`.trim(),
  })
}
