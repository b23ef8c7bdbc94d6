import { MooringError } from "../errors.ts"
import { steadyClock } from "../util/clock.ts"
import { type Detach, type Flight, SingleFlight } from "../util/single-flight.ts"

/** How long resources live, and what happens when they go. */
export interface ResourcePolicy<T> {
  /** Milliseconds. */
  readonly ttl: number
  readonly maxEntries: number
  readonly validate?: ((resource: T) => boolean | Promise<boolean>) | undefined
  readonly onRelease?: ((resource: T) => unknown) | undefined
}

interface Item<T> {
  readonly resource: T
  readonly created: number
  readonly policy: ResourcePolicy<T>
}

/** How {@link Resources} is made. */
export interface ResourcesOptions {
  /** Milliseconds since 1970; a clock that never goes back by default. */
  readonly now?: (() => number) | undefined
  /** Told what `onRelease` throws: nobody else could hear it. */
  readonly onError?: ((error: unknown) => void) | undefined
  readonly detach?: Detach | undefined
}

/**
 * Objects that all callers share, such as clients and models: one per id, made once however many ask, and released
 * when they leave: by age, by number, when found invalid, or cleared.
 *
 * An object is released when it leaves, also while a caller holds it. One whose making was overtaken by a clear is
 * released unseen and made again, so that nobody is given what was meant to be gone.
 */
export class Resources<T> {
  /** From the least recently used. */
  readonly #items = new Map<string, Item<T>>()
  readonly #flights: SingleFlight
  #closed = false
  readonly #now: () => number
  readonly #onError: (error: unknown) => void

  constructor(options: ResourcesOptions = {}) {
    this.#flights = new SingleFlight(options)
    this.#now = options.now ?? steadyClock()
    this.#onError = options.onError ?? (() => {})
  }

  get size(): number {
    return this.#items.size
  }

  async get(id: string, policy: ResourcePolicy<T>, create: () => T | PromiseLike<T>): Promise<T> {
    for (;;) {
      if (this.#closed) throw new MooringError("CLOSED", "This shared object's cache was closed while it was made.")
      const item = this.#items.get(id)
      if (item && (await this.#usable(item, policy))) {
        // Cleared while it was validated, it has been released.
        if (this.#items.get(id) !== item) continue
        this.#items.delete(id)
        this.#items.set(id, item)
        return item.resource
      }
      if (item && this.#items.get(id) === item) void this.#release(id, item)
      const made = await this.#flights.run(id, undefined, (flight) => this.#make(id, policy, create, flight))
      if (made) return made.resource
    }
  }

  /** Releases one object, or all of them. Resolves when what `onRelease` began is done. */
  async clear(id?: string): Promise<void> {
    const ids = id === undefined ? this.#flights.keys() : [id]
    for (const one of ids) this.#flights.forget(one)
    const items = [...this.#items].filter(([one]) => id === undefined || one === id)
    await Promise.all(items.map(([one, item]) => this.#release(one, item)))
  }

  /** Releases all, and whatever is still being made: its callers get an error. */
  async close(): Promise<void> {
    this.#closed = true
    await this.clear()
  }

  /** The new item; undefined when it was overtaken by a clear. */
  async #make(
    id: string,
    policy: ResourcePolicy<T>,
    create: () => T | PromiseLike<T>,
    flight: Flight,
  ): Promise<Item<T> | undefined> {
    const created = this.#now()
    const item = { resource: await create(), created, policy }
    if (flight.superseded) {
      void this.#dispose(item)
      return undefined
    }
    // Nothing of it is kept at 0: its callers share it and nobody releases it for them.
    if (policy.ttl === 0 || policy.maxEntries === 0) return item
    this.#items.set(id, item)
    for (const [oldest, old] of this.#items) {
      if (this.#items.size <= policy.maxEntries) break
      void this.#release(oldest, old)
    }
    return item
  }

  async #usable(item: Item<T>, { ttl, validate }: ResourcePolicy<T>): Promise<boolean> {
    if (this.#now() - item.created > ttl) return false
    if (!validate) return true
    try {
      return await validate(item.resource)
    } catch {
      return false
    }
  }

  #release(id: string, item: Item<T>): Promise<void> {
    this.#items.delete(id)
    return this.#dispose(item)
  }

  async #dispose({ resource, policy }: Item<T>): Promise<void> {
    try {
      await policy.onRelease?.(resource)
    } catch (error) {
      this.#onError(error)
    }
  }
}
