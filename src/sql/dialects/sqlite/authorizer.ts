import type { DatabaseSync } from "node:sqlite"
import type { SQLite } from "./runtime.ts"

/** Pragmas that only tell, whatever their argument. */
const telling = new Set([
  "collation_list",
  "compile_options",
  "database_list",
  "foreign_key_check",
  "foreign_key_list",
  "function_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "integrity_check",
  "module_list",
  "pragma_list",
  "quick_check",
  "table_info",
  "table_list",
  "table_xinfo",
])

/** Pragmas that tell without an argument, and change something with one. */
const tellingAlone = new Set([
  "application_id",
  "auto_vacuum",
  "busy_timeout",
  "cache_size",
  "data_version",
  "encoding",
  "foreign_keys",
  "freelist_count",
  "journal_mode",
  "max_page_count",
  "page_count",
  "page_size",
  "query_only",
  "schema_version",
  "synchronous",
  "user_version",
])

/**
 * Lets the engine itself refuse everything but reading, at `prepare()`: a read-only handle alone still runs
 * `VACUUM INTO`, `ATTACH`, temporary tables and pragmas.
 *
 * @returns false where this Node has no authorizer (before 24.10).
 */
export function allowReadsOnly(handle: DatabaseSync, { constants }: SQLite): boolean {
  if (typeof handle.setAuthorizer !== "function") return false
  const { SQLITE_OK, SQLITE_DENY, SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE, SQLITE_PRAGMA } =
    constants
  const reads = new Set<number>([SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_RECURSIVE])
  handle.setAuthorizer((action, name, argument) => {
    if (reads.has(action)) return SQLITE_OK
    if (action !== SQLITE_PRAGMA || name === null) return SQLITE_DENY
    const pragma = name.toLowerCase()
    return telling.has(pragma) || (tellingAlone.has(pragma) && argument === null) ? SQLITE_OK : SQLITE_DENY
  })
  return true
}

/**
 * The same for a Node without an authorizer: asks the engine for the program of a statement and looks whether it
 * would write, attach, vacuum or begin a transaction. It is a guard against accident.
 */
export function wouldOnlyRead(handle: DatabaseSync, text: string): boolean {
  let program: Record<string, unknown>[]
  try {
    program = handle.prepare(`explain ${text}`).all()
  } catch {
    // Either it is wrong, and says so itself, or it is an EXPLAIN, which acts on nothing.
    return true
  }
  return !program.some(({ opcode, p2, p4 }) => {
    if (opcode === "Transaction") return p2 !== 0
    if (opcode === "Function") return typeof p4 === "string" && /^sqlite_(attach|detach)\(/.test(p4)
    return acting.has(opcode as string)
  })
}

const acting = new Set(["AutoCommit", "Savepoint", "Vacuum", "JournalMode", "SetCookie", "Checkpoint", "IncrVacuum"])
