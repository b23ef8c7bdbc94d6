import { TimeoutError } from "../errors.ts"
import { WaitingLine } from "./waiting-line.ts"

/** Lets so many reads run at once; more of them wait, in the order of asking, instead of opening connections. */
export class ReadTurns {
  readonly #most: number
  readonly #name: string
  readonly #timeout: number
  readonly #waiters = new WaitingLine<void>()
  #running = 0

  /**
   * @param name the connection's, for messages.
   * @param timeout how long a read waits; milliseconds.
   */
  constructor(most: number, name: string, timeout: number) {
    this.#most = most
    this.#name = name
    this.#timeout = timeout
  }

  /** @throws the signal's reason, or a `TimeoutError` when its turn does not come in time. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#most) this.#running++
    else await this.#waiters.wait({ signal, timeout: this.#timeout, late: () => this.#late() })
    try {
      return await work()
    } finally {
      if (!this.#waiters.serve()) this.#running--
    }
  }

  #late(): TimeoutError {
    const seconds = this.#timeout / 1000
    return new TimeoutError(`${this.#most} queries of "${this.#name}" were running for ${seconds} s.`, {
      connection: this.#name,
      hint: "Give long queries a timeout, or raise pool_timeout. More of them at once would not be faster.",
    })
  }
}
