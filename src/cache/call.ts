import type { Flight } from "../util/single-flight.ts"
import type { CacheKey, Entry } from "./contract.ts"
import type { GuardedStore } from "./guarded-store.ts"
import type { MemoryStore } from "./memory.ts"
import type { ReadOptions } from "./read-options.ts"

/** A value in memory, with the epoch that it has in the store behind. */
export interface Held<T> {
  readonly value: T
  readonly behind: string | undefined
}

/** What is known of a key: the entry, and its epoch in the store behind where there is one that answers. */
export interface Sighting<T> {
  readonly entry?: Entry<Held<T>> | undefined
  readonly behind?: string | undefined
  /** That of what is stored behind; see `Look`. */
  readonly order?: number | undefined
}

/** What an execution gives to those who share it. */
export interface Outcome<T> {
  readonly value: T
  /** When its work began: the data is at least as old as this. */
  readonly begun: number
  readonly epoch: string
  readonly flight: Flight
  /** The epoch in the store behind under which it began, and its number there. */
  readonly behind?: string | undefined
  readonly order?: number | undefined
  /** True for the answer of another process, which has stored it behind. */
  readonly adopted?: boolean
  kept: boolean
}

/** One call of `read`, with its options resolved. */
export interface Call<T> {
  readonly key: CacheKey
  readonly options: ReadOptions<T>
  readonly work: (signal: AbortSignal) => T | PromiseLike<T>
  readonly memory: MemoryStore
  readonly behind: GuardedStore | undefined
}
