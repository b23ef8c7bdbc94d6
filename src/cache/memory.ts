import { LRUCache } from "lru-cache"
import type { CacheKey, CacheRange, CacheStore, Entry, StoreStats } from "./contract.ts"
import { Epochs } from "./epochs.ts"

/** How much a {@link MemoryStore} holds. */
export interface MemoryOptions {
  /** Bytes, as the entries tell them; 256 MiB by default. An entry larger than this is not kept. */
  maxBytes?: number | undefined
  /** The number of entries; not bounded by default. */
  maxEntries?: number | undefined
  /** Called when an entry had to make room, not when it was replaced or invalidated. */
  onEvict?: ((key: CacheKey, bytes: number) => void) | undefined
}

/** A quarter of a gigabyte: some dozens of tables of a million values, in a process that Node lets grow to 2–4 GB. */
export const defaultMemoryBytes: number = 256 * 1024 * 1024

type Ids = Map<string, CacheKey>

/**
 * Entries in this process's memory: the values themselves, bounded by bytes and number; the least recently used go
 * first. Looking up hashes no more than the three parts of the key, and invalidating touches only what it drops.
 */
export class MemoryStore implements CacheStore {
  readonly name = "memory"
  readonly inProcess = true
  readonly #entries: LRUCache<CacheKey, Entry<unknown>>
  /** Scope, group and id to the key object under which the entry is kept. */
  readonly #index = new Map<string, Map<string, Ids>>()
  readonly #epochs = new Epochs()
  readonly #maxBytes: number
  readonly #maxEntries: number
  #evictions = 0

  constructor(options: MemoryOptions = {}) {
    this.#maxBytes = Math.min(options.maxBytes ?? defaultMemoryBytes, Number.MAX_SAFE_INTEGER)
    this.#maxEntries = options.maxEntries ?? Number.POSITIVE_INFINITY
    this.#entries = new LRUCache<CacheKey, Entry<unknown>>({
      maxSize: Math.max(1, Math.floor(this.#maxBytes)),
      dispose: (entry, key, reason) => {
        if (reason === "set") return
        this.#unlist(key)
        if (reason !== "evict") return
        this.#evictions++
        options.onEvict?.(key, entry.bytes)
      },
    })
  }

  get<V>(key: CacheKey): Entry<V> | undefined {
    const kept = this.#index.get(key.scope)?.get(key.group)?.get(key.id)
    return kept && (this.#entries.get(kept) as Entry<V> | undefined)
  }

  /** False when the entry was not kept: too large, begun in an earlier epoch, or older than the one that is there. */
  set<V>(key: CacheKey, entry: Entry<V>): boolean {
    if (entry.epoch !== this.epoch(key)) return false
    const size = Math.max(1, Math.ceil(entry.bytes))
    const ids = this.#idsOf(key)
    const kept = ids?.get(key.id)
    if (kept && this.#entries.peek(kept)!.storedAt > entry.storedAt) return false
    if (!(size <= this.#maxBytes) || this.#maxEntries < 1) {
      if (kept) this.#entries.delete(kept)
      return false
    }
    this.#entries.set(kept ?? this.#list(key), entry, { size })
    while (this.#entries.size > this.#maxEntries) this.#entries.pop()
    return true
  }

  /** Forgets an entry if it is the one of this order, without a new epoch. */
  drop(key: CacheKey, order: number | undefined): void {
    const kept = this.#idsOf(key)?.get(key.id)
    if (kept && this.#entries.peek(kept)?.order === order) this.#entries.delete(kept)
  }

  epoch(key: CacheKey): string {
    return this.#epochs.of(key)
  }

  invalidate(range: CacheRange): void {
    this.#epochs.begin(range)
    for (const key of this.#keysIn(range)) this.#entries.delete(key)
  }

  stats(): StoreStats {
    return { entries: this.#entries.size, bytes: this.#entries.calculatedSize, evictions: this.#evictions }
  }

  clear(): void {
    this.#epochs.beginAll()
    this.#entries.clear()
  }

  #idsOf(key: CacheRange): Ids | undefined {
    return this.#index.get(key.scope)?.get(key.group!)
  }

  #keysIn(range: CacheRange): CacheKey[] {
    const { scope, group, id } = range
    if (group === undefined) return [...(this.#index.get(scope)?.values() ?? [])].flatMap((ids) => [...ids.values()])
    const ids = this.#idsOf(range)
    if (id === undefined) return [...(ids?.values() ?? [])]
    const key = ids?.get(id)
    return key ? [key] : []
  }

  #list(key: CacheKey): CacheKey {
    const groups = getOrCreate(this.#index, key.scope, () => new Map<string, Ids>())
    getOrCreate(groups, key.group, (): Ids => new Map()).set(key.id, key)
    return key
  }

  #unlist(key: CacheKey): void {
    const groups = this.#index.get(key.scope)
    const ids = groups?.get(key.group)
    ids?.delete(key.id)
    if (ids?.size === 0) groups!.delete(key.group)
    if (groups?.size === 0) this.#index.delete(key.scope)
  }
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = create()))
  return value
}
