import { MooringError } from "../errors.ts"
import type { OptionNames } from "../util/known-options.ts"
import type { TransactionOptions } from "./dialect.ts"
import type { CallOptions, QueryOptions, ReadCallOptions, SqlText, StreamCallOptions } from "./options.ts"
import type { TransactionCallOptions } from "./transaction.ts"

/** What each call takes. */
export const callOptions: OptionNames<CallOptions> = { timeout: true, signal: true, outside: true }

export const readOptions: OptionNames<ReadCallOptions> = { ...callOptions, params: true, values: true }

export const queryOptions: OptionNames<QueryOptions> = {
  ...readOptions,
  ttl: true,
  fresh: true,
  staleWhileRevalidate: true,
  staleIfError: true,
  maxRows: true,
  maxBytes: true,
  onProgress: true,
  readOnly: true,
}

export const streamOptions: OptionNames<StreamCallOptions> = { ...readOptions, batchRows: true }

export const beginOptions: OptionNames<TransactionOptions & Pick<CallOptions, "outside" | "signal">> = {
  isolation: true,
  readOnly: true,
  outside: true,
  signal: true,
}

export const transactionOptions: OptionNames<TransactionCallOptions> = {
  ...callOptions,
  isolation: true,
  readOnly: true,
  maxAttempts: true,
}

/**
 * Refuses `execute(sql, { params })`, the form of `query()`.
 *
 * @throws MooringError `BAD_PARAMS`.
 */
export function refuseWrappedParams(sql: SqlText, params: unknown, connection: string): void {
  if (typeof params !== "object" || params === null || Array.isArray(params) || !Object.hasOwn(params, "params")) return
  if (!Object.keys(params).every((name) => Object.hasOwn(queryOptions, name))) return
  if (typeof sql !== "string" || sql.includes(":params")) return
  throw new MooringError("BAD_PARAMS", "execute() takes the params themselves as its second argument.", {
    hint: "Write execute(sql, { name: value }); other options are its third argument.",
    connection,
  })
}
