import type { CacheKey, CacheRange } from "./contract.ts"

/**
 * What happened in a cache, for diagnostics.
 *
 * A key holds the statement and its parameters: an observer decides what of it may be shown.
 */
export type CacheEvent =
  | ({ readonly type: "hit" | "stale"; readonly key: CacheKey /** Milliseconds. */; readonly age: number } & Caller)
  | ({ readonly type: "miss" | "joined"; readonly key: CacheKey } & Caller)
  | ({ readonly type: "stored"; readonly key: CacheKey; readonly bytes: number } & Caller)
  | { readonly type: "evicted"; readonly key: CacheKey; readonly bytes: number }
  | { readonly type: "invalidated"; readonly range: CacheRange }
  /** Once per run of failures of a store: it says no more until it has worked again. */
  | { readonly type: "error"; readonly operation: string; readonly store: string; readonly error: unknown }

/** Whose call it was, where it was a connection's. */
interface Caller {
  readonly connection?: string | undefined
}

/** What a cache has done since it was made, and what its memory holds now. */
export interface CacheStats {
  /** Answered from what is stored, within the caller's ttl. */
  readonly hits: number
  /** Executions that were begun, revalidations included. */
  readonly misses: number
  /** Answered by an execution that another caller had begun. */
  readonly joined: number
  /** Answered with what is older than the caller's ttl, as the caller allowed. */
  readonly stale: number
  readonly stored: number
  /** Failures of stores, of sizing, and of revalidations in the background. */
  readonly errors: number
  readonly evictions: number
  /** Entries in memory now. */
  readonly entries: number
  /** Bytes in memory now, as the entries tell them. */
  readonly bytes: number
  /** The stores outside of memory that were used, such as the disk. */
  readonly stores: readonly StoreCounts[]
}

/** What one store outside of memory has done for this process. */
export interface StoreCounts {
  /** `disk`, `redis`, or what a store of your own calls itself. */
  readonly name: string
  /** Entries that it gave. */
  readonly hits: number
  /** Times that it confirmed that what memory holds is still good. */
  readonly confirmed: number
  /** Times that it had nothing. */
  readonly misses: number
  /** Entries that it took. */
  readonly stored: number
  /** Operations that failed, or were given up because the store was known not to answer. */
  readonly errors: number
  /** Whether its last operation failed. */
  readonly failing: boolean
}

type Counts = Pick<CacheStats, "hits" | "misses" | "joined" | "stale" | "stored" | "errors">

const counters = { miss: "misses", joined: "joined", stale: "stale", stored: "stored", error: "errors" } as const

/** Counts what happens and tells an observer. */
export class Journal {
  readonly #counts = { hits: 0, misses: 0, joined: 0, stale: 0, stored: 0, errors: 0 }
  readonly #observe: ((event: CacheEvent) => void) | undefined

  constructor(observe?: (event: CacheEvent) => void) {
    this.#observe = observe
  }

  /** The commonest event, which costs no object where nobody looks. */
  hit(key: CacheKey, age: number, connection: string | undefined): void {
    this.#counts.hits++
    this.#observe?.({ type: "hit", key, age, connection })
  }

  write(event: Exclude<CacheEvent, { type: "hit" }>): void {
    if (event.type in counters) this.#counts[counters[event.type as keyof typeof counters]]++
    this.#observe?.(event)
  }

  counts(): Counts {
    return { ...this.#counts }
  }
}
