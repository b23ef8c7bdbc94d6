import { isMooringError, MooringError, type Outcome, QueryError } from "../errors.ts"
import type { Dialect } from "./dialect.ts"

/** Where and how a statement failed. */
export interface FailedStatement {
  readonly connection: string
  readonly attempts?: number
  readonly outcome?: Outcome
  /** Appended to the hint of a read-only refusal: the caller's way out. */
  readonly readOnly?: boolean
}

/**
 * The error of a driver as one of ours: a sentence that names the connection, the kind of mistake, and what to do.
 *
 * The driver's error is the `cause`, reduced to its message and stack: drivers hang statements, values and passwords on
 * their errors.
 */
export function toQueryError(error: unknown, dialect: Dialect, failed: FailedStatement): Error {
  if (isMooringError(error)) return located(error, failed.connection)
  if (isAbort(error)) return error as Error
  const { code, kind, message, hint, sqlState, driverCode } = dialect.classify(error)
  const said = message ?? messageOf(error)
  const details = {
    cause: bare(error),
    connection: failed.connection,
    hint: kind === "readOnly" ? "Use execute(), or a session, for statements that change something." : hint,
  }
  const sentence = `Connection "${failed.connection}": ${said}`
  if (code !== undefined && code !== "QUERY" && code !== "READ_ONLY") return new MooringError(code, sentence, details)
  return new QueryError(
    sentence,
    {
      ...details,
      kind,
      ...(sqlState !== undefined && { sqlState }),
      ...(driverCode !== undefined && { driverCode }),
      outcome: failed.outcome ?? "failed",
      attempts: failed.attempts ?? 1,
    },
    kind === "readOnly" ? "READ_ONLY" : "QUERY",
  )
}

/** A dialect's own errors do not know the connection's name. */
function located(error: MooringError, connection: string): MooringError {
  if (error.connection !== undefined) return error
  return Object.assign(error, { connection, message: `Connection "${connection}": ${error.message}` })
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && (error.name === "AbortError" || error.name === "TimeoutError")
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function bare(error: unknown): Error {
  const copy = new Error(messageOf(error))
  if (error instanceof Error && error.stack !== undefined) copy.stack = error.stack
  return copy
}
