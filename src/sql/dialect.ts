import type { ErrorCode, QueryErrorKind, QueryErrorObjects } from "../errors.ts"
import type { Schema, Table } from "../tables/index.ts"
import type { Syntax } from "./syntax.ts"

/**
 * The contract of a dialect: everything that Mooring needs to know about one kind of database, in one object.
 *
 * Drivers stay naive. The pool, retries, deadlines, caching, sessions and the binding of `:name` are done once, around
 * this; a dialect opens connections, runs one statement at a time, and says what its errors mean.
 */
export interface Dialect {
  /** As in SQLAlchemy URLs: `duckdb`, `postgresql`. */
  readonly name: string
  /** Other names of the same: `postgres`. */
  readonly aliases: readonly string[]
  /** The optional peer that talks to the database; absent where the runtime brings it. */
  readonly driver?: DriverPackage
  /** What this database can and cannot do; what is not named has the value of {@link defaultCapabilities}. */
  readonly capabilities?: Partial<Capabilities>
  readonly syntax: Syntax
  /** Parts of the address without which there is no connection. Absent: none. */
  readonly requires?: readonly ("username" | "host" | "database")[]
  /** Keys of a section beyond those that all SQL connections have. Others are refused by name. */
  readonly settings: Readonly<Record<string, Setting>>
  /** Keys of a URL's query beyond the settings that are not refused. Absent: all are handed to the dialect. */
  readonly urlKeys?: RegExp
  /** The same for `connect_args`. */
  readonly connectArgs?: RegExp
  /** Database type → Arrow type, for the docs' table and the tests. */
  readonly types: Readonly<Record<string, string>>
  /** Where the data is. Pure: nothing is opened. */
  source(config: SqlConfig): Source
  open(config: SqlConfig): Promise<Database>
  /** The statements that begin a transaction so. Throws `UNSUPPORTED` for what the database cannot do. */
  begin(options: TransactionOptions): readonly string[]
  classify(error: unknown): Failure
  /** The three parts of a Kysely dialect that do not depend on the driver. Absent where Kysely has none. */
  kysely?(kysely: typeof import("kysely")): KyselyParts
}

/** One opened database: what a pool takes its connections from. */
export interface Database {
  /** The driver's own object (an instance, a pool), for callers who need it. */
  readonly engine: unknown
  /** The server's or library's version, once known. */
  readonly version?: string
  /** How many queries are of use at once; more of them wait for their turn. Absent: as many as there are connections. */
  readonly concurrentReads?: number
  connect(options: { signal: AbortSignal }): Promise<DriverConnection>
  /** Called once, after every connection was closed. */
  close(): Promise<void>
}

/** One physical connection. Mooring runs one statement on it at a time. */
export interface DriverConnection {
  /** The driver's own connection. */
  readonly raw: unknown
  /** False once it must not be given to anybody again: its link broke, or a cancelled statement still runs. */
  readonly usable: boolean
  /** Why it is not usable, where the other side said so while nothing ran: the driver's error. */
  readonly failure?: unknown
  /**
   * Whether a transaction is open, as the server reported with its last answer. A session begins the next transaction by
   * it, since a statement may have ended the last one. Absent where the database does not report it.
   */
  readonly inTransaction?: boolean | undefined
  /**
   * Runs one statement to its end. When `signal` aborts, cancels it at the database and rejects with `signal.reason`.
   *
   * @throws the driver's error, unchanged; {@link Dialect.classify} reads it.
   */
  run(statement: Statement, options: RunOptions): Promise<RunResult>
  /** Runs one statement and gives its rows in batches, as fast as they are taken. Ends at `return()`. */
  stream(statement: Statement, options: StreamOptions): Promise<RecordStream>
  ping(options: { signal: AbortSignal }): Promise<void>
  /**
   * Called before {@link raw} is given to a caller: makes the session a fresh, writable one. Until the next
   * {@link reset} the connection keeps the process alive, because the caller's own statements may run on it.
   */
  handOut?(options: { signal: AbortSignal }): Promise<void>
  /** Makes the next borrower find a fresh session: no open transaction, no temporary state. */
  reset(): Promise<void>
  close(): Promise<void>
}

/** SQL in the database's own placeholders, and their values by position. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  /**
   * The same with one placeholder for a value in several places, where {@link Syntax.typedByPlace} gives it several:
   * for the server that wants equal expressions in SELECT and GROUP BY.
   */
  readonly merged?: () => Statement
  /**
   * The statement as a session reads it in which backslashes escape in strings, or do not. Absent where that is the same.
   *
   * @throws MooringError `BAD_PARAMS`
   */
  readonly byEscapes?: (escapes: boolean) => Statement
}

/** How to run a {@link Statement}. */
export interface RunOptions {
  readonly signal: AbortSignal
  /** The engine itself must refuse anything that changes something. */
  readonly readOnly: boolean
  /** More rows, or more bytes of columns, are an error of code `TOO_LARGE`. */
  readonly maxRows: number
  readonly maxBytes: number
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** How to stream a {@link Statement}. */
export interface StreamOptions {
  readonly signal: AbortSignal
  readonly readOnly: boolean
  /** About how many rows a batch has. */
  readonly batchRows: number
  /** Whether a column may have another type in a later batch, where the database has no types: text does not mind. */
  readonly mixedTypes?: boolean
}

/** What of {@link StreamOptions} its reader says. */
export type StreamShape = Pick<StreamOptions, "batchRows" | "mixedTypes">

/** What a statement gave. */
export interface RunResult {
  /** The rows; for a statement that returns none, a table without columns. */
  readonly table: Table
  /** Rows changed; for a reading statement, rows read. */
  readonly rowCount: number
  readonly lastInsertId?: number | bigint
}

/** Rows in batches. */
export interface RecordStream extends AsyncIterable<Table> {
  readonly schema: Schema
}

/** How far a statement has come. `fraction` is 0 to 1 where the database tells. */
export interface Progress {
  readonly fraction?: number
  readonly rows?: number
}

/** An optional peer dependency, as data: the same facts make the error message and the check of package.json. */
export interface DriverPackage {
  readonly package: string
  /** The versions that Mooring is made for, as in package.json's peerDependencies. */
  readonly range: string
  /**
   * What package managers are told instead, where their rules cannot say the range: they take no version with a
   * pre-release tag into a range.
   */
  readonly npmRange?: string
  /** What the command that installs it asks for. Default: that range. */
  readonly install?: string
  /** Other names that SQLAlchemy URLs put after the `+`. */
  readonly aliases?: readonly string[]
  /** What it does, for the error when it is missing. Default: `talks to this database`. */
  readonly purpose?: string
}

/** What differs between databases, beyond syntax. */
export interface Capabilities {
  readonly savepoints: boolean
  /** An array can be bound as one value. */
  readonly arrays: boolean
  /** A running statement can be cancelled. */
  readonly cancel: boolean
  readonly progress: boolean
  readonly streaming: boolean
  /** After a failed statement, the transaction refuses all others. */
  readonly errorAbortsTransaction: boolean
  /**
   * The database runs in this process: what breaks one connection has broken all, and there is no server that could be
   * out of reach.
   */
  readonly embedded: boolean
}

/** What a dialect has unless it says otherwise. */
export const defaultCapabilities: Capabilities = {
  savepoints: true,
  arrays: false,
  cancel: true,
  progress: false,
  streaming: true,
  errorAbortsTransaction: true,
  embedded: false,
}

const complete = new WeakMap<Dialect, Capabilities>()

/** What the binding of parameters needs to know of a dialect. */
export function bindTargetOf(dialect: Dialect): { syntax: Syntax; capabilities: Capabilities } {
  return { syntax: dialect.syntax, capabilities: capabilitiesOf(dialect) }
}

/** All capabilities of a dialect. */
export function capabilitiesOf(dialect: Dialect): Capabilities {
  let all = complete.get(dialect)
  if (!all) complete.set(dialect, (all = { ...defaultCapabilities, ...dialect.capabilities }))
  return all
}

/** One key of a section: drives validation, forms and masking. */
export interface Setting {
  readonly type: "text" | "number" | "boolean" | "duration" | "table"
  readonly description: string
  /** Never shown. */
  readonly secret?: boolean
  /** True where it cannot change what a query returns: it stays out of the cache key. */
  readonly tuning?: boolean
  readonly oneOf?: readonly string[]
  /** The setting that takes a text which is no value of this one: other drivers have both under one name. */
  readonly otherwise?: string
}

/** The complete configuration of one SQL connection: what a URL, a section and options come to. */
export interface SqlConfig {
  readonly dialect: string
  readonly driver: string | undefined
  readonly username: string | undefined
  readonly password: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly database: string | undefined
  /** The URL's `?key=value` part. */
  readonly query: Readonly<Record<string, string>>
  /** Keys that the dialect declares in {@link Dialect.settings}, converted to their types. */
  readonly settings: Readonly<Record<string, unknown>>
  /** SQLAlchemy's `connect_args`: handed to the driver as they are. */
  readonly connectArgs: Readonly<Record<string, unknown>>
  readonly pool: PoolSettings
  readonly autocommit: boolean
  /** With `autocommit`: a session's `commit()` and `rollback()` do nothing, as SQLAlchemy's, and are no errors. */
  readonly ignoresCommit?: boolean
  /** The level of statements and transactions that ask for none; absent: the database's own. */
  readonly isolation?: NonNullable<TransactionOptions["isolation"]>
  /** Relative files are relative to this folder. */
  readonly projectDir: string
}

/** SQLAlchemy's names; times in milliseconds. */
export interface PoolSettings {
  readonly size: number
  readonly maxOverflow: number
  readonly timeout: number
  readonly recycle: number
  readonly prePing: boolean
}

/** Where a connection's data is. */
export interface Source {
  /** For people: `db.example.com:5432/pets`, `pets.duckdb`. Never a secret. */
  readonly label: string
  /** Everything that changes what a query returns, secrets left out. */
  readonly identity: Readonly<Record<string, unknown>>
  /** The data is only meaningful on this machine: a file, a socket, a loopback host. */
  readonly local: boolean
  /** The data dies with the connection. */
  readonly ephemeral: boolean
}

/** How a transaction behaves. */
export interface TransactionOptions {
  readonly isolation?: "read uncommitted" | "read committed" | "repeatable read" | "snapshot" | "serializable"
  readonly readOnly?: boolean
}

/** What an error of the driver means, and what to do. */
export interface Failure {
  /**
   * `lost`: the connection is broken; `wait`: the database is not ready; `rerun`: the transaction may succeed when it
   * is run again; `fatal`: trying again is of no use.
   */
  readonly action: "lost" | "wait" | "rerun" | "fatal"
  readonly kind: QueryErrorKind
  /** The server had ended the session before it read the statement. */
  readonly neverRan?: boolean
  readonly code?: ErrorCode
  /** A better sentence than the driver's own. */
  readonly message?: string
  readonly hint?: string
  readonly sqlState?: string
  readonly driverCode?: string | number
  /** The constraint, table and column that it is about. */
  readonly about?: QueryErrorObjects
}

/** The parts of a Kysely dialect that Mooring takes over. */
export interface KyselyParts {
  createAdapter(): import("kysely").DialectAdapter
  createQueryCompiler(): import("kysely").QueryCompiler
  createIntrospector(db: import("kysely").Kysely<never>): import("kysely").DatabaseIntrospector
}
