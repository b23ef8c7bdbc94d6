import type { Table, ValueOptions } from "../tables/index.ts"
import type { Duration } from "../util/duration.ts"
import type { Progress } from "./dialect.ts"
import type { Params } from "./params.ts"
import type { SqlFragment } from "./template.ts"

/** The tables of a database that nobody described: every name is allowed. */
// biome-ignore lint/suspicious/noExplicitAny: Kysely's own word for a database whose tables are not known.
export type AnyDatabase = any

/** A statement: text, or what the `sql` template made. */
export type SqlText = string | SqlFragment

/** What every call on a SQL connection takes. */
export interface CallOptions {
  /** Covers all of it: the wait for a connection, the connect, retries, rows. */
  timeout?: Duration
  signal?: AbortSignal
  /** Allows the call inside this connection's own transaction callback, where it runs on another connection. */
  outside?: boolean
}

/** What reading calls take. */
export interface ReadCallOptions extends CallOptions {
  /** An object binds `:name`, an array binds `?`. */
  params?: Params
  /** How values appear in JavaScript. */
  values?: ValueOptions
}

/** What `query()` takes. */
export interface QueryOptions extends ReadCallOptions {
  /** The greatest age of a kept result that this caller accepts. At 0 nothing is kept. */
  ttl?: Duration
  /** Ignores what is kept or was begun earlier, and keeps its own result. */
  fresh?: boolean
  /** So long beyond `ttl`, an old result is served at once while a new one is fetched (RFC 5861). */
  staleWhileRevalidate?: Duration
  /** So long beyond `ttl`, an old result is served when the database cannot be reached (RFC 5861). */
  staleIfError?: Duration
  /** More rows are an error (`TOO_LARGE`), never a cut. */
  maxRows?: number
  /** More bytes of columns are an error (`TOO_LARGE`). */
  maxBytes?: number
  onProgress?: (progress: Progress) => void
  /** `false` for a statement that must change something: then it is neither cached nor retried. */
  readOnly?: boolean
}

/** What `stream()` takes. */
export interface StreamCallOptions extends ReadCallOptions {
  /** About how many rows a batch has; default 65,536. */
  batchRows?: number
}

/** What `execute()` gives. */
export interface ExecuteResult<Row = Record<string, unknown>> {
  /** Rows that were changed. */
  readonly rowCount: number
  /**
   * The key that the database made for the inserted row, where it reports one. Of several rows in one statement, SQLite
   * reports the last one's and MySQL the first one's; of several sets of params, it is that of the last statement.
   */
  readonly lastInsertId?: number | bigint
  /** What `returning` gave; without it, a table without columns. */
  readonly rows: Table<Row>
}
