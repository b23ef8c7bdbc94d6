import { abortable, never } from "../util/abort.ts"
import { steadyClock } from "../util/clock.ts"
import { type Detach, SingleFlight } from "../util/single-flight.ts"
import type { Call, Held, Outcome, Sighting } from "./call.ts"
import type { CacheKey, CacheRange, CacheStore, Entry } from "./contract.ts"
import { type CacheEvent, type CacheStats, Journal } from "./events.ts"
import { Executions } from "./executions.ts"
import { GuardedStore } from "./guarded-store.ts"
import { flightKey } from "./key.ts"
import { type MemoryOptions, MemoryStore } from "./memory.ts"
import { Parts } from "./parts.ts"
import { coversError, freshness, horizon, isValid, type ReadOptions } from "./read-options.ts"
import type { ResourcesOptions } from "./resources.ts"
import { WallTimes } from "./wall-times.ts"

/** How a {@link Cache} is made. */
export interface CacheOptions {
  /** The bounds of the common memory. */
  readonly maxBytes?: number | undefined
  readonly maxEntries?: number | undefined
  /** Milliseconds since 1970, for ages in this process; a clock that never goes back by default. */
  readonly now?: (() => number) | undefined
  /** The same as stores outside of this process count it; `Date.now` by default. */
  readonly wallNow?: (() => number) | undefined
  readonly onEvent?: ((event: CacheEvent) => void) | undefined
  /** How executions leave what belongs to their first caller only, as a transaction's lease. See `SingleFlight`. */
  readonly detach?: Detach | undefined
}

/**
 * Answers calls from what is stored, shares executions, and decides what may be served stale.
 *
 * Memory stands in front of a caller's store. An entry's age counts from when its execution began. In memory an entry
 * stays until the bounds push it out or it is older than any caller of its statement has accepted, so that a caller with
 * a long ttl finds what one with a short ttl brought in; in a store behind, it stays as long as its writer could use it.
 * A failure is never stored.
 *
 * Epochs: what was begun before `invalidate` answers its callers, but is neither joined nor given to later ones.
 */
export class Cache {
  /** What is invalidated with this cache beside its entries: the objects of `cacheResource`. */
  readonly parts: Parts = new Parts()
  readonly #memory: MemoryStore
  /** Weak, as a memory of its own dies with the function that it serves. */
  readonly #memories = new Set<WeakRef<MemoryStore>>()
  readonly #collected = new FinalizationRegistry<WeakRef<MemoryStore>>((gone) => this.#memories.delete(gone))
  readonly #stores = new Map<CacheStore, GuardedStore>()
  readonly #executions: Executions
  readonly #lookups: SingleFlight
  readonly #detach: Detach | undefined
  readonly #now: () => number
  readonly #wall: WallTimes
  readonly #journal: Journal

  constructor(options: CacheOptions = {}) {
    this.#detach = options.detach
    this.#now = options.now ?? steadyClock()
    this.#wall = new WallTimes(this.#now, options.wallNow ?? options.now ?? Date.now)
    this.#journal = new Journal(options.onEvent)
    this.#executions = new Executions({
      detach: this.#detach,
      now: this.#now,
      wall: this.#wall,
      journal: this.#journal,
    })
    this.#lookups = new SingleFlight(options)
    this.#memory = this.memory(options)
  }

  /** A memory with bounds of its own, for `ReadOptions.memory`: counted and invalidated with this cache. */
  memory(bounds: Pick<MemoryOptions, "maxBytes" | "maxEntries">): MemoryStore {
    const { maxBytes, maxEntries } = bounds
    const onEvict = (key: CacheKey, bytes: number) => this.#journal.write({ type: "evicted", key, bytes })
    const memory = new MemoryStore({ maxBytes, maxEntries, now: this.#now, onEvict })
    const reference = new WeakRef(memory)
    this.#memories.add(reference)
    this.#collected.register(memory, reference)
    return memory
  }

  /**
   * The answer for a key: stored, shared, or from `work`.
   *
   * @param work gets a signal that aborts when nobody waits any more. It must not depend on who calls.
   */
  read<T>(key: CacheKey, options: ReadOptions<T>, work: Call<T>["work"]): Promise<T> {
    const { signal, memory = this.#memory, store } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (options.sharing === false) return abortable(runAlone(work, signal), signal)
    // What can neither be served nor stored need not ask a store that may be far away.
    const behind = store && (horizon(options) > 0 ? this.#guarded(store) : undefined)
    const call = { key, options, work, memory, behind }
    if (store !== undefined || options.validate !== undefined) return this.#read(call)
    const keepFor = horizon(options)
    const entry = options.fresh ? undefined : memory.get<Held<T>>(key, keepFor)
    if (entry === undefined)
      return keepFor > 0 ? this.#execute(call, {}) : this.#executions.share(call, {}).then(answerOf)
    const age = this.#now() - entry.storedAt
    if (freshness(age, options) === "fresh") return Promise.resolve(this.#hit(key, age, entry, options))
    return this.#read(call)
  }

  /**
   * Drops a range everywhere and begins a new epoch for it. In this process it has taken effect when this returns; the
   * promise resolves when stores outside were told.
   *
   * @param stores further stores than those that this cache has read from.
   */
  async invalidate(range: CacheRange, stores: readonly CacheStore[] = []): Promise<void> {
    for (const memory of this.#living()) memory.invalidate(range)
    this.#journal.write({ type: "invalidated", range })
    for (const store of stores) this.#guarded(store)
    const everywhere = [...this.#stores.values(), ...this.parts.all()]
    await Promise.all(everywhere.map((place) => place.invalidate(range)))
  }

  /** Tells a store nothing more: it is used no longer. */
  leave(store: CacheStore): void {
    this.#stores.delete(store)
  }

  /** Releases the parts. What is stored stays. */
  async close(): Promise<void> {
    const parts = [...this.parts.all()]
    this.parts.clear()
    await Promise.all(parts.map((part) => part.clear()))
  }

  /** Forgets what memory holds of these scopes. */
  clearScopes(isMeant: (scope: string) => boolean): void {
    for (const memory of this.#living()) memory.clearScopes(isMeant)
  }

  /** Forgets everything, in memory and in the stores that it has read from. */
  async clear(): Promise<void> {
    for (const memory of this.#living()) memory.clear()
    const everywhere = [...this.#stores.values(), ...this.parts.all()]
    await Promise.all(everywhere.map((place) => place.clear()))
  }

  stats(): CacheStats {
    const held = { entries: 0, bytes: 0, evictions: 0 }
    for (const memory of this.#living()) {
      const { entries, bytes, evictions } = memory.stats()
      held.entries += entries
      held.bytes += bytes
      held.evictions += evictions
    }
    return { ...this.#journal.counts(), ...held, stores: [...this.#stores.values()].map(({ counts }) => counts) }
  }

  /** What a part needs to follow this cache's clock, contexts and reports. */
  surroundings(operation: string): ResourcesOptions {
    const onError = (error: unknown) => this.#journal.write({ type: "error", operation, store: "memory", error })
    return { now: this.#now, detach: this.#detach, onError }
  }

  async #read<T>(call: Call<T>): Promise<T> {
    const { key, options, memory } = call
    const epoch = memory.epoch(key)
    const found: Sighting<T> = call.behind
      ? await this.#find(call, call.behind, epoch)
      : { entry: memory.get<Held<T>>(key, horizon(options)) }
    let entry = options.fresh ? undefined : found.entry
    if (entry) {
      const age = this.#now() - entry.storedAt
      const state = entry.expiresAt < this.#now() ? "expired" : freshness(age, options)
      if (options.validate && !(await isValid(options.validate, entry.value.value))) entry = undefined
      else if (state === "fresh") return this.#hit(key, age, entry, options)
      else if (state === "stale") {
        void this.#renew(call, found)
        return this.#stale(key, age, entry, options)
      }
    }
    try {
      return await this.#execute(call, found)
    } catch (error) {
      const failure = options.signal?.aborted ? options.signal.reason : error
      const age = entry ? this.#now() - entry.storedAt : 0
      // What was invalidated meanwhile covers up nothing.
      const valid = entry !== undefined && memory.epoch(key) === epoch
      if (valid && coversError(age, failure, options)) return this.#stale(key, age, entry!, options)
      throw failure
    }
  }

  /** The entry in memory or behind it, and the epoch that the key has behind. */
  async #find<T>(call: Call<T>, behind: GuardedStore, epoch: string): Promise<Sighting<T>> {
    const { key, options, memory } = call
    const held = memory.get<Held<T>>(key, horizon(options))
    if (options.fresh) return { behind: await abortable(behind.epoch(key), options.signal) }
    const known = held && freshness(this.#now() - held.storedAt, options) === "fresh" ? held.value.behind : undefined
    const lookup = flightKey(key, epoch, known)
    const found = await this.#lookups.run(lookup, options.signal, () => behind.look(key, options.codec!, known))
    if (found === undefined) return {}
    // Unless its epoch has passed, what memory holds may be newer than what is behind.
    const current = held?.value.behind === found.epoch ? held : undefined
    const read = found.entry && this.#wall.entryFrom(found.entry)
    const order = Math.max(found.order, current?.order ?? 0)
    if (!read || (current && current.storedAt >= read.storedAt)) return { entry: current, behind: found.epoch, order }
    const entry = { ...read, epoch, value: { value: read.value, behind: found.epoch } }
    // What is written beside it is the word of whoever wrote it.
    memory.set(key, { ...entry, bytes: options.sizeOf(read.value) }, horizon(options))
    return { entry, behind: found.epoch, order }
  }

  async #execute<T>(call: Call<T>, found: Sighting<T>): Promise<T> {
    const { options } = call
    const outcome = await this.#executions.share(call, found)
    if (!outcome.kept && horizon(options) > 0 && !outcome.flight.superseded) {
      outcome.kept = true
      await abortable(this.#keep(call, outcome), options.signal)
    }
    return outcome.value
  }

  async #keep<T>(call: Call<T>, outcome: Outcome<T>): Promise<void> {
    const { key, options, memory } = call
    const { value, begun: storedAt, epoch, behind, order } = outcome
    try {
      const bytes = options.sizeOf(value)
      const expiresAt = Number.POSITIVE_INFINITY
      let kept = memory.set<Held<T>>(
        key,
        { value: { value, behind }, storedAt, expiresAt, epoch, bytes, order },
        horizon(options),
      )
      if (call.behind && behind !== undefined && !outcome.adopted && memory.epoch(key) === epoch) {
        const entry = { value, storedAt, expiresAt: storedAt + horizon(options), epoch: behind, bytes, order }
        const answer = await call.behind.set(key, this.#wall.entryTo(entry), options.codec!)
        // An execution that began later has stored before: what is here is the older one.
        if (answer === "newer") memory.drop(key, order)
        kept = answer !== "newer"
      }
      if (kept && !outcome.adopted) this.#journal.write({ type: "stored", key, bytes, connection: options.connection })
    } catch (error) {
      this.#journal.write({ type: "error", operation: "size", store: memory.name, error })
    }
  }

  async #renew<T>(call: Call<T>, found: Sighting<T>): Promise<void> {
    try {
      await this.#execute({ ...call, options: { ...call.options, signal: undefined } }, found)
    } catch (error) {
      this.#journal.write({ type: "error", operation: "revalidate", store: call.memory.name, error })
    }
  }

  #hit<T>(key: CacheKey, age: number, entry: Entry<Held<T>>, { connection }: ReadOptions<T>): T {
    this.#journal.hit(key, age, connection)
    return entry.value.value
  }

  #stale<T>(key: CacheKey, age: number, entry: Entry<Held<T>>, { connection }: ReadOptions<T>): T {
    this.#journal.write({ type: "stale", key, age, connection })
    return entry.value.value
  }

  #guarded(store: CacheStore): GuardedStore {
    let guarded = this.#stores.get(store)
    if (guarded === undefined) {
      const report = (operation: string, error: unknown) =>
        this.#journal.write({ type: "error", operation, store: store.name, error })
      this.#stores.set(store, (guarded = new GuardedStore(store, report)))
    }
    return guarded
  }

  *#living(): Generator<MemoryStore> {
    for (const reference of this.#memories) {
      const memory = reference.deref()
      if (memory) yield memory
      else this.#memories.delete(reference)
    }
  }
}

function answerOf<T>({ value }: Outcome<T>): T {
  return value
}

async function runAlone<T>(work: (signal: AbortSignal) => T | PromiseLike<T>, signal?: AbortSignal): Promise<T> {
  return work(signal ?? never)
}
