import { isMooringError, type MooringError, QueryError } from "../errors.ts"
import { addCaller } from "../util/caller.ts"
import { bindTargetOf, type Dialect, type Statement } from "./dialect.ts"
import type { SqlText } from "./options.ts"
import type { Params } from "./params.ts"
import { copyOf, locating } from "./query-error.ts"
import { forStreamlit, warnOfQuotedColon } from "./streamlit-text.ts"
import { toStatement } from "./template.ts"
import { isEmpty } from "./tokens.ts"

/** Errors that a caller was given already, with their stacks before that. */
const reported = new WeakMap<object, string | undefined>()

/**
 * Runs what a caller waits for. An error of ours gets the caller's frames, which were lost in queues and pools, and the
 * statement's text as the caller wrote it. What succeeds pays for one more await.
 */
export async function reporting<T>(sql: SqlText | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw addCaller(typeof sql === "string" && isMooringError(error) ? ofCaller(error, sql) : error)
  }
}

/** The error of a connect, or of a pool's end, is one object for all who waited: those after the first get a copy. */
function ofCaller(error: MooringError, sql: string): MooringError {
  if (reported.has(error)) return withText(copyOf(error, reported.get(error)), sql)
  reported.set(error, error.stack)
  return withText(error, sql)
}

/** What a call's statement is for. */
export interface Binder {
  /** The connection's name. */
  readonly name: string
  readonly dialect: Dialect
  /** Its configuration is Streamlit's: the app's statements are written for that. */
  readonly streamlit: boolean
}

/** The statement of a call, bound; an error about its parameters says of which connection and statement. */
export function bound(sql: SqlText, params: Params | undefined, { name, dialect, streamlit }: Binder): Statement {
  try {
    const target = bindTargetOf(dialect)
    if (streamlit && typeof sql === "string") warnOfQuotedColon(name, sql, dialect.syntax)
    const bind = () => toStatement(sql, params, streamlit ? forStreamlit(name, target) : target)
    const statement = locating(name, bind)
    if (isEmpty(statement.text, dialect.syntax)) throw empty(name)
    return statement
  } catch (error) {
    if (typeof sql === "string" && isMooringError(error)) withText(error, sql)
    // A stack holds ten frames, and the binding alone may have them.
    throw addCaller(error)
  }
}

/** Nothing reaches the database: some would refuse it, and some answer nothing. */
function empty(connection: string): QueryError {
  return new QueryError(`Connection "${connection}": The statement is empty.`, {
    connection,
    kind: "syntax",
    outcome: "notRun",
    hint: "The text has only white space, comments and semicolons: give it a statement.",
  })
}

function withText(error: MooringError, sql: string): MooringError {
  return Object.assign(error, { sql } satisfies Partial<MooringError>)
}
