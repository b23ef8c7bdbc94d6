/** How often a server that fails is tried, all callers together. Times in milliseconds. */
export interface BackoffPolicy {
  /** The wait after the first failure; it doubles from failure to failure. */
  readonly first: number
  /** The longest wait while it has been failing for less than `patience`. */
  readonly ceiling: number
  /** The longest wait afterwards. */
  readonly lateCeiling: number
  readonly patience: number
  /** A wait is shortened by up to this part of it, so that processes that failed together do not come back together. */
  readonly jitter: number
  /** Callers are no longer kept waiting, but told, once it has been failing for so long. */
  readonly breakAfter: number
  /** What was seen longer ago says nothing about now. */
  readonly memory: number
}

/** At most 25 attempts in the first 15 s, none more than a second apart in the first minute, then every 4 to 5 s. */
export const connectBackoff: BackoffPolicy = {
  first: 100,
  ceiling: 900,
  lateCeiling: 5_000,
  patience: 60_000,
  jitter: 0.2,
  breakAfter: 10_000,
  memory: 60_000,
}

/**
 * The wait before the next attempt; milliseconds.
 *
 * @param failures how many there were in a row, at least 1.
 * @param failingFor milliseconds since the first of them.
 * @param random from 0 to 1.
 */
export function backoffDelay(failures: number, failingFor: number, random: number, policy: BackoffPolicy): number {
  const { first, ceiling, lateCeiling, patience, jitter } = policy
  const longest = failingFor < patience ? ceiling : lateCeiling
  return Math.min(longest, first * 2 ** (failures - 1)) * (1 - jitter * random)
}
