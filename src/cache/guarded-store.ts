import type { CacheKey, CacheRange, CacheStore, Codec, Entry, Look, Turn } from "./contract.ts"
import type { StoreCounts } from "./events.ts"

/** What is owed is tried again after so long, in milliseconds; twice as long each time. */
const firstRetry = 500
const longestRetry = 10_000

/** What is owed to more scopes than this is owed to all. */
const mostOwed = 1_000

/**
 * Stands between the cache and a store outside of its memory, so that a store that fails is a miss and one report,
 * and never an old answer: an invalidation that could not be written is owed, nothing of its scope is read before it
 * was, and it is tried again for the sake of other processes.
 */
export class GuardedStore {
  readonly #store: CacheStore
  readonly #report: (operation: string, error: unknown) => void
  /** The last invalidation of each scope that is under way or has failed. True means done. */
  readonly #owed = new Map<string, Promise<boolean>>()
  /** The last clearing of everything, likewise. */
  #owesAll: Promise<boolean> | undefined
  #retry: NodeJS.Timeout | undefined
  readonly #counts = { hits: 0, confirmed: 0, misses: 0, stored: 0, errors: 0 }
  #failing = false

  /** @param report is told the first of a run of failures. */
  constructor(store: CacheStore, report: (operation: string, error: unknown) => void) {
    this.#store = store
    this.#report = report
  }

  get counts(): StoreCounts {
    return { name: this.#store.name, ...this.#counts, failing: this.#failing }
  }

  /**
   * Looks a key up; undefined when the store cannot be asked.
   *
   * @param known the epoch of the entry that the caller already holds: it is not read again.
   */
  async look<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Look<V> | undefined> {
    if (!(await this.#settled(key.scope))) return undefined
    const look = await this.#attempt("get", undefined, () =>
      this.#store.look ? this.#store.look(key, codec, known) : this.#lookTwice(key, codec, known),
    )
    if (look) this.#counts[look.entry ? "hits" : look.epoch === known ? "confirmed" : "misses"]++
    return look
  }

  /** The key's epoch; undefined when the store cannot be asked. */
  async epoch(key: CacheKey): Promise<string | undefined> {
    if (!(await this.#settled(key.scope))) return undefined
    return this.#attempt("epoch", undefined, async () => this.#store.epoch(key))
  }

  /** As the store's; undefined where processes do not wait for each other, and when the store cannot be asked. */
  async turn(key: CacheKey, known: number, force: boolean): Promise<Turn | undefined> {
    if (!this.#store.turn || !(await this.#settled(key.scope))) return undefined
    const turn = await this.#attempt("turn", undefined, () => this.#store.turn!(key, known, force))
    if (turn?.state !== "yours") return turn
    const { renewEvery, ...lease } = turn.lease
    const renew = () => this.#attempt("turn", false, () => lease.renew())
    const release = () => this.#attempt("turn", false, () => lease.release())
    return { ...turn, lease: { renewEvery, renew, release } }
  }

  /** What the store says to it; undefined when it could not be written. */
  async set<V>(key: CacheKey, entry: Entry<V>, codec: Codec<V>): Promise<unknown> {
    const failed = {}
    const kept = await this.#attempt<unknown>("set", failed, async () => this.#store.set(key, entry, codec))
    if (kept === failed) return undefined
    if (kept !== false && kept !== "newer" && kept !== "dropped") this.#counts.stored++
    return kept
  }

  /** Takes effect for this process's readers at once. Resolves when it was tried; true when it was written. */
  invalidate(range: CacheRange): Promise<boolean> {
    const { scope } = range
    const before = this.#owed.get(scope)
    if (before === undefined && this.#owed.size >= mostOwed) {
      this.#owed.clear()
      return this.clear()
    }
    const attempt = (async () => {
      const clean = before === undefined || (await before)
      return this.#write("invalidate", () => this.#store.invalidate(clean ? range : { scope }))
    })()
    this.#owed.set(scope, attempt)
    void attempt.then((done) => {
      if (done && this.#owed.get(scope) === attempt) this.#owed.delete(scope)
    })
    return attempt
  }

  /** As `invalidate`, for everything. */
  clear(): Promise<boolean> {
    const attempt = this.#write("clear", () => this.#store.clear())
    this.#owesAll = attempt
    void attempt.then((done) => {
      if (done && this.#owesAll === attempt) this.#owesAll = undefined
    })
    return attempt
  }

  /** For stores that are near. */
  async #lookTwice<V>(key: CacheKey, codec: Codec<V>, known: string | undefined): Promise<Look<V>> {
    const epoch = await this.#store.epoch(key)
    if (epoch === known) return { epoch, order: 0 }
    const entry = await this.#store.get(key, codec)
    return { epoch, entry: entry?.epoch === epoch ? entry : undefined, order: 0 }
  }

  /** Waits for what is owed to a scope and tries once more what has failed. */
  async #settled(scope: string): Promise<boolean> {
    const all = this.#owesAll
    if (all && !(await all) && !(await (this.#owesAll === all ? this.clear() : (this.#owesAll ?? true)))) return false
    const owed = this.#owed.get(scope)
    if (owed === undefined || (await owed)) return true
    const latest = this.#owed.get(scope)
    return latest === owed ? this.invalidate({ scope }) : (latest ?? true)
  }

  async #write(operation: string, work: () => unknown): Promise<boolean> {
    const done = await this.#attempt(operation, false, async () => {
      await work()
      return true
    })
    if (!done) this.#tryLater(firstRetry)
    return done
  }

  /** Other processes read what is old until they are told. */
  #tryLater(wait: number): void {
    if (this.#retry) return
    this.#retry = setTimeout(async () => {
      const scopes = [...this.#owed.keys()]
      const done = await Promise.all(scopes.map((scope) => this.#settled(scope)))
      const cleared = !this.#owesAll || (await this.#owesAll) || (await this.clear())
      this.#retry = undefined
      if (!cleared || done.includes(false)) this.#tryLater(Math.min(wait * 2, longestRetry))
    }, wait)
    // A process that has nothing else to do does not wait for a server that is down.
    this.#retry.unref()
  }

  async #attempt<T>(operation: string, otherwise: T, work: () => T | PromiseLike<T>): Promise<T> {
    try {
      const answer = await work()
      this.#failing = false
      return answer
    } catch (error) {
      this.#counts.errors++
      if (!this.#failing) this.#report(operation, error)
      this.#failing = true
      return otherwise
    }
  }
}
