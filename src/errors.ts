/**
 * Every error that Mooring throws on purpose. Errors are sentences: what happened, with which connection, what to do.
 *
 * Recognition goes by a brand, not by the class object, so that it survives two copies of the package in one process.
 */

/** What each `code` means. The keys are the whole set of codes. */
export const errorCodes = {
  ABORTED: "The connection was cut off while this work was using it.",
  BAD_CONFIG: "A setting has a value that cannot be used.",
  BAD_DURATION: "A duration is neither a number of seconds nor a string such as 1h30m.",
  BAD_PARAMS: "The parameters do not fit the statement.",
  BAD_VALUE: "A value cannot be given in the JavaScript type that was asked for.",
  CACHE: "A cached value could not be written or read.",
  CLOSED: "The connection was closed by close() or closeAll().",
  CONNECT: "The connection could not be made.",
  DATA_LOST: "A database in memory is gone, and its tables with it.",
  DRIVER_MISSING: "The package that talks to this database is not installed.",
  IN_TRANSACTION: "The connection was used inside its own transaction callback.",
  LOCKED: "The database file is in use by another process.",
  NOT_A_CONNECTION: "What was given as a type does not extend BaseConnection.",
  NO_CONFIG: "Nothing is configured under this name.",
  NO_SESSION: "A session-scoped connection was used outside its session.",
  QUERY: "The database refused or failed a statement.",
  READ_ONLY: "query() was asked to change something.",
  SECRETS: "A secrets file or folder cannot be used.",
  SESSION_STATE: "The session cannot do this now.",
  TIMEOUT: "A deadline passed.",
  TOO_LARGE: "A result is larger than maxRows or maxBytes, or a text larger than JavaScript can hold.",
  UNAVAILABLE: "The server is unreachable; calls fail fast until the next attempt to connect.",
  UNKNOWN_TYPE: "There is no connection type of this name.",
  UNSUPPORTED: "This database or runtime cannot do what was asked.",
} as const

/** One of the keys of {@link errorCodes}. */
export type ErrorCode = keyof typeof errorCodes

/** What a {@link MooringError} may carry besides its sentence. */
export interface ErrorDetails {
  /** What to do about it, one sentence. */
  hint?: string
  /** What was caught. Never holds a secret: callers strip it first. */
  cause?: unknown
  /** The connection's name. */
  connection?: string
}

const brand: unique symbol = Symbol.for("mooring.error@1") as never

/**
 * The base of all errors that Mooring throws.
 *
 * @example
 * try { await connection("pets") } catch (error) {
 *   if (isMooringError(error, "NO_CONFIG")) console.log(error.hint)
 * }
 */
export class MooringError extends Error {
  override readonly name: string = "MooringError"
  readonly code: ErrorCode
  // Declared only: a field that is not known is not there, so that a logged error shows what it has.
  declare readonly hint: string | undefined
  declare readonly connection: string | undefined
  /** The text of the statement that it is about, as it was given to the call; values of parameters are not in it. */
  declare readonly sql: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    if (details.hint !== undefined) this.hint = details.hint
    if (details.connection !== undefined) this.connection = details.connection
    Object.defineProperty(this, brand, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this === MooringError) return isMooringError(value)
    const own = ownNames.get(this)
    // One of another copy of the package has this class's name, and not its prototype.
    if (own !== undefined && isMooringError(value) && value.name === own) return true
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }
}

/** What kind of mistake a database reported, the same on every dialect. */
export type QueryErrorKind =
  | "check"
  | "connection"
  | "deadlock"
  | "diskFull"
  | "foreignKey"
  | "interrupted"
  | "locked"
  | "missing"
  | "notNull"
  | "other"
  | "permission"
  | "readOnly"
  | "serialization"
  | "syntax"
  | "unique"
  | "value"

/**
 * Whether a failed statement took effect: `notRun`, it never reached the server; `failed`, the server answered that it
 * did nothing; `unknown`, the link broke before an answer.
 */
export type Outcome = "notRun" | "failed" | "unknown"

/** What a {@link QueryError} carries besides. */
export interface QueryErrorDetails extends ErrorDetails {
  sqlState?: string
  driverCode?: string | number
  kind?: QueryErrorKind
  outcome?: Outcome
  attempts?: number
  about?: QueryErrorObjects
}

/** What of the database an error is about, as far as the database tells. */
export interface QueryErrorObjects {
  readonly constraint?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  /** Holds values, as `Key (email)=(ada@x) already exists.` */
  readonly detail?: string
}

/** A statement failed at the database. */
export class QueryError extends MooringError {
  override readonly name: string = "QueryError"
  /** The five characters of SQLSTATE, where the database gives them. */
  declare readonly sqlState: string | undefined
  /** The driver's own code. */
  declare readonly driverCode: string | number | undefined
  /** The name of the constraint that was violated; of the schema, table and column, where the database tells. */
  declare readonly constraint: string | undefined
  declare readonly schema: string | undefined
  declare readonly table: string | undefined
  declare readonly column: string | undefined
  /** What PostgreSQL says beyond its message. It quotes values, so it is not printed with the error. */
  declare readonly detail: string | undefined
  readonly kind: QueryErrorKind
  readonly outcome: Outcome
  /** How often it was tried. */
  readonly attempts: number

  constructor(message: string, details: QueryErrorDetails = {}, code: ErrorCode = "QUERY") {
    super(code, message, details)
    if (details.sqlState !== undefined) this.sqlState = details.sqlState
    if (details.driverCode !== undefined) this.driverCode = details.driverCode
    this.kind = details.kind ?? "other"
    this.outcome = details.outcome ?? "failed"
    this.attempts = details.attempts ?? 1
    const { detail, ...objects } = details.about ?? {}
    Object.assign(this, objects)
    if (detail !== undefined) Object.defineProperty(this, "detail", { value: detail })
  }
}

/** A deadline passed. `code` is `TIMEOUT`. */
export class TimeoutError extends MooringError {
  override readonly name: string = "TimeoutError"

  constructor(message: string, details: ErrorDetails = {}) {
    super("TIMEOUT", message, details)
  }
}

/** What an {@link UnavailableError} carries besides. */
export interface UnavailableErrorDetails extends ErrorDetails {
  since: Date
  retryAt: Date
  attempts: number
}

/**
 * The server has been out of reach for a while, so that this call was not kept waiting. `code` is `UNAVAILABLE`, `cause`
 * the last failure. Nothing was run.
 */
export class UnavailableError extends MooringError {
  override readonly name: string = "UnavailableError"
  /** When the first of the attempts that failed was made. */
  readonly since: Date
  /** The first call after this makes the next attempt. */
  readonly retryAt: Date
  /** How many attempts have failed since. */
  readonly attempts: number

  /** @param what is out of reach: `Connection "pets"`. */
  constructor(what: string, { since, retryAt, attempts, ...details }: UnavailableErrorDetails) {
    const times = `${attempts} ${attempts === 1 ? "attempt" : "attempts"}`
    super("UNAVAILABLE", `${what} has been out of reach since ${since.toISOString()} (${times}).`, {
      hint: `The first call after ${retryAt.toISOString()} tries again. Is the server running?`,
      ...details,
    })
    this.since = since
    this.retryAt = retryAt
    this.attempts = attempts
  }
}

/** The classes that have a name of their own. */
const ownNames = new Map<unknown, string>([
  [QueryError, "QueryError"],
  [TimeoutError, "TimeoutError"],
  [UnavailableError, "UnavailableError"],
])

/** True for an error of Mooring's, from this or another copy of the package; with `code`, of that code only. */
export function isMooringError(value: unknown, code?: ErrorCode): value is MooringError {
  return (
    typeof value === "object" &&
    value !== null &&
    (value as Record<symbol, unknown>)[brand] === true &&
    (code === undefined || (value as MooringError).code === code)
  )
}
