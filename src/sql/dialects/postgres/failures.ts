import { isMooringError, type QueryErrorKind } from "../../../errors.ts"
import { certificateHint } from "../../certificate-hint.ts"
import type { Failure } from "../../dialect.ts"
import { OnlyReads } from "./only-reads.ts"
import { ProtocolError } from "./wire/framer.ts"

/** The fields of the server's errors that are used. `detail` holds values and is not
 * printed; `where` and `internalQuery` may, and are not used. */
interface ServerError {
  readonly message?: string
  readonly code?: string
  readonly severity?: string
  readonly hint?: string
  readonly constraint?: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly detail?: string
  /** Counted in characters from 1. */
  readonly position?: string
  /** The function of the server's source that reported it: the same in every language, as messages are not. */
  readonly routine?: string
  readonly syscall?: string
  readonly address?: string
  readonly port?: number
}

/** A statement of `readOnly` that is not one that reads; it was not run. */
export class NotReading extends Error {
  constructor() {
    super("query() only reads, and this statement gives no rows.")
  }
}

const statements = new WeakMap<object, { readonly text: string; readonly readOnly: boolean }>()

/** Remembers what an error of the server's was the answer to. */
export function noteStatement(error: unknown, statement: { readonly text: string; readonly readOnly: boolean }): void {
  if (typeof error === "object" && error !== null) statements.set(error, statement)
}

const outdated = new WeakSet<object>()

/** Remembers that an error is only about a statement that was prepared before: the transaction may be run again. */
export function noteOutdated(error: unknown): void {
  if (typeof error === "object" && error !== null) outdated.add(error)
}

/**
 * What an error means: SQLSTATE for the server's own, codes of Node's sockets, and texts for those of `pg` that have no
 * code; tests provoke each of these.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function classify(error: unknown): Failure {
  if (isMooringError(error)) return { action: "fatal", kind: "other", code: error.code }
  if (error instanceof NotReading) {
    return { action: "fatal", kind: "readOnly", code: "READ_ONLY", message: error.message }
  }
  if (error instanceof OnlyReads) return lost
  if (error instanceof ProtocolError) return { action: "lost", kind: "connection" }
  const server = (error ?? {}) as ServerError
  const { code, message = "" } = server
  if (typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && server.severity !== undefined)
    return ofServer(error, server)
  if (typeof code === "string" && Object.hasOwn(ofSockets, code)) return ofSocket(server, ofSockets[code]!)
  if (code === "ENOENT" && server.syscall === "connect") return ofSocket(server, "wait")
  if (typeof code === "string" && tlsCodes.test(code)) return ofTls(code, message)
  for (const [pattern, failure] of ofPg) if (pattern.test(message)) return failure
  return { action: "fatal", kind: "other", ...(typeof code === "string" && { driverCode: code }) }
}

const lost: Failure = { action: "lost", kind: "connection" }

/** Errors of `pg` and of ours without a code. */
const ofPg: readonly (readonly [RegExp, Failure])[] = [
  [
    /^timeout expired/,
    {
      ...lost,
      message: "The server did not answer in time.",
      hint: "Check host and port, firewalls, and that it is PostgreSQL that listens there; connect_timeout is how long to wait.",
    },
  ],
  [
    /^Received unexpected \w+ message/,
    { action: "fatal", kind: "connection", hint: "Check host and port: is it PostgreSQL that listens there?" },
  ],
  [/^Connection terminated|not queryable|could not be cancelled|^No answer to |read timeout/i, lost],
  [
    /does not support SSL connections/,
    {
      action: "fatal",
      kind: "connection",
      code: "CONNECT",
      hint: 'Turn TLS on at the server, or allow links without it: sslmode = "prefer".',
    },
  ],
  [
    /client password must be a (non-empty )?string/,
    {
      action: "fatal",
      kind: "permission",
      code: "CONNECT",
      message: "The server asks for a password.",
      hint: "Set password.",
    },
  ],
  [/SASL|SCRAM/, { action: "fatal", kind: "permission", code: "CONNECT" }],
]

const ofSockets: Readonly<Record<string, Failure["action"]>> = {
  ECONNRESET: "lost",
  EPIPE: "lost",
  ETIMEDOUT: "lost",
  ERR_STREAM_DESTROYED: "lost",
  ERR_STREAM_PREMATURE_CLOSE: "lost",
  ERR_STREAM_WRITE_AFTER_END: "lost",
  ECONNREFUSED: "wait",
  EAI_AGAIN: "wait",
  EHOSTUNREACH: "wait",
  ENETUNREACH: "wait",
  ENOTFOUND: "fatal",
}

function ofSocket(error: ServerError, action: Failure["action"]): Failure {
  const { code = "", message, address, port } = error
  const place = address === undefined ? "" : ` ${address}${port === undefined ? "" : `:${port}`}`
  return {
    action,
    kind: "connection",
    driverCode: code,
    // Of several addresses that all refused, Node says nothing.
    ...(!message && { message: `connect ${code}${place}` }),
    ...(action === "wait" && { hint: "Is the server running, and does it listen there?" }),
    ...(code === "ENOTFOUND" && { hint: "Check the host's name." }),
  }
}

const tlsCodes = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO|ERR_OSSL_)/

function ofTls(code: string, message: string): Failure {
  return {
    action: "fatal",
    kind: "connection",
    code: "CONNECT",
    driverCode: code,
    hint: certificateHint({ code, message }, "sslrootcert"),
  }
}

/** What classes and codes of SQLSTATE mean; a code counts before its class. */
const actions: Readonly<Record<string, Failure["action"]>> = {
  "08": "lost",
  "57P01": "lost",
  "57P02": "lost",
  "57P05": "lost",
  "25P03": "lost",
  "25P04": "lost",
  "57P03": "wait",
  "53300": "wait",
  "40001": "rerun",
  "40P01": "rerun",
}

const kinds: Readonly<Record<string, QueryErrorKind>> = {
  "08": "connection",
  "22": "value",
  "28": "permission",
  "3D000": "missing",
  "3F000": "missing",
  "42": "syntax",
  "23502": "notNull",
  "23503": "foreignKey",
  "23505": "unique",
  "23514": "check",
  "25006": "readOnly",
  "25P03": "connection",
  "25P04": "connection",
  "40001": "serialization",
  "40P01": "deadlock",
  "42501": "permission",
  "42703": "missing",
  "42704": "missing",
  "42883": "missing",
  "42P01": "missing",
  "42P02": "missing",
  "53100": "diskFull",
  "53300": "connection",
  "55P03": "locked",
  "57014": "interrupted",
  "57P01": "connection",
  "57P02": "connection",
  "57P03": "connection",
  "57P05": "connection",
}

const hints: Readonly<Record<string, string>> = {
  "22021":
    "Text has to be UTF-8 without NUL bytes: give other bytes as bytea. Of an SQL_ASCII database, convert what it holds: convert_from(convert(name::bytea, 'LATIN1', 'UTF8'), 'SQL_ASCII').",
  "22P05": "PostgreSQL's text and jsonb cannot hold a NUL character (\\u0000): remove it.",
  "25P03": "The transaction waited for its next statement for longer than idle_in_transaction_session_timeout.",
  "25P04": "The transaction took longer than transaction_timeout.",
  "25006":
    "The transaction, the role or the server only reads, as a standby does. Where it was a failover, the next call gets another connection.",
  "25P02": "A statement of this transaction failed before: roll it back and begin anew.",
  "28000": "Check user and host against the server's pg_hba.conf.",
  "28P01": "Check username and password.",
  "3D000": "Check the database's name.",
  "42P18": "Cast the parameter to the type that it is meant to have: :x::int.",
  "53100": "The server's disk is full: free some space there.",
  "53300":
    "Lower pool_size and max_overflow, or raise max_connections of the server, or the role's or the database's limit.",
  "57014": "It was cancelled, or took longer than statement_timeout.",
}

/**
 * Poolers that have no place for another client. pgbouncer and Supavisor give a code for this that they give for other
 * failures as well (protocol violation, internal error), so their words decide; they know no other language.
 */
function isPoolerFull({ code = "", message = "" }: ServerError): boolean {
  return (
    /^(08P01|XX000|53300)$/.test(code) &&
    /no more connections allowed|max client connections|max clients reached/i.test(message)
  )
}

function ofServer(error: unknown, server: ServerError): Failure {
  const code = server.code!
  if (isPoolerFull(server)) {
    const hint = "Lower pool_size and max_overflow, or raise the pooler's own limit (max_client_conn, pool size)."
    return { action: "wait", kind: "connection", sqlState: code, driverCode: code, hint }
  }
  const statement = statements.get(error as object)
  const named = outdated.has(error as object) ? outdatedHint : hintOf(server)
  const place = statement && placeOf(statement.text, server.position)
  const hint = [server.hint, place, named].filter((part) => part !== undefined).join("\n")
  const kind = kinds[code] ?? kinds[code.slice(0, 2)] ?? "other"
  return {
    action: outdated.has(error as object) ? "rerun" : (actions[code] ?? actions[code.slice(0, 2)] ?? "fatal"),
    kind,
    ...(whileIdle.has(code) && { neverRan: true }),
    sqlState: code,
    driverCode: code,
    ...aboutOf(server),
    // On a standby, or where the role only reads, execute() is refused as well: there the hint to use it would be wrong.
    ...(kind === "readOnly" && { code: statement?.readOnly === true ? ("READ_ONLY" as const) : ("QUERY" as const) }),
    ...(hint !== "" && { hint }),
  }
}

/** The server ends a session with these because it does nothing. */
const whileIdle = new Set(["25P03", "57P05"])

const outdatedHint =
  "Tables changed after the statement was prepared: roll back and run the transaction again, as transaction() does."

function aboutOf({ constraint, schema, table, column, detail }: ServerError): Pick<Failure, "about"> {
  const told = Object.entries({ constraint, schema, table, column, detail }).filter(([, value]) => value !== undefined)
  return told.length === 0 ? {} : { about: Object.fromEntries(told) }
}

function hintOf({ code, routine, message = "" }: ServerError): string | undefined {
  if (code === "42601" && routine === "exec_parse_message") return "Give one statement at a time."
  // What poolers say themselves is never translated.
  if (/unsupported startup parameter/.test(message)) {
    return "A pooler refuses it: take the setting out, or name it in the pooler's ignore_startup_parameters."
  }
  // The name is our own; what is said of it may be in any language.
  if ((code === "26000" || code === "42P05") && message.includes("mooring_")) {
    return 'Behind a pooler that changes servers between transactions, set prepared_statements = "unnamed".'
  }
  return hints[code!]
}

/** The line that an error is about, with a caret under the place. */
function placeOf(text: string, position: string | undefined): string | undefined {
  const count = Number(position)
  if (!Number.isInteger(count) || count < 1) return undefined
  const characters = [...text]
  const before = characters.slice(0, count - 1).join("")
  const line = before.split("\n").length
  const start = before.slice(before.lastIndexOf("\n") + 1)
  const rest = characters
    .slice(count - 1)
    .join("")
    .split("\n", 1)[0]!
  // Of a long line, the part around the place.
  const shown = start.length > 60 ? `…${start.slice(-50)}` : start
  const caret = `${shown.replace(/[^\t]/g, " ")}^`
  return `Line ${line}, column ${[...start].length + 1}:\n${shown}${rest.length > 60 ? `${rest.slice(0, 50)}…` : rest}\n${caret}`
}
