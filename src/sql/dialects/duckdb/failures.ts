import type { QueryErrorKind } from "../../../errors.ts"
import { isMooringError, type QueryError } from "../../../errors.ts"
import type { Failure } from "../../dialect.ts"

/** True for errors after which the instance answers nothing any more. */
export function isFatal(error: unknown): boolean {
  return /^(FATAL|INTERNAL) Error|has been invalidated/.test(messageOf(error))
}

/**
 * DuckDB's errors have no codes; they begin with the name of their kind. The first line that fits decides.
 *
 * The texts are pinned by tests that provoke each of them.
 */
const failures: readonly [RegExp, (match: RegExpExecArray) => Partial<Failure>][] = [
  // A commit that does not fit on the disk is no conflict, though its text begins like one.
  [
    /No space left on device|not enough space on the disk/,
    ({ input }) => ({
      action: isFatal(new Error(input)) ? "lost" : "fatal",
      kind: "diskFull",
      hint: "Free some space where the file and settings.temp_directory are.",
    }),
  ],
  [/^FATAL|has been invalidated/, () => ({ action: "lost", kind: "connection" })],
  // A defect of DuckDB's, with a stack of it. The database can then only be opened anew.
  [
    /^INTERNAL Error: ([^\n]*)/,
    ([line]) => ({ message: line!, hint: "This is a defect of DuckDB: please report it there, with the statement." }),
  ],
  [
    /Could not set lock on file "(.*?)": Conflicting lock is held in (.*?) \(PID (\d+)\)/,
    ([, file, program, pid]) => ({
      action: "wait",
      kind: "locked",
      code: "LOCKED",
      message: `The DuckDB file "${file}" is in use by process ${pid} (${program!.replace(/^.*[\\/]/, "")}).`,
      hint: lockHint,
    }),
  ],
  [/Could not set lock on file/, () => ({ action: "wait", kind: "locked", code: "LOCKED", hint: lockHint })],
  [/^INTERRUPT/, () => ({ kind: "interrupted" })],
  // Two transactions made the same key: the one that is run again finds it, and fails or not by its own logic.
  [/^TransactionContext Error: Failed to commit: PRIMARY KEY or UNIQUE/, () => ({ action: "rerun", kind: "unique" })],
  [
    /^TransactionContext Error: (Conflict|Catalog write-write conflict|Failed to commit)|write-write conflict/,
    () => ({ action: "rerun", kind: "serialization" }),
  ],
  [
    /transaction is launched in read-only mode/,
    () => ({ kind: "readOnly", code: "READ_ONLY", message: "query() only reads, and this statement writes." }),
  ],
  [
    /attached in read-only mode|in read-only mode/,
    () => ({ kind: "permission", hint: 'The connection opens the file with access_mode = "READ_ONLY".' }),
  ],
  [/^Constraint Error: .*(Duplicate key|PRIMARY KEY or UNIQUE)/s, () => ({ kind: "unique" })],
  [/^Constraint Error: .*foreign key/is, () => ({ kind: "foreignKey" })],
  [
    /^Constraint Error: NOT NULL constraint failed: (.*)\.([^.\n]*)/,
    ([, table, column]) => ({ kind: "notNull", about: { table: table!, column: column! } }),
  ],
  [/^Constraint Error: NOT NULL/, () => ({ kind: "notNull" })],
  [
    /^Constraint Error: CHECK constraint failed on table (\S+)/,
    ([, table]) => ({ kind: "check", about: { table: table! } }),
  ],
  [/^Constraint Error: CHECK/, () => ({ kind: "check" })],
  [/^Permission Error|Permission denied/, () => ({ kind: "permission" })],
  [/^Parser Error|^Syntax Error/, () => ({ kind: "syntax" })],
  [/^(Catalog|Binder) Error: .*(does not exist|not found)/s, () => ({ kind: "missing" })],
  [/^Binder Error/, () => ({ kind: "syntax" })],
  [/^(Conversion|Out of Range|Mismatch Type|Decimal) Error/, () => ({ kind: "value" })],
  [
    /^Out of Memory Error/,
    () => ({ hint: "Raise memory_limit, or let DuckDB spill: give settings.temp_directory a folder with room." }),
  ],
  [/Current transaction is aborted/, () => ({ hint: "A statement of it failed before: roll it back and begin anew." })],
]

const lockHint =
  'One process may write a DuckDB file, or several may read it. Close it there, or set access_mode = "READ_ONLY" in every process.'

export function classify(error: unknown): Failure {
  if (isMooringError(error)) {
    const kind: QueryErrorKind = (error as QueryError).kind ?? "other"
    return { action: "fatal", kind, code: error.code, message: error.message, ...(error.hint && { hint: error.hint }) }
  }
  const message = messageOf(error)
  for (const [pattern, failure] of failures) {
    const match = pattern.exec(message)
    if (match) return { action: "fatal", kind: "other", ...failure(match) }
  }
  return { action: "fatal", kind: "other" }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
