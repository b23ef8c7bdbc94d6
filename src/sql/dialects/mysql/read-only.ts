import { MooringError } from "../../../errors.ts"
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

/**
 * Refuses what a read-only session would let through. It guards against accidents: who may write any SQL gets past it,
 * and needs a user of the database with few rights.
 *
 * @throws MooringError `READ_ONLY`.
 */
export function checkReading({ verb, writesFile, readsFile }: StatementFacts): void {
  if (writesFile) throw refusal("INTO OUTFILE and INTO DUMPFILE write a file at the server, which a query cannot do.")
  if (readsFile) throw refusal("LOAD_FILE reads a file of the server, which a query cannot do.")
  // An empty statement is for the server to refuse.
  if (verb === "" || passed.includes(verb)) return
  const name = /^\w+$/.test(verb) ? verb.toUpperCase() : "Such a statement"
  throw refusal(`${name} is not something that a query can do: it may change more than its own answer.`)
}

/** Whether the session may not be read-only any more: a procedure can set what it likes. */
export function mayUndoReadOnly({ verb }: StatementFacts): boolean {
  return verb === "call"
}

function refusal(message: string): MooringError {
  return new MooringError("READ_ONLY", message, {
    hint: "Use execute(), or a session, for statements that change something.",
  })
}
