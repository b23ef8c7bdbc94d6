import { LRUCache } from "lru-cache"
import type { CacheKey, CacheRange, Entry, StoreStats } from "./contract.ts"
import { Epochs } from "./epochs.ts"
import { type Pass, Sweeper } from "./sweeper.ts"

/** How much a {@link MemoryStore} holds, and for how long. */
export interface MemoryOptions {
  /** Bytes, by `Entry.bytes` and what keeping an entry costs; {@link defaultMemoryBytes} by default. A larger entry is not kept. */
  maxBytes?: number | undefined
  /** The number of entries; not bounded by default. */
  maxEntries?: number | undefined
  /** The clock of `Entry.storedAt`. */
  now?: (() => number) | undefined
  /** Called when an entry had to make room, not when it expired, was replaced or invalidated. */
  onEvict?: ((key: CacheKey, bytes: number) => void) | undefined
}

const mebibyte = 1024 * 1024
const quarterGigabyte = 256 * mebibyte
/** V8 counts the young generation in its limit, 192 MiB in Node 24: results do not stay there. */
const youngGeneration = 192 * mebibyte

/**
 * 256 MiB (some dozens of tables of a million values), or a quarter of what V8's old generation may grow to where that is
 * less: small results are objects of the heap.
 */
export function defaultMemoryBytes(): number {
  const { heap_size_limit: limit } = process.getBuiltinModule("node:v8").getHeapStatistics()
  if (!(limit > 0)) return quarterGigabyte
  return Math.min(quarterGigabyte, Math.max(limit / 16, (limit - youngGeneration) / 4))
}

/** What keeping costs beside value and texts, in bytes of V8's heap, as measured: of an entry, of a group. */
const perEntry = 400
const perGroup = 500

/** The entries of one statement or function. Their keys are these objects, so that its texts are kept once. */
interface Group {
  readonly scope: string
  readonly name: string
  readonly ids: Map<string, CacheKey>
  /** The greatest age that anybody has asked for, in milliseconds: what is older is of no use. */
  keepFor: number
}

/**
 * Entries in this process's memory: the values themselves, bounded by bytes and number; the least recently used go
 * first. Looking up hashes no more than the three parts of the key, and invalidating touches only what it drops.
 *
 * What is older than any caller of its group has accepted is removed in the background.
 */
export class MemoryStore {
  readonly name = "memory"
  readonly inProcess = true
  readonly #entries: LRUCache<CacheKey, Entry<unknown>>
  /** Scope and group to the keys under which entries are kept. */
  readonly #index = new Map<string, Map<string, Group>>()
  readonly #epochs = new Epochs()
  readonly #maxBytes: number
  readonly #maxEntries: number
  readonly #now: () => number
  readonly #sweeper = new Sweeper(this as MemoryStore, MemoryStore.#expire)
  #groupBytes = 0
  #evictions = 0

  constructor(options: MemoryOptions = {}) {
    this.#maxBytes = Math.min(options.maxBytes ?? defaultMemoryBytes(), Number.MAX_SAFE_INTEGER)
    this.#maxEntries = options.maxEntries ?? Number.POSITIVE_INFINITY
    this.#now = options.now ?? Date.now
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

  /** @param keepFor the greatest age that the caller accepts, in milliseconds. */
  get<V>(key: CacheKey, keepFor = 0): Entry<V> | undefined {
    const group = this.#groupOf(key)
    const kept = group?.ids.get(key.id)
    if (kept === undefined) return undefined
    if (keepFor > group!.keepFor) group!.keepFor = keepFor
    return this.#entries.get(kept) as Entry<V> | undefined
  }

  /**
   * False when the entry was not kept: too large, begun in an earlier epoch, or older than the one that is there.
   *
   * @param keepFor the greatest age at which the writer has a use for it; milliseconds.
   */
  set<V>(key: CacheKey, entry: Entry<V>, keepFor: number = Number.POSITIVE_INFINITY): boolean {
    if (entry.epoch !== this.epoch(key)) return false
    const size = Math.ceil(perEntry + 2 * key.id.length + entry.bytes)
    const kept = this.#groupOf(key)?.ids.get(key.id)
    if (kept && this.#entries.peek(kept)!.storedAt > entry.storedAt) return false
    if (!(size + groupCost(key) <= this.#maxBytes) || this.#maxEntries < 1) {
      if (kept) this.#entries.delete(kept)
      return false
    }
    const { group, key: place } = this.#list(key)
    group.keepFor = Math.max(group.keepFor, keepFor)
    this.#entries.set(place, entry, { size })
    while (this.#entries.size > this.#maxEntries || this.#bytes > this.#maxBytes) this.#entries.pop()
    if (group.keepFor < Number.POSITIVE_INFINITY) this.#sweeper.sweepIn(entry.storedAt + group.keepFor - this.#now())
    return true
  }

  /** Forgets an entry if it is the one of this order, without a new epoch. */
  drop(key: CacheKey, order: number | undefined): void {
    const kept = this.#groupOf(key)?.ids.get(key.id)
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
    return { entries: this.#entries.size, bytes: this.#bytes, evictions: this.#evictions }
  }

  clear(): void {
    this.#epochs.beginAll()
    this.#entries.clear()
  }

  /** Forgets the entries of these scopes. What is under way anywhere is not stored. */
  clearScopes(isMeant: (scope: string) => boolean): void {
    this.#epochs.beginAll()
    for (const scope of [...this.#index.keys()]) {
      if (isMeant(scope)) for (const key of this.#keysIn({ scope })) this.#entries.delete(key)
    }
  }

  get #bytes(): number {
    return this.#entries.calculatedSize + this.#groupBytes
  }

  /** Removes what has expired. Gives the milliseconds until the next entry expires. */
  static *#expire(store: MemoryStore): Pass {
    let soonest = Number.POSITIVE_INFINITY
    let seen = 0
    for (const groups of store.#index.values()) {
      for (const group of groups.values()) {
        if (group.keepFor === Number.POSITIVE_INFINITY) continue
        for (const key of group.ids.values()) {
          if (++seen % 100 === 0) yield
          const left = (store.#entries.peek(key)?.storedAt ?? 0) + group.keepFor - store.#now()
          if (left < 0) store.#entries.delete(key)
          else soonest = Math.min(soonest, left)
        }
      }
    }
    return soonest
  }

  #groupOf({ scope, group }: CacheRange): Group | undefined {
    return this.#index.get(scope)?.get(group!)
  }

  #keysIn(range: CacheRange): CacheKey[] {
    const { scope, group, id } = range
    if (group === undefined)
      return [...(this.#index.get(scope)?.values() ?? [])].flatMap(({ ids }) => [...ids.values()])
    const ids = this.#groupOf(range)?.ids
    if (id === undefined) return [...(ids?.values() ?? [])]
    const key = ids?.get(id)
    return key ? [key] : []
  }

  #list({ scope, group: name, id }: CacheKey): { group: Group; key: CacheKey } {
    let groups = this.#index.get(scope)
    if (groups === undefined) this.#index.set(scope, (groups = new Map()))
    let group = groups.get(name)
    if (group === undefined) {
      flatten(name)
      groups.set(name, (group = { scope, name, ids: new Map(), keepFor: 0 }))
      this.#groupBytes += groupCost({ scope, group: name })
    }
    let key = group.ids.get(id)
    if (key === undefined) {
      flatten(id)
      group.ids.set(id, (key = { scope: group.scope, group: group.name, id }))
    }
    return { group, key }
  }

  #unlist(key: CacheKey): void {
    const groups = this.#index.get(key.scope)
    const group = groups?.get(key.group)
    if (!group?.ids.delete(key.id) || group.ids.size > 0) return
    groups!.delete(key.group)
    this.#groupBytes -= groupCost(key)
    if (groups!.size === 0) this.#index.delete(key.scope)
  }
}

/**
 * V8 keeps a string that was concatenated as all of its pieces, which take many times its length, until something needs
 * the whole: a regular expression does.
 */
function flatten(text: string): void {
  anything.test(text)
}

const anything = /^/

function groupCost({ scope, group }: Pick<CacheKey, "scope" | "group">): number {
  return perGroup + 2 * (scope.length + group.length)
}
