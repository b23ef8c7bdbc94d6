/**
 * After a failover, links that stayed open lead to a server that only reads now. It says so when it refuses a change;
 * from version 14 on it also reports it with its next answer.
 */

/** A connection to a server that does not take changes any more. */
export class OnlyReads extends Error {
  constructor() {
    super("The server only reads now.")
  }
}

/** Gives a true boolean where a new transaction would only read. */
export const asksWhetherReadOnly = "SELECT pg_catalog.current_setting('transaction_read_only')::bool"

/** Whether a server refused to change something. */
export function isRefusedChange(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === "25006"
}

/** What the server has reported of itself. */
export function onlyReads(parameters: ReadonlyMap<string, string>): boolean {
  return parameters.get("in_hot_standby") === "on" || parameters.get("default_transaction_read_only") === "on"
}
