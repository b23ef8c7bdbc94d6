/** A statement of our own beside one that reads. */
export type Control = "readOnly" | "begin" | "commit" | "rollback"

export const controls: Readonly<Record<Control, string>> = {
  readOnly: "SET transaction_read_only = on",
  begin: "BEGIN READ ONLY",
  commit: "COMMIT",
  rollback: "ROLLBACK",
}

/** What stands before and behind a statement, in its write, so that the server refuses what changes something. */
export interface Guard {
  readonly before: Control
  readonly after: Control | undefined
}

/** Statements up to a Sync are one transaction, which ends there: this one is made read-only, at half the price. */
const light: Guard = { before: "readOnly", after: undefined }
const block: Guard = { before: "begin", after: "commit" }
const undone: Guard = { before: "begin", after: "rollback" }

/**
 * EXPLAIN ANALYZE CREATE TABLE AS makes its table in a read-only transaction, too; so do set_config and, before
 * PostgreSQL 16, functions for large objects what they are for. Rolled back, they do not.
 *
 * Outside of BEGIN, what DO and CALL run may commit, and then write: only what cannot hold a COMMIT goes without.
 *
 * @param pipelined whether the statements up to a Sync are one transaction for this server.
 */
export function guardOf(text: string, pipelined: boolean): Guard {
  if (/\b(explain|set_config|lo_\w+)\b/i.test(text)) return undone
  return pipelined && /^\s*(select|with|values|table)\b/i.test(text) ? light : block
}
