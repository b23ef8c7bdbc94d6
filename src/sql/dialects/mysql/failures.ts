import { isMooringError, type QueryErrorKind } from "../../../errors.ts"
import { certificateHint } from "../../certificate-hint.ts"
import type { Failure } from "../../dialect.ts"
import { aboutOf } from "./about.ts"
import { ProtocolError } from "./columns/reader.ts"
import { hintFor, initHint } from "./hints.ts"
import { withoutValues } from "./quoted-values.ts"
import { RefusedStatement } from "./read-only.ts"
import { refusalByServer } from "./refusals.ts"

/** The fields of `mysql2`'s errors that are used. */
interface DriverError {
  message: string
  stack?: string
  /** A name for the number, or a code of Node's or of `mysql2`'s own. */
  readonly code?: string
  /** The server's number. */
  readonly errno?: number
  readonly sqlState?: string
  readonly syscall?: string
  readonly address?: string
  readonly port?: number
  sql?: unknown
  sqlMessage?: unknown
}

const readers = new WeakSet<object>()
const ofInit = new WeakSet<object>()
const beforehand = new WeakSet<object>()

/** Remembers that it was the section's own `init_command` that failed. */
export function failedInit(error: unknown): never {
  if (error instanceof Error) ofInit.add(error)
  throw error
}

/** Remembers of an error, which is given back, that it came before the statement was sent. */
export function noteNeverRan(error: unknown): unknown {
  if (error instanceof Error) beforehand.add(error)
  return error
}

/** The same for what is thrown on. */
export function failedBefore(error: unknown): never {
  throw noteNeverRan(error)
}

/**
 * Takes what a server's error tells of the statement's values away, and remembers whether it was the answer to a
 * statement that only reads.
 */
export function noteFailure(error: unknown, readOnly: boolean): void {
  if (!(error instanceof Error) || isMooringError(error)) return
  if (readOnly) readers.add(error)
  const driver = error as DriverError
  delete driver.sql
  const { message } = driver
  const bare = withoutValues(message, driver.errno)
  if (bare === message) return
  driver.message = bare
  driver.sqlMessage = bare
  if (driver.stack !== undefined) driver.stack = driver.stack.replace(message, () => bare)
}

/**
 * What an error means: the server's numbers, codes of Node's sockets and of `mysql2`, and texts for those that have no
 * code; tests provoke each of these.
 *
 * @see https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
 * @see https://mariadb.com/kb/en/mariadb-error-code-reference/
 */
export function classify(error: unknown): Failure {
  const failure = meaningOf(error)
  return beforehand.has(error as object) ? { ...failure, neverRan: true } : failure
}

function meaningOf(error: unknown): Failure {
  if (isMooringError(error)) return { action: "fatal", kind: "other", code: error.code }
  if (error instanceof RefusedStatement) return { action: "fatal", kind: "readOnly", code: "READ_ONLY" }
  if (error instanceof ProtocolError) return { action: "lost", kind: "connection" }
  const driver = (error ?? {}) as DriverError
  const { code, errno, sqlState, message = "" } = driver
  if (typeof errno === "number" && errno > 0 && sqlState !== undefined) return ofServer(error, driver)
  if (code !== undefined && Object.hasOwn(ofLinks, code)) return ofLink(driver, ofLinks[code]!)
  if (code === "ENOENT" && driver.syscall === "connect") return ofLink(driver, "wait")
  if (code !== undefined && tlsCodes.test(code)) return ofTls(code, message)
  if (withoutCode.test(message)) return { action: "lost", kind: "connection" }
  return { action: "fatal", kind: "other", ...(typeof code === "string" && { driverCode: code }) }
}

/** Errors of `mysql2` and of ours without a code. */
const withoutCode =
  /^Can't (add new command|write) .*closed state|could not be cancelled|^No answer to |^Expected EOF packet|packets out of order/

const ofLinks: Readonly<Record<string, Failure["action"]>> = {
  ECONNRESET: "lost",
  EPIPE: "lost",
  ETIMEDOUT: "lost",
  ERR_STREAM_DESTROYED: "lost",
  ERR_STREAM_PREMATURE_CLOSE: "lost",
  ERR_STREAM_WRITE_AFTER_END: "lost",
  PROTOCOL_CONNECTION_LOST: "lost",
  PROTOCOL_ERROR: "lost",
  PROTOCOL_UNEXPECTED_PACKET: "lost",
  ECONNREFUSED: "wait",
  EAI_AGAIN: "wait",
  EHOSTUNREACH: "wait",
  ENETUNREACH: "wait",
  ENOTFOUND: "fatal",
}

function ofLink(error: DriverError, action: Failure["action"]): Failure {
  const { code = "", message, address, port, syscall } = error
  const isLate = code === "ETIMEDOUT" && syscall === "connect"
  const place = address === undefined ? "" : ` ${address}${port === undefined ? "" : `:${port}`}`
  return {
    action,
    kind: "connection",
    driverCode: code,
    // Of several addresses that all refused, Node says nothing.
    ...(!message && { message: `connect ${code}${place}` }),
    // What mysql2 says when its time is over names no address; what Node says does.
    ...(isLate && address === undefined && { message: "The server did not answer in time." }),
    ...(isLate && {
      hint: "Check host and port, firewalls, and that it is MySQL that listens there; connect_timeout is how long to wait.",
    }),
    ...(action === "wait" && { hint: "Is the server running, and does it listen there?" }),
    ...(code === "ENOTFOUND" && { hint: "Check the host's name." }),
  }
}

const tlsCodes =
  /^(HANDSHAKE_|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO|ERR_OSSL_|AUTH_SWITCH_PLUGIN_ERROR)/

function ofTls(code: string, message: string): Failure {
  const hint =
    code === "HANDSHAKE_NO_SSL_SUPPORT"
      ? 'Turn TLS on at the server, or allow links without it: ssl_mode = "PREFERRED".'
      : certificateHint({ code, message }, "ssl_ca")
  const isTls = code !== "AUTH_SWITCH_PLUGIN_ERROR" && !/auth/i.test(message)
  return { action: "fatal", kind: "connection", code: "CONNECT", driverCode: code, ...(isTls && { hint }) }
}

/** What numbers mean beyond "trying again is of no use". */
const actions: Readonly<Record<number, Failure["action"]>> = {
  1040: "wait", // too many connections
  1053: "lost", // shutdown in progress
  1077: "lost",
  1079: "lost",
  1158: "lost", // errors of the network, as the server saw them
  1159: "lost",
  1160: "lost",
  1161: "lost",
  1205: "rerun", // lock wait timeout
  1213: "rerun", // deadlock
  1203: "wait", // too many connections of this user
  1614: "rerun", // XA deadlock
  1927: "lost", // KILL CONNECTION
  2006: "lost",
  2013: "lost",
  2014: "lost",
  2045: "lost",
  2055: "lost",
  3024: "fatal",
  3169: "lost", // the session was killed
  4031: "lost", // wait_timeout
}

const kinds: Readonly<Record<number, QueryErrorKind>> = {
  20: "diskFull",
  1021: "diskFull",
  1022: "unique",
  1040: "connection",
  1044: "permission",
  1045: "permission",
  1046: "missing",
  1048: "notNull",
  1049: "missing",
  1051: "missing",
  1053: "connection",
  1054: "missing",
  1062: "unique",
  1064: "syntax",
  1091: "missing",
  1094: "missing",
  1109: "missing",
  1114: "diskFull",
  1141: "permission",
  1142: "permission",
  1143: "permission",
  1146: "missing",
  1149: "syntax",
  1153: "value",
  1169: "unique",
  1176: "missing",
  1203: "connection",
  1205: "locked",
  1213: "deadlock",
  1216: "foreignKey",
  1217: "foreignKey",
  1227: "permission",
  1265: "value",
  1290: "permission",
  1305: "missing",
  1317: "interrupted",
  1364: "notNull",
  1365: "value",
  1366: "value",
  1370: "permission",
  1406: "value",
  1411: "value",
  1451: "foreignKey",
  1452: "foreignKey",
  1525: "value",
  1526: "value",
  1557: "foreignKey",
  1586: "unique",
  1614: "deadlock",
  1690: "value",
  1698: "permission",
  1761: "foreignKey",
  1762: "foreignKey",
  1792: "readOnly",
  1927: "connection",
  1969: "interrupted",
  3024: "interrupted",
  3140: "value",
  3169: "connection",
  3572: "locked",
  3819: "check",
  4025: "check",
  4031: "connection",
}

/** Failures of files, whose message has the operating system's number: 28 is ENOSPC. */
const ofFiles: ReadonlySet<number> = new Set([3, 1004, 1005, 1026, 1030])

function isDiskFull({ errno = 0, message }: DriverError): boolean {
  return kinds[errno] === "diskFull" || (ofFiles.has(errno) && /\b28\b/.test(message))
}

/** What a server said that ended an idle session: `mysql2` gives its number as the error's code. */
export function reasonOf(error: unknown): Error | undefined {
  const { code: errno, message } = (error ?? {}) as { code?: unknown; message?: string }
  return typeof errno === "number" ? Object.assign(new Error(message), { errno, sqlState: "" }) : undefined
}

/** Whether the server may hang up behind this error. One of them is that a packet is too large. */
export function endsLink(error: unknown): boolean {
  const { sqlState, errno = 0 } = (error ?? {}) as DriverError
  return sqlState !== undefined && (sqlState.startsWith("08") || actions[errno] === "lost")
}

/** By the first two characters of SQLSTATE, for numbers that are not named. */
const kindsOfClasses: Readonly<Record<string, QueryErrorKind>> = {
  "08": "connection",
  "22": "value",
  "23": "other",
  "28": "permission",
  "40": "serialization",
  "42": "syntax",
}

function ofServer(error: unknown, driverError: DriverError): Failure {
  const { errno = 0, sqlState = "", message } = driverError
  const refusal = refusalByServer(error)
  if (refusal) return refusal
  const isFull = isDiskFull(driverError)
  const kind = isFull ? "diskFull" : (kinds[errno] ?? kindsOfClasses[sqlState.slice(0, 2)] ?? "other")
  const isRead = readers.has(error as object)
  const hint = ofInit.has(error as object) ? initHint : hintFor(errno, message, isFull)
  return {
    action: actions[errno] ?? "fatal",
    // Where the caller's own transaction only reads, execute() is refused as well: there the hint to use it would be wrong.
    kind: kind === "readOnly" && !isRead ? "permission" : kind,
    ...(sqlState !== "" && { sqlState }),
    driverCode: errno,
    ...aboutOf(errno, message),
    ...(kind === "readOnly" && isRead && { code: "READ_ONLY" as const }),
    ...(hint !== undefined && { hint }),
  }
}
