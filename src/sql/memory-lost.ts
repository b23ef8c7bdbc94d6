import { QueryError } from "../errors.ts"

/**
 * The error of every call after a database in memory went away with its tables. It is not opened again: an empty
 * database would answer as if nothing had happened.
 *
 * @param why a part of a sentence: what ended it.
 */
export function memoryLost(why: string, cause?: unknown): QueryError {
  return new QueryError(
    `The in-memory database and its tables are lost: ${why}.`,
    {
      kind: "connection",
      hint: "Call close() on the connection and open it again for an empty database, or keep the data in a file.",
      ...(cause !== undefined && { cause }),
    },
    "DATA_LOST",
  )
}
