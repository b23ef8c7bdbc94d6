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
  signal?: AbortSignal | undefined
  policy?: RetryPolicy
}

/**
 * Runs `attempt` until it succeeds, fails for good or has been tried often enough; throws its last error.
 *
 * After `lost` the second attempt comes at once, since a fresh connection is likely to work; every other wait is
 * jittered, so that many callers do not come back together.
 */
export async function withRetries<T>(attempt: (number: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attempts, within, firstWait } = options.policy ?? defaultRetryPolicy
  const start = performance.now()
  for (let number = 1; ; number++) {
    try {
      return await attempt(number)
    } catch (error) {
      if (options.signal?.aborted || number >= attempts) throw error
      const action = options.classify(error)
      if (action !== "lost" && action !== "wait") throw error
      const wait = action === "lost" && number === 1 ? 0 : firstWait * 2 ** (number - 1) * (0.5 + Math.random())
      if (performance.now() - start + wait > within) throw error
      if (wait > 0) await sleep(wait, options.signal)
    }
  }
}
