import { setTimeout as sleep } from "node:timers/promises"
import { MooringError } from "../errors.ts"
import { abortable } from "../util/abort.ts"
import type { FailureAction } from "./retry.ts"

/** What a generation needs to know about its raw connection. */
export interface LifecycleHooks<Raw> {
  connect(signal: AbortSignal): Promise<Raw>
  disconnect(raw: Raw): Promise<void>
  /** Runs `dial` when it is its turn: a server that fails is not tried by everybody at once. By default, now. */
  inTurn?(dial: () => Promise<Raw>, signal: AbortSignal): Promise<Raw>
  /** What a failed connect means. By default, Node's socket errors are known. */
  classify?(error: unknown): FailureAction
  /** For messages. */
  readonly name: string
  /** Told when nothing is open any more, and nothing on its way. */
  idle?(): void
}

/** What its lifecycle hears of a generation. */
export interface GenerationEvents {
  /** Nobody waits for the attempt any more. */
  abandoned(): void
  released(): void
}

/** How {@link Generation.drained} waits. */
export interface DrainOptions {
  /** Milliseconds until its users are cut off. */
  readonly timeout: number
  /** Waiting does not hold the process. */
  readonly background: boolean
  /** Whether the caller need not wait for the release: the leases that are left are its own, for one. */
  mayLeave(): boolean
}

/** How long a raw connection may take to say goodbye before it is left to itself; milliseconds. */
const disconnectGrace = 5_000
/** The same for one that is cut off: somebody waits, and has waited long enough. */
const cutOffGrace = 200
/** setTimeout turns longer waits into none. */
const longestTimer = 2 ** 31 - 1

/** One raw connection, from the attempt to make it to its release. Counts who uses it and who waits for it. */
export class Generation<Raw> {
  readonly number: number
  /** Rejects as soon as the attempt is called off, even where `connect` does not listen. */
  readonly raw: Promise<Raw>
  /** Aborts when its users are cut off. */
  readonly cutOff: AbortController = new AbortController()
  leases = 0
  waiters = 0
  readonly #hooks: LifecycleHooks<Raw>
  readonly #events: GenerationEvents
  readonly #attempt = new AbortController()
  readonly #changed = new Set<() => void>()
  /** The raw connection, once it has been made. */
  #made: { readonly raw: Raw } | undefined
  /** Ends the wait of each who uses it. */
  readonly #users = new Set<(reason: unknown) => void>()
  #settled = false
  #retired = false
  #releasing: Promise<void> | undefined
  #released = false

  constructor(number: number, hooks: LifecycleHooks<Raw>, events: GenerationEvents) {
    this.number = number
    this.#hooks = hooks
    this.#events = events
    this.raw = this.#connect()
    this.raw.catch(() => undefined)
  }

  /** The raw connection, or a rejection as soon as the signal aborts. */
  connected(signal: AbortSignal | undefined): Promise<Raw> {
    return this.#settled && !signal?.aborted ? this.raw : abortable(this.raw, signal)
  }

  /** The raw connection without waiting, in an object; undefined until it has been made. */
  get made(): { readonly raw: Raw } | undefined {
    return this.#made
  }

  /** What the work gives, or a rejection as soon as users are cut off. As `abortable`, and cheaper where there are many. */
  untilCutOff<T>(work: T | PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.cutOff.signal.aborted) reject(this.cutOff.signal.reason)
      this.#users.add(reject)
      Promise.resolve(work).then(
        (value) => {
          this.#users.delete(reject)
          resolve(value)
        },
        (error) => {
          this.#users.delete(reject)
          reject(error)
        },
      )
    })
  }

  get released(): boolean {
    return this.#released
  }

  /** Nobody new gets it: it is released when its last lease ends. */
  retire(): void {
    this.#retired = true
    this.#releaseIfUnused()
  }

  endLease(): void {
    this.leases--
    this.notify()
    this.abandonIfIdle()
    if (this.#retired) this.#releaseIfUnused()
  }

  /** An attempt that nobody waits for any more is called off. */
  abandonIfIdle(): void {
    if (!this.#settled && !this.#retired && this.leases === 0 && this.waiters === 0) this.#events.abandoned()
  }

  /** Resolves once it is released; at the end of the wait its users are cut off. */
  async drained(wait: DrainOptions): Promise<void> {
    const done = () => this.#released || wait.mayLeave()
    if (await this.#until(done, wait)) return
    const reason = new MooringError("ABORTED", `Connection "${this.#hooks.name}" was reset while it was in use.`, {
      connection: this.#hooks.name,
      hint: "Run the work again, or give reset() and close() a longer timeout.",
    })
    this.#attempt.abort(reason)
    this.cutOff.abort(reason)
    for (const leave of this.#users) leave(reason)
    const released = new AbortController()
    const grace = sleep(cutOffGrace, undefined, { ref: !wait.background, signal: released.signal })
    // What is left of the grace must not hold the process.
    await Promise.race([this.#release(), grace]).finally(() => released.abort())
  }

  async #connect(): Promise<Raw> {
    const { signal } = this.#attempt
    try {
      // Let the caller note its interest before an author's synchronous `_connect` can fail.
      await undefined
      signal.throwIfAborted()
      const dial = () => this.#dial(signal)
      const raw = await (this.#hooks.inTurn?.(dial, signal) ?? dial())
      this.#made = { raw }
      return raw
    } finally {
      this.#settled = true
    }
  }

  #dial(signal: AbortSignal): Promise<Raw> {
    const connecting = this.#hooks.connect(signal)
    const releaseLate = () => connecting.then((raw) => this.#hooks.disconnect(raw)).catch(() => undefined)
    return abortable(connecting, signal).catch((error) => {
      if (signal.aborted) void releaseLate()
      throw error
    })
  }

  #until(done: () => boolean, { timeout, background }: DrainOptions): Promise<boolean> {
    if (done()) return Promise.resolve(true)
    return new Promise((resolve) => {
      const finish = (result: boolean) => {
        clearTimeout(timer)
        this.#changed.delete(check)
        resolve(result)
      }
      const check = () => {
        if (done()) finish(true)
      }
      const timer = timeout <= longestTimer ? setTimeout(finish, timeout, false) : undefined
      if (background) timer?.unref()
      this.#changed.add(check)
    })
  }

  /** Has everybody who waits look again. */
  notify(): void {
    for (const check of [...this.#changed]) check()
  }

  #releaseIfUnused(): void {
    if (this.leases === 0) void this.#release()
  }

  #release(): Promise<void> {
    this.#releasing ??= this.#disconnect()
    return this.#releasing
  }

  async #disconnect(): Promise<void> {
    if (!this.#settled && this.waiters === 0) {
      this.#attempt.abort(new MooringError("ABORTED", "Nobody waits for this connection any more."))
    }
    try {
      const raw = await this.raw
      await Promise.race([this.#hooks.disconnect(raw), sleep(disconnectGrace, undefined, { ref: false })])
    } catch {
      // It never connected, or it is broken and cannot say goodbye: either way nothing is left to release.
    } finally {
      this.#released = true
      this.#events.released()
      this.notify()
    }
  }
}
