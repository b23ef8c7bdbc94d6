/** When a {@link Breaker} opens, and for how long. Milliseconds. */
export interface BreakerOptions {
  /** So many operations in a row without an answer open it. */
  readonly silences?: number
  readonly first?: number
  readonly longest?: number
  /** Milliseconds of any clock that only goes forwards. */
  readonly now?: () => number
  /** From 0 to 1. */
  readonly random?: () => number
}

/**
 * Keeps callers from waiting for a server that does not answer.
 *
 * Closed, everything passes. Open, nothing does, until its time is over: then one probe may see whether the server is
 * back, while callers still pass it by. Each failed probe doubles the time, and a quarter of it is chance, so that many
 * processes do not knock at once.
 */
export class Breaker {
  readonly #silences: number
  readonly #first: number
  readonly #longest: number
  readonly #now: () => number
  readonly #random: () => number
  #inARow = 0
  #opened = 0
  #until = 0
  #probing = false

  constructor(options: BreakerOptions = {}) {
    this.#silences = options.silences ?? 3
    this.#first = options.first ?? 250
    this.#longest = options.longest ?? 5_000
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  get isOpen(): boolean {
    return this.#opened > 0
  }

  /** True for the one who shall probe now. It must end with `answered` or `refused`. */
  mayProbe(): boolean {
    if (!this.isOpen || this.#probing || this.#now() < this.#until) return false
    this.#probing = true
    return true
  }

  /** The server answered. */
  answered(): void {
    this.#inARow = 0
    this.#opened = 0
    this.#probing = false
  }

  /** One operation got no answer in time. True when that opened it. */
  silent(): boolean {
    if (this.isOpen || ++this.#inARow < this.#silences) return false
    this.refused()
    return true
  }

  /** No connection could be made. */
  refused(): void {
    const wait = Math.min(this.#longest, this.#first * 2 ** this.#opened)
    this.#opened = Math.min(this.#opened + 1, 20)
    this.#until = this.#now() + wait * (0.75 + 0.25 * this.#random())
    this.#inARow = 0
    this.#probing = false
  }
}
