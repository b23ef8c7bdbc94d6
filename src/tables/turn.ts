/** How long rows are made into text before others have their turn; milliseconds. */
const longest = 8

/** The time that one piece of work has had the event loop to itself. */
export class Turn {
  #began = performance.now()

  /** Gives way to others, if the turn is over. */
  async over(): Promise<void> {
    if (performance.now() - this.#began < longest) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#began = performance.now()
  }
}
