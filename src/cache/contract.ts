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
  /** Numbers the executions of a key where processes share a store: of two in one epoch, the greater began later. */
  readonly order?: number | undefined
}

/** What a store knows of a key. */
export interface Look<V> {
  readonly epoch: string
  /** Absent where there is none of this epoch, where it cannot be read, or where the asker holds it already. */
  readonly entry?: Entry<V> | undefined
  /** That of what is stored, even if it cannot be read. 0 where nothing is. */
  readonly order: number
}

/** What {@link CacheStore.turn} answers. */
export type Turn =
  /** This process executes, and `release`s where nothing comes of it; a `set` of this order does so too. */
  | { readonly state: "yours"; readonly epoch: string; readonly order: number; readonly lease: StoreLease }
  /** Another process is at it. */
  | { readonly state: "held"; readonly holder: string }
  /** Meanwhile another process has stored what was not known. */
  | { readonly state: "newer" }

/** The right to be the only process that executes, until it is not renewed in time. */
export interface StoreLease {
  /** Milliseconds after which it should be renewed. */
  readonly renewEvery: number
  renew(): Promise<unknown>
  release(): Promise<unknown>
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
  /** Where it is, for people: a folder, a URL without its password. */
  readonly location?: string
  /** True where values stay the objects they were; false where they pass through the codec. */
  readonly inProcess: boolean
  get<V>(key: CacheKey, codec: Codec<V>): Promise<Entry<V> | undefined> | Entry<V> | undefined
  /**
   * Keeps an entry in place of an older one. An entry whose epoch is no longer the key's is dropped, or at least never
   * given again. Gives "newer" where it was dropped because an execution that began later has stored already.
   */
  set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<unknown> | unknown
  /** The present epoch of a key: changes whenever a range that holds the key is invalidated. */
  epoch(key: CacheKey): Promise<string> | string
  /** Drops the range's entries and begins a new epoch for it. */
  invalidate(range: CacheRange): Promise<void> | void
  /**
   * `epoch` and `get` in one, for stores that are far away.
   *
   * @param known an epoch of which the asker holds the entry: then it is not read again.
   */
  look?<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Look<V>>
  /**
   * Asks to be the one process that executes. Absent where processes do not wait for each other.
   *
   * @param known the order of what the asker has seen stored, 0 for nothing.
   * @param force begins whatever others do, and in front of them.
   */
  turn?(key: CacheKey, known: number, force: boolean): Promise<Turn>
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
