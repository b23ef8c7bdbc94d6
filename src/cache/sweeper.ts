import { longestTimer } from "../util/abort.ts"

/** Between two passes, and between the parts of one; milliseconds. */
const shortestPause = 1_000
const partPause = 50
/** How long one part may keep the event loop; milliseconds. */
const partTime = 4

/** A pass over a store. It yields where time may be up, and gives the milliseconds until the next pass is of use. */
export type Pass = Generator<void, number>

/**
 * Runs passes over a store in the background: when the first entry expires, at most once a second, in parts that are too
 * short to be noticed. It keeps neither the process nor the store alive.
 */
export class Sweeper<Store extends object> {
  readonly #store: WeakRef<Store>
  readonly #begin: (store: Store) => Pass
  #timer: NodeJS.Timeout | undefined
  /** When a pass is to begin, by `performance.now()`. */
  #due = Number.POSITIVE_INFINITY
  #pass: Pass | undefined

  /** @param begin must not hold the store in what it closes over. */
  constructor(store: Store, begin: (store: Store) => Pass) {
    this.#store = new WeakRef(store)
    this.#begin = begin
  }

  /** Something expires in so many milliseconds. */
  sweepIn(wait: number): void {
    const due = performance.now() + Math.max(wait, shortestPause)
    // What expires shortly before the next pass waits for it.
    if (due >= this.#due - shortestPause) return
    this.#due = due
    if (this.#pass === undefined) this.#runAt(due)
  }

  #runAt(time: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#run(), Math.min(Math.max(0, time - performance.now()), longestTimer))
    this.#timer.unref()
  }

  #run(): void {
    const store = this.#store.deref()
    if (store === undefined) return
    if (this.#pass === undefined) {
      this.#due = Number.POSITIVE_INFINITY
      this.#pass = this.#begin(store)
    }
    const end = performance.now() + partTime
    for (;;) {
      const { done, value } = this.#pass.next()
      if (done) {
        this.#pass = undefined
        if (value < Number.POSITIVE_INFINITY) this.sweepIn(value)
        if (this.#due < Number.POSITIVE_INFINITY) this.#runAt(this.#due)
        return
      }
      if (performance.now() < end) continue
      this.#runAt(performance.now() + partPause)
      return
    }
  }
}
