import type { Entry } from "./contract.ts"

/** Stored times further ahead of our clock than this come from a clock that cannot be trusted. */
const clockSkew = 60_000

/**
 * Between the clock of this process, by which ages count, and the wall clock, by which stores outside of it keep times:
 * what passes from one to the other keeps its age.
 */
export class WallTimes {
  readonly #now: () => number
  readonly #wallNow: () => number

  constructor(now: () => number, wallNow: () => number) {
    this.#now = now
    this.#wallNow = wallNow
  }

  /** An entry of this process as a store keeps it. */
  entryTo<V>(entry: Entry<V>): Entry<V> {
    return shifted(entry, Math.round(this.#wallNow() - this.#now()))
  }

  /**
   * An entry of a store by the clock of this process. One that seems to come from the future is new where the clocks of
   * two machines may differ so much, and no entry beyond that.
   */
  entryFrom<V>(entry: Entry<V>): Entry<V> | undefined {
    const wall = this.#wallNow()
    if (entry.storedAt > wall + clockSkew) return undefined
    return shifted(entry, Math.round(this.#now() - wall) - Math.max(0, entry.storedAt - wall))
  }
}

function shifted<V>(entry: Entry<V>, by: number): Entry<V> {
  return by === 0 ? entry : { ...entry, storedAt: entry.storedAt + by, expiresAt: entry.expiresAt + by }
}
