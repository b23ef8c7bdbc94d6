import type { CacheRange } from "./contract.ts"

/** What else follows a cache's invalidations. */
export interface CachePart {
  invalidate(range: CacheRange): Promise<unknown>
  /** Releases what it holds, and goes on. */
  releaseAll(): Promise<unknown>
  /** Releases what it holds, for good. */
  clear(): Promise<unknown>
}

/** Whose part it is: a key, or a function. */
type Owner = string | object

/** The parts of a cache by their owners. One of a function lives as long as the function, unless it is kept. */
export class Parts {
  readonly #kept = new Map<Owner, CachePart>()
  #ofFunctions = new WeakMap<object, CachePart>()
  readonly #living = new Set<WeakRef<CachePart>>()
  readonly #collected = new FinalizationRegistry<WeakRef<CachePart>>((gone) => this.#living.delete(gone))

  get(owner: Owner): CachePart | undefined {
    return (
      this.#kept.get(owner) ??
      (typeof owner === "object" || typeof owner === "function" ? this.#ofFunctions.get(owner) : undefined)
    )
  }

  set(owner: Owner, part: CachePart): void {
    if (typeof owner === "string") {
      this.#kept.set(owner, part)
      return
    }
    const reference = new WeakRef(part)
    this.#ofFunctions.set(owner, part)
    this.#living.add(reference)
    this.#collected.register(part, reference)
  }

  /** Has a part outlive its function: somebody wants to be told when what it holds is released. */
  keep(owner: Owner, part: CachePart): void {
    this.#kept.set(owner, part)
  }

  /** All that are there. */
  all(): CachePart[] {
    const parts = new Set(this.#kept.values())
    for (const reference of this.#living) {
      const part = reference.deref()
      if (part) parts.add(part)
    }
    return [...parts]
  }

  clear(): void {
    this.#kept.clear()
    this.#ofFunctions = new WeakMap()
    this.#living.clear()
  }
}
