/** One entry in the ring of all, between the one that was used before it and the one that was used after. */
interface Link<K, V> {
  readonly key: K
  value: V
  size: number
  older: Link<K, V>
  newer: Link<K, V>
}

/** How much an {@link LruMap} holds. */
export interface LruOptions<K, V> {
  /** Of the sizes of all entries together; an entry whose size nobody tells has 1. */
  maxSize: number
  /** Not bounded by default. */
  maxEntries?: number | undefined
  /** Called when an entry had to make room, not when it was replaced or deleted. */
  onEvict?: (key: K, value: V) => void
}

/** A map that forgets what was not used for the longest time, to hold no more than it may. Nothing is searched for. */
export class LruMap<K, V> {
  readonly #links = new Map<K, Link<K, V>>()
  /** Closes the ring: the oldest entry is its `newer`, the newest its `older`. */
  readonly #end: Link<K, V>
  readonly #options: LruOptions<K, V>
  #total = 0

  constructor(options: LruOptions<K, V>) {
    this.#options = options
    const end = {} as Link<K, V>
    this.#end = Object.assign(end, { older: end, newer: end })
  }

  /** How many entries there are. */
  get size(): number {
    return this.#links.size
  }

  /** The sizes of all entries together. */
  get total(): number {
    return this.#total
  }

  get(key: K): V | undefined {
    const link = this.#links.get(key)
    if (link === undefined) return undefined
    unlink(link)
    this.#append(link)
    return link.value
  }

  /** The value, which does not count as a use. */
  peek(key: K): V | undefined {
    return this.#links.get(key)?.value
  }

  /** False for what is larger than all may be together: neither it is kept, nor what it would have replaced. */
  set(key: K, value: V, size: number = 1): boolean {
    this.delete(key)
    const { maxSize, maxEntries = Number.POSITIVE_INFINITY } = this.#options
    if (!(size <= maxSize) || maxEntries < 1) return false
    while (this.size > 0 && (this.#total + size > maxSize || this.size >= maxEntries)) this.#evict()
    const link = { key, value, size } as Link<K, V>
    this.#links.set(key, link)
    this.#append(link)
    this.#total += size
    return true
  }

  delete(key: K): boolean {
    const link = this.#links.get(key)
    if (link === undefined) return false
    unlink(link)
    this.#total -= link.size
    return this.#links.delete(key)
  }

  clear(): void {
    this.#links.clear()
    this.#end.older = this.#end
    this.#end.newer = this.#end
    this.#total = 0
  }

  #append(link: Link<K, V>): void {
    const newest = this.#end.older
    link.older = newest
    link.newer = this.#end
    newest.newer = link
    this.#end.older = link
  }

  #evict(): void {
    const { key, value } = this.#end.newer
    this.delete(key)
    this.#options.onEvict?.(key, value)
  }
}

function unlink<K, V>({ older, newer }: Link<K, V>): void {
  older.newer = newer
  newer.older = older
}
