import type { Bindings, ConnectionHandle } from "./driver.ts"
import { returnThread, takeThread } from "./threads.ts"

/** An interrupt is lost while the statement waits for a thread, so it is repeated; milliseconds. */
const interruptEvery = 20

/**
 * The driver's calls of one statement, cancelled when its signal aborts.
 *
 * A call that was interrupted still has to settle before the connection can be used: `call` waits for that, and then
 * rejects with `signal.reason`.
 */
export class Work {
  private readonly bindings: Bindings
  private readonly connection: ConnectionHandle
  private readonly signal: AbortSignal | undefined
  private timer: NodeJS.Timeout | undefined
  private calls = 0
  private current: Promise<unknown> = Promise.resolve()

  constructor(bindings: Bindings, connection: ConnectionHandle, signal?: AbortSignal) {
    this.bindings = bindings
    this.connection = connection
    this.signal = signal
    signal?.addEventListener("abort", this.abort)
  }

  async call<T>(start: () => Promise<T>): Promise<T> {
    const { signal } = this
    signal?.throwIfAborted()
    const turn = takeThread(signal)
    if (turn !== undefined) await turn
    this.calls++
    try {
      // It may have aborted while the thread was handed over.
      signal?.throwIfAborted()
      const answer = start()
      this.current = answer.catch(() => undefined)
      return await answer
    } catch (error) {
      throw signal?.aborted ? signal.reason : error
    } finally {
      this.calls--
      if (this.calls === 0) this.stop()
      returnThread()
    }
  }

  /** Lets others have their turn in the middle of work that is done on this thread. */
  async pause(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.throwIfAborted()
  }

  throwIfAborted(): void {
    this.signal?.throwIfAborted()
  }

  /** Resolves when no call is under way. After an abort that is soon. */
  async idle(): Promise<void> {
    await this.current
  }

  /** Stops listening to the signal. */
  end(): void {
    this.stop()
    this.signal?.removeEventListener("abort", this.abort)
  }

  private readonly abort = (): void => {
    if (this.calls === 0) return
    const interrupt = () => this.bindings.interrupt(this.connection)
    interrupt()
    this.timer ??= setInterval(interrupt, interruptEvery)
  }

  private stop(): void {
    clearInterval(this.timer)
    this.timer = undefined
  }
}
