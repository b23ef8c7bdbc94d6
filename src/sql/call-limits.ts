import { linkSignals } from "../util/abort.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import type { CallOptions } from "./options.ts"

/**
 * Runs `work` with a call's signal, or with one that also follows its deadline.
 *
 * @param connection its name, for the `TimeoutError`.
 */
export function underLimits<T>(
  connection: string,
  { signal, timeout }: CallOptions,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  return timeout === undefined ? work(signal) : underDeadline(connection, { signal, timeout }, work)
}

async function underDeadline<T>(
  connection: string,
  { signal, timeout }: { signal: AbortSignal | undefined; timeout: Duration },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const wait = toMilliseconds(timeout, "timeout")
  const late = `A call on connection "${connection}" took longer than its timeout of ${wait / 1000} s.`
  const link = linkSignals({ signal, timeout: wait, connection }, late)
  try {
    return await work(link.signal)
  } finally {
    link.dispose()
  }
}
