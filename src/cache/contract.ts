/**
 * What the cache needs from a store, whether memory, disk or a server. Stores keep entries and epochs; ages, flights
 * and what may be served stale are decided once, above them.
 */

/** Where an entry lives. A scope is one source (one database, one cached function); a group is one statement of it. */
export interface CacheKey {
  readonly scope: string
  readonly group: string
  readonly id: string
}

/** A part of a cache: a whole scope, one group, or one entry. */
export type CacheRange = Pick<CacheKey, "scope"> & Partial<Pick<CacheKey, "group" | "id">>

/** A stored result. Times are milliseconds since 1970. */
export interface Entry<V> {
  readonly value: V
  readonly storedAt: number
  /** After this it is never served again; `Infinity` for never. */
  readonly expiresAt: number
  /** The epoch under which its execution began. */
  readonly epoch: string
  readonly bytes: number
}

/** Turns values to bytes and back. Reading must survive any bytes: it throws, it never executes. */
export interface Codec<V> {
  /** Names the format in stored entries: another id is a miss. */
  readonly id: string
  encode(value: V): Uint8Array
  decode(bytes: Uint8Array): V
}

/**
 * A store of entries.
 *
 * A store that fails is not a query that fails: callers treat a rejected promise as a miss and report it once.
 */
export interface CacheStore {
  readonly name: string
  /** True where values stay the objects they were; false where they pass through the codec. */
  readonly inProcess: boolean
  get<V>(key: CacheKey, codec: Codec<V>): Promise<Entry<V> | undefined> | Entry<V> | undefined
  /**
   * Keeps an entry in place of an older one. An entry whose epoch is no longer the key's is dropped, or at least never
   * given again.
   */
  set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<unknown> | unknown
  /** The present epoch of a key: changes whenever a range that holds the key is invalidated. */
  epoch(key: CacheKey): Promise<string> | string
  /** Drops the range's entries and begins a new epoch for it. */
  invalidate(range: CacheRange): Promise<void> | void
  stats(): Promise<StoreStats> | StoreStats
  /** Forgets everything that it keeps. */
  clear(): Promise<void> | void
  close?(): Promise<void> | void
}

/** What a store holds now. */
export interface StoreStats {
  readonly entries: number
  readonly bytes: number
  readonly evictions: number
}
