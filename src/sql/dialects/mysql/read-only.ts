import type { StatementFacts } from "./statements.ts"

/**
 * What may be asked of a session that is read-only. For these the server itself refuses what changes data. The others
 * have no place in a query: SET would undo the session's setting, LOCK and USE would be left to the next borrower, and
 * KILL, FLUSH or SHUTDOWN act in every session.
 */
const passed: readonly string[] = [
  "(",
  "analyze",
  "call",
  "check",
  "checksum",
  "delete",
  "desc",
  "describe",
  "explain",
  "help",
  "insert",
  "replace",
  "select",
  "show",
  "table",
  "truncate",
  "update",
  "values",
  "with",
]

/** The server's number for what is no SQL. */
const syntaxError = 1064

/** A statement that a query cannot do, which was not run. */
export class RefusedStatement extends Error {}

/**
 * Why a statement is refused that a read-only session would let through. It guards against accidents: who may write any
 * SQL gets past it, and needs a user of the database with few rights.
 */
export function refusalOf({ verbs, writesFile, readsFile }: StatementFacts): RefusedStatement | undefined {
  if (writesFile) return new RefusedStatement("INTO OUTFILE and INTO DUMPFILE write a file at the server.")
  if (readsFile) return new RefusedStatement("LOAD_FILE reads a file of the server.")
  // An empty statement is for the server to refuse.
  const verb = verbs.find((each) => each !== "" && !passed.includes(each))
  if (verb === undefined) return undefined
  const name = /^\w+$/.test(verb) ? verb.toUpperCase() : "such a statement"
  return new RefusedStatement(`query() only reads, and ${name} may change more than its own answer.`)
}

/**
 * The error for a statement that is refused. Of what is no SQL at all, it is the server's.
 *
 * @param prepare has the server look at the statement, which runs nothing.
 */
export async function explained(
  refusal: RefusedStatement,
  prepare: () => Promise<void>,
  isUsable: () => boolean,
): Promise<unknown> {
  try {
    await prepare()
  } catch (error) {
    const { errno, fatal } = error as { errno?: number; fatal?: boolean }
    if (errno === syntaxError || fatal || !isUsable()) return error
  }
  return refusal
}
