import { cancelRunning, type OpenAside } from "./cancel.ts"
import type { Connection } from "./driver.ts"
import { Exchange, ignored } from "./exchange.ts"
import type { Wire } from "./wire/wire.ts"

/** What cancelling needs of its connection. */
export interface CancellingHost {
  readonly wire: Wire
  readonly link: Connection
  readonly openAside: OpenAside
  isUsable(): boolean
  destroy(error: Error): void
}

/** How long an answer to our own statement may take; milliseconds. */
const patience = 5_000

/** Has the server stop statements that nobody waits for any more. */
export class Cancelling {
  /** A KILL QUERY under way: until it is through, it could hit the next statement. */
  pending: Promise<unknown> | undefined
  readonly #host: CancellingHost

  constructor(host: CancellingHost) {
    this.#host = host
  }

  cancel(exchange: Exchange): void {
    const { link, openAside, destroy } = this.#host
    const { stream, threadId } = link
    const before = stream.bytesRead
    const cancelled = cancelRunning(openAside, {
      threadId,
      ended: exchange.done,
      heard: () => stream.bytesRead > before,
      destroy: () => destroy(new Error("The statement could not be cancelled.")),
    })
      .then((sent) => (sent && exchange.completed && this.#host.isUsable() ? this.#absorb() : undefined))
      .finally(() => {
        if (this.pending === cancelled) this.pending = undefined
      })
    this.pending = cancelled
  }

  /** A KILL QUERY that came too late may wait for the next statement: this one is for it. */
  async #absorb(): Promise<void> {
    const { wire, destroy } = this.#host
    const timer = setTimeout(() => destroy(new Error("No answer to DO SLEEP(0).")), patience)
    const exchange = new Exchange({ text: "DO SLEEP(0)", values: [], protocol: "text" }, ignored, () => undefined)
    exchange.begin(wire)
    await exchange.done.catch(() => undefined)
    clearTimeout(timer)
  }
}
