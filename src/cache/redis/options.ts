import { MooringError } from "../../errors.ts"
import { type Duration, toMilliseconds } from "../../util/duration.ts"

/** A value that may have to be fetched, and may differ from one connect to the next. */
export type Fetched = string | (() => string | PromiseLike<string>)

/** Certificates in PEM. The server's is always verified. Functions are asked at every connect. */
export interface RedisTls {
  /** The authority that signed the server's certificate, where it is none of the public ones. */
  ca?: Fetched
  /** This client's own, for servers that ask for one. */
  cert?: Fetched
  key?: Fetched
  /** The name in the server's certificate, where it is not the host's. */
  servername?: string
}

/** Where a {@link redisStore} keeps results, and how long anything may wait for it. */
export interface RedisOptions {
  /**
   * `redis://[user:password@]host[:port][/database]`, `rediss://…` with TLS, or `unix:///path/to/socket`. User and
   * password are percent-encoded.
   */
  url: string
  username?: string
  /** In place of the URL's. A function is asked at every connect, so that a rotated password is found. */
  password?: Fetched
  tls?: RedisTls
  /** What the names of all keys begin with; `mooring:` by default. Programs that must not share have different ones. */
  prefix?: string
  /** How long one operation may take before the query goes on without the cache; 250 ms by default. */
  timeout?: Duration
  /** How long connecting may take; 1 s by default. */
  connectTimeout?: Duration
  /** How long after its death a process' unfinished execution keeps others from beginning their own; 5 s by default. */
  lease?: Duration
  /** After so long an entry goes, whatever its ttl; 30 days by default. */
  maxAge?: Duration
  /** Larger entries, as they are stored, are kept out; 64 MiB by default. */
  maxEntryBytes?: number
}

/** The options with everything decided. */
export interface RedisTarget {
  readonly place: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly tls: RedisTls | undefined
  readonly database: number
  readonly username: string | undefined
  readonly password: Fetched | undefined
  /** The place for people, without user or password. */
  readonly shown: string
  readonly prefix: string
  readonly timeout: number
  readonly connectTimeout: number
  readonly lease: number
  readonly maxAge: number
  readonly maxEntryBytes: number
}

/** @throws MooringError `BAD_CONFIG`. The URL is never quoted: it may hold a password. */
export function resolveRedis(options: RedisOptions): RedisTarget {
  const { prefix = "mooring:", maxEntryBytes = 64 * 1024 * 1024 } = options
  if (!(maxEntryBytes > 0)) throw bad("has a maxEntryBytes that is not a number above 0.")
  const address = readUrl(options.url)
  if (options.tls && !address.secure) throw bad("has tls, but its url does not begin with rediss://.")
  return {
    place: address.place,
    tls: address.secure ? (options.tls ?? {}) : undefined,
    database: address.database,
    username: options.username ?? address.username,
    password: options.password ?? address.password,
    shown: address.shown,
    prefix,
    timeout: above0(options.timeout ?? "250ms", "timeout"),
    connectTimeout: above0(options.connectTimeout ?? "1s", "connectTimeout"),
    lease: above0(options.lease ?? "5s", "lease"),
    maxAge: above0(options.maxAge ?? "30d", "maxAge"),
    maxEntryBytes,
  }
}

interface Address extends Pick<RedisTarget, "place" | "database" | "shown"> {
  readonly secure: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

function readUrl(text: unknown): Address {
  const url = typeof text === "string" ? parse(text) : undefined
  const secure = url?.protocol === "rediss:"
  if (!url || !["redis:", "rediss:", "unix:"].includes(url.protocol)) {
    throw bad("needs a url such as redis://localhost:6379, rediss://cache.example:6380/1 or unix:///run/redis.sock.")
  }
  const login = { username: decode(url.username), password: decode(url.password) }
  if (url.protocol === "unix:") {
    const path = decode(url.pathname) ?? ""
    const database = databaseOf(url.searchParams.get("db") ?? "")
    return { place: { path }, secure, database, shown: `unix://${path}`, ...login }
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1") || "localhost"
  const port = url.port === "" ? 6379 : Number(url.port)
  const database = databaseOf(url.pathname.slice(1))
  const shown = `${url.protocol}//${url.hostname || "localhost"}:${port}${database === 0 ? "" : `/${database}`}`
  return { place: { host, port }, secure, database, shown, ...login }
}

/** The error of `new URL` holds the text, and with it the password. */
function parse(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

function decode(part: string): string | undefined {
  if (part === "") return undefined
  try {
    return decodeURIComponent(part)
  } catch {
    throw bad("has a url in which user, password or path are not percent-encoded as URLs are.")
  }
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw bad("has a url whose database is not a number.")
  return Number(text)
}

function above0(duration: Duration, what: string): number {
  const ms = toMilliseconds(duration, what)
  if (!(ms > 0)) throw bad(`has ${what} 0, which leaves no time for anything.`)
  return ms
}

function bad(what: string): MooringError {
  return new MooringError("BAD_CONFIG", `The Redis cache ${what}`)
}
