import { isMooringError, type QueryErrorKind } from "../../../errors.ts"
import type { Failure } from "../../dialect.ts"
import { type SqliteError, workerLost } from "./protocol.ts"

/** Result codes by their name. The low byte is the primary code. Source: https://sqlite.org/rescode.html */
const BUSY = 5
const BUSY_SNAPSHOT = 517

/** What to say of a primary result code. */
interface Meaning {
  readonly kind: QueryErrorKind
  readonly code?: Failure["code"]
  readonly hint?: string
}

const meanings: Readonly<Record<number, Meaning>> = {
  3: { kind: "permission", hint: "Check the permissions of the file and its folder." },
  4: { kind: "interrupted" },
  [BUSY]: {
    kind: "locked",
    code: "LOCKED",
    hint: "Another connection or process has it locked: end its transaction, or raise busy_timeout.",
  },
  6: {
    kind: "locked",
    code: "LOCKED",
    hint: "Another statement of the same connection still reads the table: finish it first.",
  },
  8: { kind: "permission", hint: "The file or its folder may not be written to, or it was opened read-only." },
  9: { kind: "interrupted" },
  10: { kind: "connection", hint: "The disk could not be read or written. Look at its health and free space." },
  11: { kind: "connection", hint: "Run `pragma integrity_check`, and restore the file from a backup." },
  13: { kind: "other", hint: "The disk or the database's max_page_count is full." },
  14: { kind: "connection", hint: "Check the path, and the permissions of the file and its folder." },
  18: { kind: "value", hint: "A text or blob is larger than SQLite's limit of 1 GB." },
  19: { kind: "other" },
  20: { kind: "value", hint: "The column takes only values of its own type." },
  23: { kind: "permission" },
  25: { kind: "value", code: "BAD_PARAMS", hint: "Give one value for each placeholder." },
  26: { kind: "connection", hint: "Check the path. An encrypted database looks like this, too." },
}

const constraints: Readonly<Record<number, QueryErrorKind>> = {
  275: "check",
  787: "foreignKey",
  1299: "notNull",
  1555: "unique",
  2067: "unique",
  2579: "unique",
  3091: "value",
}

/** The dialect's `classify`. */
export function classify(error: unknown): Failure {
  if (isMooringError(error)) return { action: "fatal", kind: "other", code: error.code }
  const { code, errcode, refused, message = "" } = (error ?? {}) as SqliteError
  if (code === workerLost) return { action: "lost", kind: "connection", driverCode: workerLost }
  if (errcode === undefined) return { action: "fatal", kind: "other", ...(code !== undefined && { driverCode: code }) }
  const primary = errcode % 256
  if (refused && (primary === 8 || primary === 23)) {
    return {
      action: "fatal",
      kind: "readOnly",
      code: "READ_ONLY",
      message: `query() only reads, and the statement would do more (${message}).`,
      hint: "Use execute() or a session; readOnly: false lifts it for a statement that must.",
      driverCode: errcode,
    }
  }
  if (errcode === BUSY_SNAPSHOT) {
    return {
      action: "rerun",
      kind: "serialization",
      driverCode: errcode,
      hint: "Another connection wrote since this transaction began to read: run it again.",
    }
  }
  const meaning = meanings[primary] ?? { kind: primary === 1 ? kindOfMessage(message) : ("other" as const) }
  return { action: "fatal", ...meaning, kind: constraints[errcode] ?? meaning.kind, driverCode: errcode }
}

/** SQLITE_ERROR is everything that is wrong with a statement; only its text tells more. */
function kindOfMessage(message: string): QueryErrorKind {
  if (/^no such (?:table|column|function|index|view|trigger|module|collation)/.test(message)) return "missing"
  if (/syntax error|incomplete input|unrecognized token|wrong number of arguments/.test(message)) return "syntax"
  return "other"
}
