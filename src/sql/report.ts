import { isMooringError, type MooringError } from "../errors.ts"
import { addCaller } from "../util/caller.ts"
import { bindTargetOf, type Dialect, type Statement } from "./dialect.ts"
import type { SqlText } from "./options.ts"
import type { Params } from "./params.ts"
import { locating } from "./query-error.ts"
import { toStatement } from "./template.ts"

/**
 * Runs what a caller waits for. An error of ours gets the caller's frames, which were lost in queues and pools, and the
 * statement's text as the caller wrote it. What succeeds pays for one more await.
 */
export async function reporting<T>(sql: SqlText | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (typeof sql === "string") noteText(error, sql)
    throw addCaller(error)
  }
}

/** The statement of a call, bound; an error about its parameters says of which connection and statement. */
export function bound(connection: string, sql: SqlText, params: Params | undefined, dialect: Dialect): Statement {
  try {
    return locating(connection, () => toStatement(sql, params, bindTargetOf(dialect)))
  } catch (error) {
    if (typeof sql === "string") noteText(error, sql)
    // A stack holds ten frames, and the binding alone may have them.
    throw addCaller(error)
  }
}

/** Remembers the text of the statement that an error is about, unless a statement inside it was the reason. */
export function noteText(error: unknown, text: string): void {
  if (isMooringError(error) && !written.has(error)) {
    written.add(error)
    Object.assign(error, { sql: text } satisfies Partial<MooringError>)
  }
}

const written = new WeakSet<object>()
