import type { CacheStore, Codec } from "./contract.ts"
import type { MemoryStore } from "./memory.ts"

/** How old an answer may be for one caller. All times are milliseconds; `Infinity` is for ever. */
export interface Acceptance {
  /**
   * The greatest age that this caller accepts. It is no part of the key: an entry that another caller's ttl brought
   * in is good for all who accept its age. At 0 nothing that is stored is fresh.
   */
  readonly ttl: number
  /** For so long after `ttl`, an older answer is given at once and renewed in the background (RFC 5861, 3). */
  readonly staleWhileRevalidate?: number | undefined
  /** For so long after `ttl`, an older answer is given when a new one fails as `mayServeStaleOn` says (RFC 5861, 4). */
  readonly staleIfError?: number | undefined
  /** Which failures an older answer may cover up; none by default. */
  readonly mayServeStaleOn?: ((error: unknown) => boolean) | undefined
}

/** What one caller of a cache asks for. */
export interface ReadOptions<T> extends Acceptance {
  /** Ignores what is stored and what was begun earlier, and stores its result. */
  readonly fresh?: boolean | undefined
  /** Whose call it is, for events. */
  readonly connection?: string | undefined
  /** This caller's own; the execution is aborted when its last caller has left. */
  readonly signal?: AbortSignal | undefined
  /** False runs the work for this caller alone: it neither joins, nor is joined, nor stored. */
  readonly sharing?: boolean | undefined
  /** A memory with bounds of its own (`Cache.memory`), in place of the common one. */
  readonly memory?: MemoryStore | undefined
  /** A store behind the memory, such as the disk. Needs `codec`. */
  readonly store?: CacheStore | undefined
  readonly codec?: Codec<T> | undefined
  /** The bytes that a value occupies. */
  readonly sizeOf: (value: T) => number
  /** Whether a stored value can still be used. What it throws counts as no. */
  readonly validate?: ((value: T) => boolean | Promise<boolean>) | undefined
}

/** What an entry of an age, in milliseconds, is for a caller. */
export function freshness(age: number, options: Acceptance): "fresh" | "stale" | "expired" {
  const { ttl, staleWhileRevalidate = 0 } = options
  if (ttl > 0 && age <= ttl) return "fresh"
  return staleWhileRevalidate > 0 && age <= ttl + staleWhileRevalidate ? "stale" : "expired"
}

/** Whether an entry of an age may cover up a failure. */
export function coversError(age: number, error: unknown, options: Acceptance): boolean {
  const { ttl, staleIfError = 0, mayServeStaleOn } = options
  return staleIfError > 0 && age <= ttl + staleIfError && mayServeStaleOn?.(error) === true
}

/** The greatest age at which an entry may be of use to a caller; at 0 there is nothing to store. */
export function horizon({ ttl, staleWhileRevalidate = 0, staleIfError = 0 }: Acceptance): number {
  return ttl + Math.max(staleWhileRevalidate, staleIfError)
}

/** What a `validate` says; what it throws counts as no. */
export async function isValid<T>(validate: (value: T) => boolean | Promise<boolean>, value: T): Promise<boolean> {
  try {
    return await validate(value)
  } catch {
    return false
  }
}
