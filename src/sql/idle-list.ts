/** How long connections beyond a pool's size stay idle, because callers often come in waves; milliseconds. */
const overflowStays = 5_000

/** The connections of a pool that nobody has. The one that was used last stands last; the oldest leave first. */
export class IdleList<M extends { idleSince: number }> {
  readonly #members: M[] = []
  readonly #isOver: () => boolean
  readonly #close: (member: M) => void
  #trimming: NodeJS.Timeout | undefined

  /**
   * @param isOver whether there are more connections than the pool keeps.
   * @param close called for one that was idle for long enough while there were too many.
   */
  constructor(isOver: () => boolean, close: (member: M) => void) {
    this.#isOver = isOver
    this.#close = close
  }

  get length(): number {
    return this.#members.length
  }

  get last(): M | undefined {
    return this.#members.at(-1)
  }

  push(member: M): void {
    this.#members.push(member)
    if (this.#isOver()) this.#trimLater(overflowStays)
  }

  pop(): M | undefined {
    return this.#members.pop()
  }

  /** The one that was idle longest. */
  shift(): M | undefined {
    return this.#members.shift()
  }

  takeAll(): M[] {
    clearTimeout(this.#trimming)
    this.#trimming = undefined
    return this.#members.splice(0)
  }

  #trimLater(ms: number): void {
    this.#trimming ??= setTimeout(() => this.#trim(), ms)
    this.#trimming.unref()
  }

  #trim(): void {
    this.#trimming = undefined
    while (this.#members[0] !== undefined && this.#isOver()) {
      const rest = this.#members[0].idleSince + overflowStays - Date.now()
      if (rest > 0) {
        this.#trimLater(rest)
        return
      }
      this.#close(this.#members.shift()!)
    }
  }
}
