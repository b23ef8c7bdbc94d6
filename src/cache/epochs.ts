import type { CacheKey, CacheRange } from "./contract.ts"
import { rangeKey, rangesOf } from "./key.ts"

/** More invalidated ranges than this are remembered as one. */
const mostRanges = 10_000

/**
 * Which ranges were invalidated, and when: a counter, so that the epoch of a key is the greatest number among the
 * ranges that hold it, and a scope's new epoch outdates those of its groups.
 */
export class Epochs {
  #last = 0
  /** The epoch of everything. Raising it can only keep executions under way from being stored, never serve old data. */
  #floor = 0
  readonly #ranges = new Map<string, number>()

  of(key: CacheKey): string {
    let epoch = this.#floor
    if (this.#ranges.size > 0) {
      for (const range of rangesOf(key)) epoch = Math.max(epoch, this.#ranges.get(rangeKey(range)) ?? 0)
    }
    return String(epoch)
  }

  begin(range: CacheRange): void {
    if (this.#ranges.size >= mostRanges) this.beginAll()
    this.#ranges.set(rangeKey(range), ++this.#last)
  }

  beginAll(): void {
    this.#floor = ++this.#last
    this.#ranges.clear()
  }
}
