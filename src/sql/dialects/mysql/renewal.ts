import { never } from "../../../util/abort.ts"
import { watchAnswer } from "../../patience.ts"
import type { Connection } from "./driver.ts"
import { noteNeverRan } from "./failures.ts"
import type { SessionState } from "./session-state.ts"
import { connectionLost, type ShortCommand } from "./short-command.ts"

/** What the renewal of a session needs of its connection. */
export interface RenewalHost {
  readonly link: Connection
  readonly state: SessionState
  /** Takes the session back to its database. */
  readonly home: string
  isUsable(): boolean
  tell(send: ShortCommand): Promise<void>
  /** Resolves when no KILL QUERY is under way. */
  quiet(): Promise<unknown>
  destroy(error: Error): void
}

/** Makes a session fresh between two borrowers: at once, behind the back of one that is gone, or before one that would notice. */
export class Renewal {
  readonly #host: RenewalHost
  /** One under way that nobody waits for: the next statement does. */
  #pending: Promise<void> | undefined

  constructor(host: RenewalHost) {
    this.#host = host
  }

  /**
   * What has to be awaited before a statement is sent; mostly nothing. Soon after the caller has stopped waiting, the link
   * is destroyed, or the session is fresh.
   */
  before(isPlain: boolean, signal: AbortSignal): Promise<void> | undefined {
    if (this.#pending) return this.#watched(this.#pending, signal)
    return !isPlain && this.#host.state.isStale ? this.#watched(this.#renew(), signal) : undefined
  }

  /** Before a connection is given to a caller: waits until the session is fresh. */
  async fresh(signal: AbortSignal): Promise<void> {
    await this.before(true, signal)
    if (!this.#host.state.isFresh) await this.#watched(this.#renew(), signal)
  }

  /** The borrower is gone: resolves when the session is as the next one must find it. */
  async behind(): Promise<void> {
    const { state } = this.#host
    if (state.isUsed) await this.#renew()
    else state.handBack()
  }

  /** The same without waiting: the next statement waits. */
  begin(): void {
    const { state } = this.#host
    if (!state.isUsed) state.handBack()
    if (!state.isUsed || !this.#host.isUsable()) return
    const pending = this.#renew()
      .catch((error: unknown) => this.#host.destroy(error as Error))
      .finally(() => {
        if (this.#pending === pending) this.#pending = undefined
      })
    this.#pending = pending
  }

  async #watched(renewal: Promise<void>, signal: AbortSignal): Promise<void> {
    const unwatch = watchAnswer(signal, this.#late)
    try {
      await renewal
      if (!this.#host.isUsable()) throw connectionLost()
    } catch (error) {
      signal.throwIfAborted()
      throw noteNeverRan(error)
    } finally {
      unwatch()
    }
    signal.throwIfAborted()
  }

  /** What is configured is set again before the next statement. */
  async #renew(): Promise<void> {
    const { link, state, home } = this.#host
    await this.#host.quiet()
    const unwatch = watchAnswer(never, this.#late)
    try {
      await this.#host.tell((answered) => link.reset(answered))
      // A reset leaves the session in the database that it is in.
      if (state.hasMoved) await this.#host.tell((answered) => link.query({ sql: home }, answered))
      state.forgetAll()
    } finally {
      unwatch()
    }
  }

  readonly #late = (): void => this.#host.destroy(new Error("No answer to a reset."))
}
