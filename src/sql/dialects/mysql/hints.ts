import { tooManyOfUser } from "./refusals.ts"

/** By the server's numbers. */
const hints: Readonly<Record<number, string>> = {
  1040: "Lower pool_size and max_overflow, or raise the server's max_connections.",
  1203: tooManyOfUser,
  1045: "Check username and password, and from which hosts the user may come.",
  1049: "Check the database's name.",
  1129: "The server has blocked this host: mysqladmin flush-hosts lets it in again.",
  1153: "Give less at once, or raise the server's max_allowed_packet.",
  1290: "The server was started so that it does not do this.",
  1298: "Give an offset, as +02:00, or load the zones' names at the server: mysql_tzinfo_to_sql.",
  1295: "This statement cannot be prepared: write its values into its text.",
  1317: "It was cancelled, at the server or from another session.",
  1461: "Raise the server's max_prepared_stmt_count.",
  1969: "It took longer than statement_timeout.",
  3024: "It took longer than statement_timeout.",
  3948: "Reading files of this machine for the server is turned off.",
  4031: "It was idle for longer than wait_timeout.",
  4166: "Reading files of this machine for the server is turned off.",
}

export const initHint = "It is the statement of init_command that failed: write one statement, as MySQL takes it."
const diskHint = "The server's disk is full, or a table has reached its own limit: free some space, or raise the limit."

/** What to do about a server's error. */
export function hintFor(errno: number, message: string, isDiskFull: boolean): string | undefined {
  if (isDiskFull) return diskHint
  return hints[errno] ?? (errno === 1148 && /LOCAL/.test(message) ? hints[4166] : undefined)
}
