import { sleep } from "../util/abort.ts"

/** What an error means for the raw connection: see `BaseConnection._classify`. */
export type FailureAction = "lost" | "wait" | "rerun" | "fatal"

/** How often and how long work is tried again. */
export interface RetryPolicy {
  /** All attempts, the first included. */
  readonly attempts: number
  /** No attempt begins later than this after the first; milliseconds. */
  readonly within: number
  /** The wait before the third attempt; it doubles from there. The second comes at once. */
  readonly firstWait: number
}

/** At most 3 attempts within 5 s. */
export const defaultRetryPolicy: RetryPolicy = { attempts: 3, within: 5_000, firstWait: 100 }

/** What {@link withRetries} is told. */
export interface RetryOptions {
  classify(error: unknown): FailureAction
  /** True while there is nothing to try it on: who asks for a connection is made to wait elsewhere. */
  isPaced?(): boolean
  signal?: AbortSignal | undefined
  policy?: RetryPolicy
}

/**
 * Runs `attempt` until it succeeds, fails for good or has been tried often enough; throws its last error.
 *
 * After `lost` the second attempt comes at once, since a fresh connection is likely to work; every other wait is
 * jittered, so that many callers do not come back together. An attempt that ended for want of a connection, while the
 * other side cannot be reached, is not counted: the time is its only limit.
 */
export async function withRetries<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, within, firstWait } = options.policy ?? defaultRetryPolicy
  const start = performance.now()
  let counted = 0
  for (let number = 1; ; number++) {
    try {
      return await attempt(number)
    } catch (error) {
      if (options.signal?.aborted) throw error
      const action = options.classify(error)
      if (action !== "lost" && action !== "wait") throw error
      const paced = options.isPaced?.() ?? false
      if (!paced && ++counted >= attempts) throw error
      const wait =
        paced || (action === "lost" && counted === 1) ? 0 : firstWait * 2 ** (counted - 1) * (0.5 + Math.random())
      if (performance.now() - start + wait > within) throw error
      if (wait > 0) await sleep(wait, options.signal)
    }
  }
}
