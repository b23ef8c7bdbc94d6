import type { CacheKey, CacheRange, CacheStore, Codec, Entry } from "./contract.ts"

/** What a store answered: the key's epoch and, where there is one of that epoch, an entry. */
export interface Found<V> {
  readonly epoch: string
  readonly entry: Entry<V> | undefined
}

/**
 * Stands between the cache and a store outside of its memory, so that a store that fails is a miss and one report,
 * and never an old answer: an invalidation that could not be written is owed, and nothing of its scope is read before
 * it was.
 */
export class GuardedStore {
  readonly #store: CacheStore
  readonly #report: (operation: string, error: unknown) => void
  /** The last invalidation of each scope that is under way or has failed. True means done. */
  readonly #owed = new Map<string, Promise<boolean>>()
  #failing = false

  /** @param report is told the first of a run of failures. */
  constructor(store: CacheStore, report: (operation: string, error: unknown) => void) {
    this.#store = store
    this.#report = report
  }

  /**
   * Looks a key up; undefined when the store cannot be asked.
   *
   * @param known the epoch of the entry that the caller already holds: it is not read again.
   */
  async look<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Found<V> | undefined> {
    if (!(await this.#settled(key.scope))) return undefined
    return this.#attempt("get", undefined, async () => {
      const epoch = await this.#store.epoch(key)
      if (epoch === known) return { epoch, entry: undefined }
      const entry = await this.#store.get(key, codec)
      return { epoch, entry: entry?.epoch === epoch ? entry : undefined }
    })
  }

  /** The key's epoch; undefined when the store cannot be asked. */
  async epoch(key: CacheKey): Promise<string | undefined> {
    if (!(await this.#settled(key.scope))) return undefined
    return this.#attempt("epoch", undefined, async () => this.#store.epoch(key))
  }

  async set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<void> {
    await this.#attempt("set", undefined, async () => this.#store.set(key, entry, codec))
  }

  /** Takes effect for this process's readers at once. Resolves when it was tried; true when it was written. */
  invalidate(range: CacheRange): Promise<boolean> {
    const { scope } = range
    const before = this.#owed.get(scope)
    const attempt = (async () => {
      const clean = before === undefined || (await before)
      return this.#attempt("invalidate", false, async () => {
        await this.#store.invalidate(clean ? range : { scope })
        return true
      })
    })()
    this.#owed.set(scope, attempt)
    void attempt.then((done) => {
      if (done && this.#owed.get(scope) === attempt) this.#owed.delete(scope)
    })
    return attempt
  }

  async clear(): Promise<void> {
    await this.#attempt("clear", undefined, async () => this.#store.clear())
  }

  /** Waits for what is owed to a scope and tries once more what has failed. */
  async #settled(scope: string): Promise<boolean> {
    const owed = this.#owed.get(scope)
    if (owed === undefined || (await owed)) return true
    const latest = this.#owed.get(scope)
    return latest === owed ? this.invalidate({ scope }) : (latest ?? true)
  }

  async #attempt<T>(operation: string, otherwise: T, work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work()
      this.#failing = false
      return answer
    } catch (error) {
      if (!this.#failing) this.#report(operation, error)
      this.#failing = true
      return otherwise
    }
  }
}
