import { isMooringError, UnavailableError } from "../errors.ts"
import { abortable, sleep } from "../util/abort.ts"
import { type BackoffPolicy, backoffDelay, connectBackoff } from "./backoff.ts"
import type { FailureAction } from "./retry.ts"

/** Time and chance, for tests to take in hand. */
export interface GateClock {
  /** Milliseconds that only grow. */
  now(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** From 0 to 1. */
  random(): number
}

export interface GateOptions {
  /** The connection's, for the error. */
  readonly name: string
  /** What a failed attempt means; only `lost` and `wait` are waited for. */
  classify(error: unknown): FailureAction
  readonly clock?: GateClock
  readonly policy?: BackoffPolicy
}

const systemClock: GateClock = { now: () => performance.now(), sleep, random: Math.random }

/**
 * What every attempt to reach one server passes, whoever makes it.
 *
 * While the server answers, attempts go straight through. Once one has failed, there is one at a time, the *probe*, and
 * a wait before it that grows and is the same for all; who comes meanwhile shares the outcome of the next probe. When
 * it has been failing for long, callers are told at once, and whoever comes after the wait makes the probe. Nothing
 * runs without a caller, so that no timer holds the process.
 */
export class ConnectGate {
  readonly #name: string
  readonly #classify: GateOptions["classify"]
  readonly #clock: GateClock
  readonly #policy: BackoffPolicy
  /** Attempts are made one at a time: the last one failed, or something else gave reason to doubt the server. */
  #doubtful = false
  #failures = 0
  #since = 0
  #failedAt = 0
  #retryAt = 0
  /** The last failure, and whose it was. */
  #last: { readonly error: unknown; readonly who: object | undefined } | undefined
  #probe: Promise<void> | undefined
  /** Attempts of an earlier round are those that began before the last failure: they say nothing new. */
  #round = 0

  constructor({ name, classify, clock = systemClock, policy = connectBackoff }: GateOptions) {
    this.#name = name
    this.#classify = classify
    this.#clock = clock
    this.#policy = policy
  }

  /** The server could not be reached lately: whoever tries again is made to wait here. */
  get failing(): boolean {
    return this.#failures > 0
  }

  /** Something else broke: the next attempt goes alone, and the others wait for its outcome. */
  doubt(): void {
    this.#doubtful = true
  }

  /** It is another server from now on. */
  forget(): void {
    this.#round++
    this.#failures = 0
    this.#retryAt = 0
    this.#doubtful = false
    this.#last = undefined
    this.#probe = undefined
  }

  /**
   * Runs `connect` as soon as it may be tried.
   *
   * @param connect rejects soon after `signal` has aborted.
   * @param who stands for the settings that are connected with: a refusal is shared only among those who have the same.
   * @throws what `connect` throws, or what the probe of another caller has thrown; UnavailableError; `signal.reason`.
   */
  async pass<T>(connect: () => Promise<T>, signal?: AbortSignal, who?: object): Promise<T> {
    for (;;) {
      signal?.throwIfAborted()
      if (!this.#doubtful) return this.#attempt(connect, signal, who)
      const now = this.#clock.now()
      if (this.failing && !this.#probe && now - this.#failedAt > this.#policy.memory) this.#failures = 0
      const wait = this.failing ? this.#retryAt - now : 0
      if (this.#isBroken(now) && (this.#probe || wait > 0)) throw this.#unavailable(wait)
      const round = this.#round
      if (this.#probe)
        await abortable(
          this.#probe.catch(() => undefined),
          signal,
        )
      else if (wait > 0) await this.#clock.sleep(wait, signal)
      else return this.#probeWith(connect, signal, who)
      // An attempt that was called off leaves no failure to share: the next in line makes another.
      if (round !== this.#round && this.#last && this.#concerns(this.#last, who)) throw this.#last.error
    }
  }

  /** A server that cannot be reached is so for all; what it refuses one, it may grant to another's password. */
  #concerns(failure: { error: unknown; who: object | undefined }, who: object | undefined): boolean {
    return failure.who === who || this.#mayPass(failure.error)
  }

  async #probeWith<T>(connect: () => Promise<T>, signal: AbortSignal | undefined, who: object | undefined): Promise<T> {
    const attempt = this.#attempt(connect, signal, who)
    const ended = () => undefined
    const probe = attempt.then(ended, ended)
    this.#probe = probe
    try {
      return await attempt
    } finally {
      if (this.#probe === probe) this.#probe = undefined
    }
  }

  async #attempt<T>(connect: () => Promise<T>, signal: AbortSignal | undefined, who: object | undefined): Promise<T> {
    const round = this.#round
    try {
      const made = await connect()
      if (round === this.#round) this.#succeeded()
      return made
    } catch (error) {
      if (round === this.#round) this.#failed(error, signal?.aborted ?? false, who)
      throw error
    }
  }

  #succeeded(): void {
    this.#failures = 0
    this.#doubtful = false
    this.#last = undefined
  }

  #failed(error: unknown, calledOff: boolean, who: object | undefined): void {
    if (calledOff) {
      // It says nothing, yet callers of little patience must not make a storm of attempts.
      this.#retryAt = this.#clock.now() + this.#delay()
      return
    }
    this.#round++
    this.#doubtful = true
    this.#last = { error, who }
    // A refusal is an answer: nobody waits after it, but those who come at once share one attempt.
    if (!this.#mayPass(error)) {
      this.#failures = 0
      return
    }
    const now = (this.#failedAt = this.#clock.now())
    if (this.#failures++ === 0) this.#since = now
    this.#retryAt = now + this.#delay()
  }

  /** A connect that took too long is one of a server that does not answer. */
  #mayPass(error: unknown): boolean {
    return isMooringError(error, "TIMEOUT") || ["lost", "wait"].includes(this.#classify(error))
  }

  #delay(): number {
    if (!this.failing) return 0
    return backoffDelay(this.#failures, this.#failedAt - this.#since, this.#clock.random(), this.#policy)
  }

  #isBroken(now: number): boolean {
    return this.failing && now - this.#since >= this.#policy.breakAfter
  }

  #unavailable(wait: number): UnavailableError {
    const now = Date.now()
    return new UnavailableError(`Connection "${this.#name}"`, {
      connection: this.#name,
      since: new Date(now - (this.#clock.now() - this.#since)),
      retryAt: new Date(now + Math.max(0, wait)),
      attempts: this.#failures,
      cause: bare(this.#last?.error),
    })
  }
}

/** The message and code alone: drivers hang options and passwords on their errors. */
function bare(error: unknown): unknown {
  if (isMooringError(error) || !(error instanceof Error)) return error
  const { code } = error as { code?: unknown }
  return Object.assign(new Error(error.message), code === undefined ? {} : { code })
}
