import { MooringError } from "../errors.ts"
import { callerContext } from "../util/caller-context.ts"
import { classifySocketError } from "./classify.ts"
import { ConnectGate } from "./connect-gate.ts"
import { Generation, type LifecycleHooks } from "./generation.ts"

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

/** The leases that an async context has taken, so that a reset from inside does not wait for itself. */
interface Held {
  readonly outer: Held | undefined
  readonly leases: HeldLease[]
}

interface HeldLease extends Lease<unknown> {
  readonly lifecycle: unknown
  readonly on: unknown
}

interface OwnLease<Raw> extends Lease<Raw>, HeldLease {
  readonly raw: Raw
  readonly on: Generation<Raw>
}

const heldHere = callerContext<Held>("held-leases@1")

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
  /** What every attempt to connect passes, in whatever generation. */
  readonly gate: ConnectGate
  readonly #hooks: LifecycleHooks<Raw>
  readonly #retired = new Set<Generation<Raw>>()
  /** Who waits in a reset now. */
  readonly #resetting = new Set<{ readonly held: Held | undefined }>()
  #current: Generation<Raw> | undefined
  #count = 0
  #closed = false
  /** True after the first connect that succeeded. */
  connectedOnce = false

  constructor(hooks: LifecycleHooks<Raw>) {
    const { name, classify = classifySocketError } = hooks
    this.gate = new ConnectGate({ name, classify })
    this.#hooks = { inTurn: (dial, signal) => this.gate.pass(dial, signal), ...hooks }
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

  /** @throws MooringError `CLOSED` after {@link close}. */
  refuseIfClosed(): void {
    if (!this.#closed) return
    throw new MooringError("CLOSED", `Connection "${this.#hooks.name}" is closed.`, {
      connection: this.#hooks.name,
      hint: `Call connection("${this.#hooks.name}") again for a fresh one.`,
    })
  }

  /** Waits for the raw connection without a lease. */
  async connected(signal?: AbortSignal): Promise<Raw> {
    const generation = this.#demand()
    generation.waiters++
    try {
      return await generation.connected(signal)
    } finally {
      generation.waiters--
      generation.abandonIfIdle()
    }
  }

  /** Waits for the raw connection and takes a lease on it, which counts as held inside {@link holding}. */
  async acquire(signal?: AbortSignal): Promise<Lease<Raw>> {
    return this.#acquire(heldHere.getStore(), signal)
  }

  /** Runs `work` under a lease. */
  async use<T>(
    work: (lease: Lease<Raw>) => Promise<T> | T,
    { signal, mayReset = true }: { signal?: AbortSignal | undefined; mayReset?: boolean | undefined } = {},
  ): Promise<T> {
    const held: Held | undefined = mayReset ? { outer: heldHere.getStore(), leases: [] } : undefined
    const lease = this.#acquireMade(held, signal) ?? (await this.#acquire(held, signal))
    const run = () => lease.on.untilCutOff(work(lease))
    try {
      return await (held ? heldHere.run(held, run) : run())
    } finally {
      lease.release()
    }
  }

  /** Runs `work` so that a reset from inside does not wait for the leases that are taken inside. */
  holding<T>(work: () => T): T {
    return heldHere.run({ outer: heldHere.getStore(), leases: [] }, work)
  }

  /**
   * Retires the present generation. The promise resolves when it and all retired before it are released: after their
   * users are done or, `timeout` milliseconds later, cut off. With `background`, waiting does not hold the process.
   */
  async reset(timeout: number, { background = false } = {}): Promise<void> {
    if (this.#current) this.#retire(this.#current)
    const caller = { held: heldHere.getStore() }
    this.#resetting.add(caller)
    for (const generation of this.#retired) generation.notify()
    const drain = (generation: Generation<Raw>) =>
      generation.drained({ timeout, background, mayLeave: () => this.#mayLeave(caller.held, generation) })
    await Promise.all([...this.#retired].map(drain))
    this.#resetting.delete(caller)
  }

  /** As {@link reset}; every later use is refused. */
  close(timeout: number): Promise<void> {
    this.#closed = true
    return this.reset(timeout)
  }

  /** A lease on a raw connection that is there: without a promise, since most uses find it so. */
  #acquireMade(held: Held | undefined, signal: AbortSignal | undefined): OwnLease<Raw> | undefined {
    const generation = this.#demand()
    if (generation.made === undefined || signal?.aborted) return undefined
    generation.leases++
    return this.#lease(generation, generation.made.raw, held)
  }

  async #acquire(held: Held | undefined, signal: AbortSignal | undefined): Promise<OwnLease<Raw>> {
    const generation = this.#demand()
    generation.leases++
    try {
      return this.#lease(generation, await generation.connected(signal), held)
    } catch (error) {
      generation.endLease()
      throw error
    }
  }

  #demand(): Generation<Raw> {
    this.refuseIfClosed()
    if (this.#current) return this.#current
    const generation: Generation<Raw> = new Generation(++this.#count, this.#hooks, {
      abandoned: () => this.#retire(generation),
      released: () => {
        this.#retired.delete(generation)
        this.#tellIfIdle()
      },
    })
    this.#current = generation
    generation.raw.then(
      () => {
        this.connectedOnce = true
      },
      // A failure is forgotten: whoever asks next tries afresh.
      () => {
        if (this.#current === generation) this.#current = undefined
        this.#tellIfIdle()
      },
    )
    return generation
  }

  #tellIfIdle(): void {
    if (!this.#current && this.#retired.size === 0) this.#hooks.idle?.()
  }

  #retire(generation: Generation<Raw>): void {
    if (this.#current === generation) this.#current = undefined
    if (generation.released) return
    this.#retired.add(generation)
    generation.retire()
  }

  #lease(generation: Generation<Raw>, raw: Raw, held: Held | undefined): OwnLease<Raw> {
    let released = false
    const lease: OwnLease<Raw> = {
      raw,
      generation: generation.number,
      lifecycle: this,
      on: generation,
      signal: generation.cutOff.signal,
      release: () => {
        if (released) return
        released = true
        held?.leases.splice(held.leases.indexOf(lease), 1)
        generation.endLease()
      },
      retire: () => this.#retire(generation),
    }
    held?.leases.push(lease)
    return lease
  }

  /**
   * Who resets from inside its own lease does not wait for others who do the same, or all of them would wait for each
   * other.
   */
  #mayLeave(held: Held | undefined, generation: Generation<Raw>): boolean {
    if (this.#leasesOf(held).next().done) return false
    const resetting = new Set<Lease<unknown>>()
    for (const { held } of this.#resetting) {
      for (const lease of this.#leasesOf(held)) if (lease.on === generation) resetting.add(lease)
    }
    return generation.leases <= resetting.size
  }

  /** The leases on this lifecycle among those that a context holds. */
  *#leasesOf(held: Held | undefined): Generator<HeldLease> {
    for (let at = held; at; at = at.outer) for (const lease of at.leases) if (lease.lifecycle === this) yield lease
  }
}
