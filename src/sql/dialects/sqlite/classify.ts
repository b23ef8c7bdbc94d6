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
  13: { kind: "diskFull", hint: "Free some space on the disk, or raise max_page_count where that is set." },
  14: { kind: "connection", hint: "Check the path, and the permissions of the file and its folder." },
  18: { kind: "value", hint: "A text or blob is larger than SQLite's limit of 1 GB." },
  19: { kind: "other" },
  20: { kind: "value", hint: "The column takes only values of its own type." },
  23: { kind: "permission" },
  25: { kind: "value", code: "BAD_PARAMS", hint: "Give one value for each placeholder." },
  26: { kind: "connection", hint: "Check the path. An encrypted database looks like this, too." },
}

const cannotRead =
  "SQLite keeps a write-ahead log beside the file, also for reading: let this user write to the file's folder. " +
  "For a file that nobody changes, add ?immutable=1 to the URL."

/** SQLITE_READONLY where the statement would only read. */
const obstacles: Readonly<Record<number, Partial<Failure>>> = {
  264: { message: "The write-ahead log of the database file cannot be read.", hint: cannotRead },
  520: { message: "The write-ahead log of the database file cannot be locked.", hint: cannotRead },
  776: {
    message: "A write to the database file was cut off, and has to be rolled back before it can be read.",
    hint: "Open it once in a way that may write: without read_only, or mode=ro in the URL.",
  },
  1032: {
    kind: "connection",
    message: "The database file was moved, replaced or deleted while it was open.",
    hint: "Run it again: it opens the file that is there now. Replace a file only while nobody has it open.",
  },
  1288: { message: "The write-ahead log of the database file cannot be opened.", hint: cannotRead },
  1544: { message: "The folder of the database file may not be written to.", hint: cannotRead },
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
  const obstacle = obstacles[errcode]
  if (obstacle) return { action: "fatal", kind: "permission", ...obstacle, driverCode: errcode }
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
  if (/^too many SQL variables/.test(message))
    return { action: "fatal", kind: "value", hint: tooMany, driverCode: errcode }
  const meaning = meanings[primary] ?? { kind: primary === 1 ? kindOfMessage(message) : ("other" as const) }
  const kind = constraints[errcode] ?? meaning.kind
  return { action: "fatal", ...meaning, kind, driverCode: errcode, ...aboutOf(errcode, message) }
}

/** What a violated constraint is about; SQLite's messages are the same in every language. */
function aboutOf(errcode: number, message: string): Pick<Failure, "about"> {
  if (constraints[errcode] === undefined) return {}
  const [, what = ""] = /constraint failed: (.*)$/s.exec(message) ?? []
  const index = /^index '(.*)'$/.exec(what)
  if (index) return { about: { constraint: index[1]! } }
  if (constraints[errcode] === "check") return what === "" ? {} : { about: { constraint: what } }
  // Of several columns, the table is the same.
  const columns = what.split(", ").map((name) => /^(.*)\.(.*)$/.exec(name))
  const [first] = columns
  if (!first) return {}
  return { about: { table: first[1]!, ...(columns.length === 1 && { column: first[2]! }) } }
}

const tooMany =
  "SQLite binds 32,766 values at most. Give fewer at once, or a list as one parameter: " +
  "… in (select value from json_each(:ids)), with JSON.stringify(ids)."

/** SQLITE_ERROR is everything that is wrong with a statement; only its text tells more. */
function kindOfMessage(message: string): QueryErrorKind {
  if (/^no such (?:table|column|function|index|view|trigger|module|collation)/.test(message)) return "missing"
  if (/syntax error|incomplete input|unrecognized token|wrong number of arguments/.test(message)) return "syntax"
  return "other"
}
