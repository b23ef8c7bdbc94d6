import { setTimeout as sleep } from "node:timers/promises"
import { MooringError } from "../errors.ts"
import { abortable } from "../util/abort.ts"
import { callerContext } from "../util/caller-context.ts"

/** What a {@link Lifecycle} needs to know about its raw connection. */
export interface LifecycleHooks<Raw> {
  connect(signal: AbortSignal): Promise<Raw>
  disconnect(raw: Raw): Promise<void>
  /** For messages. */
  readonly name: string
}

/** The right to use a raw connection until {@link Lease.release}. */
export interface Lease<Raw> {
  readonly raw: Raw
  /** Which of the raw connections this is; counts from 1. */
  readonly generation: number
  /** Aborts when a reset has waited long enough and cuts its users off. */
  readonly signal: AbortSignal
  release(): void
  /** Says that this raw connection is broken: the next use connects anew, others finish with theirs. */
  retire(): void
}

/** The generations that the calling async context is using, so that a reset from inside does not wait for itself. */
const heldHere = callerContext<ReadonlyMap<Generation<unknown>, number>>("leases@1")

let lifecycles = 0

/**
 * One raw connection at a time, made on demand, counted while it is used, released when its last user is done.
 *
 * Each raw connection is a *generation*. A reset retires the present generation and makes room for the next one at
 * once; the retired one lives until its leases end.
 */
export class Lifecycle<Raw> {
  /** Unique in this process. */
  readonly id: number = ++lifecycles
  readonly #hooks: LifecycleHooks<Raw>
  readonly #retired = new Set<Generation<Raw>>()
  #current: Generation<Raw> | undefined
  #count = 0
  #closed = false
  /** True after the first connect that succeeded. */
  connectedOnce = false

  constructor(hooks: LifecycleHooks<Raw>) {
    this.#hooks = hooks
  }

  get closed(): boolean {
    return this.#closed
  }

  /** True while an attempt is under way or has succeeded. */
  get connecting(): boolean {
    return this.#current !== undefined
  }

  /** The number of the raw connection that the next lease gets, or of the next one if there is none. */
  get generation(): number {
    return this.#current?.number ?? this.#count + 1
  }

  /** Waits for the raw connection without a lease. */
  async connected(signal?: AbortSignal): Promise<Raw> {
    const generation = this.#demand()
    generation.waiters++
    try {
      return await abortable(generation.raw, signal)
    } finally {
      generation.waiters--
      generation.abandonIfIdle()
    }
  }

  /** Waits for the raw connection and takes a lease on it. */
  async acquire(signal?: AbortSignal): Promise<Lease<Raw>> {
    const generation = this.#demand()
    generation.leases++
    try {
      const raw = await abortable(generation.raw, signal)
      return this.#lease(generation, raw)
    } catch (error) {
      generation.release()
      throw error
    }
  }

  /** Runs `work` under a lease. */
  async use<T>(work: (lease: Lease<Raw>) => Promise<T> | T, signal?: AbortSignal): Promise<T> {
    const lease = await this.acquire(signal)
    const generation = (lease as CountedLease<Raw>).of
    const held = new Map(heldHere.getStore())
    held.set(generation, (held.get(generation) ?? 0) + 1)
    try {
      return await heldHere.run(held, () => abortable(Promise.resolve(work(lease)), lease.signal))
    } finally {
      lease.release()
    }
  }

  /**
   * Retires the present generation. The promise resolves when it and all retired before it are released: after their
   * users are done or, `timeout` milliseconds later, cut off. With `background`, waiting does not hold the process.
   */
  async reset(timeout: number, { background = false } = {}): Promise<void> {
    const current = this.#current
    if (current) this.#retire(current)
    const held = heldHere.getStore()
    const drain = (generation: Generation<Raw>) =>
      generation.drained({ timeout, background, heldByCaller: held?.get(generation) ?? 0 })
    await Promise.all([...this.#retired].map(drain))
  }

  /** As {@link reset}; every later use is refused. */
  close(timeout: number): Promise<void> {
    this.#closed = true
    return this.reset(timeout)
  }

  #demand(): Generation<Raw> {
    if (this.#closed) {
      throw new MooringError("CLOSED", `Connection "${this.#hooks.name}" is closed.`, {
        connection: this.#hooks.name,
        hint: `Call connection("${this.#hooks.name}") again for a fresh one.`,
      })
    }
    if (this.#current) return this.#current
    const generation: Generation<Raw> = new Generation(++this.#count, this.#hooks, {
      abandoned: () => this.#retire(generation),
      released: () => this.#retired.delete(generation),
    })
    this.#current = generation
    generation.raw.then(
      () => {
        this.connectedOnce = true
      },
      // A failure is forgotten: whoever asks next tries afresh.
      () => {
        if (this.#current === generation) this.#current = undefined
      },
    )
    return generation
  }

  #retire(generation: Generation<Raw>): void {
    if (this.#current === generation) this.#current = undefined
    this.#retired.add(generation)
    generation.retire()
  }

  #lease(generation: Generation<Raw>, raw: Raw): CountedLease<Raw> {
    let released = false
    return {
      of: generation as Generation<unknown>,
      raw,
      generation: generation.number,
      signal: generation.cutOff.signal,
      release: () => {
        if (released) return
        released = true
        generation.release()
      },
      retire: () => this.#retire(generation),
    }
  }
}

interface CountedLease<Raw> extends Lease<Raw> {
  readonly of: Generation<unknown>
}

/** How long a raw connection may take to say goodbye before it is left to itself. */
const disconnectGrace = 5_000

class Generation<Raw> {
  readonly number: number
  readonly raw: Promise<Raw>
  readonly cutOff = new AbortController()
  readonly #hooks: LifecycleHooks<Raw>
  readonly #attempt = new AbortController()
  readonly #changed = new Set<() => void>()
  readonly #released: Promise<void>
  readonly #events: { abandoned(): void; released(): void }
  #resolveReleased!: () => void
  #settled = false
  #retired = false
  #releasing = false
  leases = 0
  waiters = 0

  constructor(number: number, hooks: LifecycleHooks<Raw>, events: { abandoned(): void; released(): void }) {
    this.number = number
    this.#hooks = hooks
    this.#events = events
    this.#released = new Promise((resolve) => {
      this.#resolveReleased = resolve
    })
    this.raw = this.#connect()
    this.raw.catch(() => undefined)
  }

  async #connect(): Promise<Raw> {
    try {
      // Let the caller note its interest before an author's synchronous `_connect` can fail.
      await undefined
      return await this.#hooks.connect(this.#attempt.signal)
    } finally {
      this.#settled = true
    }
  }

  retire(): void {
    this.#retired = true
    this.#releaseIfUnused()
  }

  release(): void {
    this.leases--
    for (const notify of this.#changed) notify()
    this.abandonIfIdle()
    if (this.#retired) this.#releaseIfUnused()
  }

  /** An attempt that nobody waits for any more is called off. */
  abandonIfIdle(): void {
    if (!this.#settled && !this.#retired && this.leases === 0 && this.waiters === 0) this.#events.abandoned()
  }

  /** Resolves once released; leases that the caller holds itself are not waited for. */
  async drained(wait: { timeout: number; background: boolean; heldByCaller: number }): Promise<void> {
    if (await this.#usersDone(wait)) return wait.heldByCaller > 0 ? undefined : this.#released
    const reason = new MooringError("ABORTED", `Connection "${this.#hooks.name}" was reset while it was in use.`, {
      connection: this.#hooks.name,
      hint: "Run the work again, or give reset() and close() a longer timeout.",
    })
    this.#attempt.abort(reason)
    this.cutOff.abort(reason)
    await this.#disconnect()
  }

  #usersDone(wait: { timeout: number; background: boolean; heldByCaller: number }): Promise<boolean> {
    const done = () => this.leases <= wait.heldByCaller
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
      const timer = Number.isFinite(wait.timeout) ? setTimeout(finish, wait.timeout, false) : undefined
      if (wait.background) timer?.unref()
      this.#changed.add(check)
    })
  }

  #releaseIfUnused(): void {
    if (this.leases === 0) void this.#disconnect()
  }

  async #disconnect(): Promise<void> {
    if (this.#releasing) return this.#released
    this.#releasing = true
    if (!this.#settled && this.waiters === 0) {
      this.#attempt.abort(new MooringError("ABORTED", "Nobody waits for this connection any more."))
    }
    try {
      const raw = await this.raw
      await Promise.race([this.#hooks.disconnect(raw), sleep(disconnectGrace, undefined, { ref: false })])
    } catch {
      // It never connected, or it is broken and cannot say goodbye: either way nothing is left to release.
    } finally {
      this.#events.released()
      this.#resolveReleased()
    }
    return this.#released
  }
}
