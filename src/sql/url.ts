import { MooringError } from "../errors.ts"
import { isSecretKey } from "../secrets/index.ts"

/** What a database URL says. What it leaves out is undefined. */
export interface UrlParts {
  /** As written before the `+` or `://`. */
  readonly dialect: string
  /** As written after the `+`. */
  readonly driver: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly database: string | undefined
  readonly query: Readonly<Record<string, string>>
}

/**
 * Reads a URL by SQLAlchemy's grammar, `dialect+driver://user:password@host:port/database?key=value`.
 *
 * The grammar is not the web's: a password reaches from the first colon to the next `@` and may hold `/`, `#` and `?`;
 * there is no fragment; `sqlite:///pets.db` is a relative path and `sqlite:////pets.db` an absolute one. Source:
 * `sqlalchemy.engine.url`, compared with version 2.1.
 *
 * @throws MooringError `BAD_CONFIG`. No part of the URL beyond its scheme is in the message.
 */
export function parseUrl(text: string): UrlParts {
  const url = text.trim()
  const scheme = /^(\w+)(?:\+(\w+))?:\/\//.exec(url)
  if (!scheme) throw notUrl(url)
  const { username, password, rest } = splitUser(url.slice(scheme[0].length))
  const { host, port, tail } = splitHost(rest)
  const mark = tail.indexOf("?")
  const path = mark === -1 ? tail : tail.slice(0, mark)
  // The path is shown as the database.
  const isTorn = path.includes("@") && (nonEmpty(host) !== undefined || /:[^/\\]*@/.test(path))
  if (host?.includes("@") || isTorn || (password !== undefined && tail.includes("@"))) {
    const what = url.indexOf("@") === url.lastIndexOf("@") ? "a / before its @" : "more than one @"
    throw bad(
      `The database URL has ${what}, so that its password cannot be told from its host.`,
      "Inside a user name, password, database or query, write @ as %40, ? as %3F, / as %2F and # as %23.",
    )
  }
  return {
    dialect: scheme[1]!,
    driver: scheme[2],
    username: nonEmpty(username),
    password: password === undefined ? undefined : unquote(password),
    host: nonEmpty(host),
    port,
    database: nonEmpty(path.slice(1)),
    query: mark === -1 ? {} : parseQuery(tail.slice(mark + 1)),
  }
}

function splitUser(text: string): { username?: string; password?: string; rest: string } {
  const stop = text.search(/[:/]/)
  const head = stop === -1 ? text : text.slice(0, stop)
  const afterPassword = text[stop] === ":" ? text.indexOf("@", stop) : -1
  if (afterPassword !== -1) {
    return { username: head, password: text.slice(stop + 1, afterPassword), rest: text.slice(afterPassword + 1) }
  }
  const at = head.lastIndexOf("@")
  return at === -1 ? { rest: text } : { username: head.slice(0, at), rest: text.slice(at + 1) }
}

function splitHost(text: string): { host?: string; port: number | undefined; tail: string } {
  const end = text.search(/[/?]/)
  const place = end === -1 ? text : text.slice(0, end)
  const tail = end === -1 ? "" : text.slice(end)
  if (place.includes(",")) {
    throw bad(
      "The database URL names several hosts.",
      "Name one host, or give the pooler's or load balancer's address.",
    )
  }
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(place)
  if (!match) {
    throw bad(
      "The database URL has a host or port that cannot be read.",
      "It is dialect://user:password@host:port/database; a port is a number, and an IPv6 address stands in brackets.",
    )
  }
  const host = match[1] ?? match[2]
  const port = match[3] ? Number(match[3]) : undefined
  if (port !== undefined && port > 65_535) throw bad("The database URL has a port beyond 65535.", "Check it.")
  return { ...(host === undefined ? {} : { host }), port, tail }
}

/** A `k=v&k=v` text. Keys without a value are dropped, as SQLAlchemy does. */
export function parseQuery(text: string): Record<string, string> {
  const query = new Map<string, string>()
  for (const pair of text.split("&")) {
    const equals = pair.indexOf("=")
    if (equals === -1 || equals === pair.length - 1) continue
    const key = unquote(pair.slice(0, equals).replaceAll("+", " "))
    if (query.has(key)) {
      throw bad(
        `The database URL gives ${key === "host" ? "host" : "a key"} more than once.`,
        key === "host" ? "Name one host." : "Give it once.",
      )
    }
    query.set(key, unquote(pair.slice(equals + 1).replaceAll("+", " ")))
  }
  return Object.fromEntries(query)
}

/**
 * The URL of these parts, with `***` for the password and for every value of the query that looks like a secret.
 *
 * @example displayUrl(parseUrl("postgres://ada:secret@db/pets")) // "postgres://ada:***@db/pets"
 */
export function displayUrl(parts: UrlParts): string {
  const query = Object.entries(parts.query).map(([key, value]) => [key, isSecretKey(key, value) ? "***" : value])
  return formatUrl({ ...parts, password: parts.password && "***", query: Object.fromEntries(query) })
}

/** The URL of these parts, password included: {@link parseUrl} gives the parts back. */
export function formatUrl(parts: UrlParts): string {
  let url = `${parts.dialect}${parts.driver === undefined ? "" : `+${parts.driver}`}://`
  if (parts.username !== undefined || parts.password !== undefined) {
    url += quote(parts.username ?? "")
    if (parts.password !== undefined) url += `:${quote(parts.password)}`
    url += "@"
  }
  if (parts.host !== undefined)
    url += parts.host.includes(":") ? `[${quote(parts.host).replaceAll("%3A", ":")}]` : quote(parts.host)
  if (parts.port !== undefined) url += `:${parts.port}`
  if (parts.database !== undefined) url += `/${quote(parts.database).replaceAll("%2F", "/").replaceAll("%3A", ":")}`
  const query = Object.entries(parts.query).map(([key, value]) => `${quote(key)}=${quote(value)}`)
  return query.length === 0 ? url : `${url}?${query.join("&")}`
}

function quote(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

/** Percent-decoding as Python's: what is no escape stays as it is, and bytes that are no UTF-8 become U+FFFD. */
function unquote(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString())
}

function nonEmpty(text: string | undefined): string | undefined {
  return text ? unquote(text) : undefined
}

function notUrl(url: string): MooringError {
  const hint = url.startsWith("jdbc:")
    ? "Take the jdbc: at its beginning away, and write user and password before the host."
    : "It is dialect://user:password@host:port/database, as postgresql://ada@localhost/pets or sqlite:///pets.db."
  return bad("The text given as url is no database URL.", hint)
}

function bad(message: string, hint: string): MooringError {
  return new MooringError("BAD_CONFIG", message, { hint })
}
