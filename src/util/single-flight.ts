import { MooringError } from "../errors.ts"
import { never } from "./abort.ts"

/** One shared execution, as its own work sees it. */
export interface Flight {
  /** Aborts when the last caller has left. */
  readonly signal: AbortSignal
  /** True once {@link SingleFlight.forget} let later callers begin anew. */
  readonly superseded: boolean
}

class SharedExecution implements Flight {
  readonly signal: AbortSignal
  superseded = false
  callers = 0
  promise: Promise<unknown> | undefined
  readonly #controller: AbortController | undefined

  /** @param mayAbort false where a caller is in it who cannot leave. */
  constructor(mayAbort: boolean) {
    this.#controller = mayAbort ? new AbortController() : undefined
    this.signal = this.#controller?.signal ?? never
  }

  abort(reason: unknown): void {
    this.#controller?.abort(reason)
  }
}

/** How an execution leaves the first caller's async context. Calls `work` and returns what it returns. */
export type Detach = <R>(work: () => R) => R

const hint = "Call it with other arguments inside itself, or call the function that is not cached."

const inPlace: Detach = (work) => work()

/**
 * Shares executions: callers that ask for the same key while it runs get the same answer.
 *
 * Each caller's abort is its own and rejects with that caller's `signal.reason`; the execution is aborted when its last
 * caller has left. A failure reaches all callers and is forgotten.
 *
 * An execution runs in the async context of whoever came first, although others join it: what depends on one caller
 * (a session, a transaction's lease) must not be visible inside. Give `detach` to leave those storages, such as
 * `(work) => storage.run(undefined, work)`; traces stay with the first caller.
 */
export class SingleFlight {
  readonly #flights = new Map<string, SharedExecution>()
  readonly #detach: Detach

  constructor(options: { detach?: Detach | undefined } = {}) {
    this.#detach = options.detach ?? inPlace
  }

  /** How many executions can be joined now. */
  get size(): number {
    return this.#flights.size
  }

  /**
   * Joins the execution of this key or begins it.
   *
   * @param key must name the type of the answer too: joiners are given it as it is.
   */
  run<T>(key: string, signal: AbortSignal | undefined, work: (flight: Flight) => T | PromiseLike<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const flight = this.#flights.get(key) ?? this.#begin(key, work, signal !== undefined)
    const promise = flight.promise as Promise<T> | undefined
    if (!promise) return Promise.reject(new MooringError("CACHE", "A cached call waits for itself.", { hint }))
    flight.callers++
    return signal ? this.#until(signal, key, flight, promise) : promise
  }

  /** The keys of what can be joined now. */
  keys(): readonly string[] {
    return [...this.#flights.keys()]
  }

  /** Whether a call with this key would join. */
  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /** Lets an execution go on for those who are in it, and the next caller begin anew. */
  forget(key: string): void {
    const flight = this.#flights.get(key)
    if (!flight) return
    flight.superseded = true
    this.#flights.delete(key)
  }

  #begin<T>(key: string, work: (flight: Flight) => T | PromiseLike<T>, mayAbort: boolean): SharedExecution {
    const flight = new SharedExecution(mayAbort)
    this.#flights.set(key, flight)
    const promise = this.#detach(() => begin(work, flight))
    const settled = () => this.#remove(key, flight)
    promise.then(settled, settled)
    flight.promise = promise
    return flight
  }

  #until<T>(signal: AbortSignal, key: string, flight: SharedExecution, promise: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = () => {
        reject(signal.reason)
        if (--flight.callers > 0) return
        this.#remove(key, flight)
        flight.abort(signal.reason)
      }
      const stay = () => signal.removeEventListener("abort", leave)
      promise.finally(stay).then(resolve, reject)
      // The work may have aborted its own caller before it first waited.
      if (signal.aborted) leave()
      else signal.addEventListener("abort", leave, { once: true })
    })
  }

  #remove(key: string, flight: SharedExecution): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key)
  }
}

function begin<T>(work: (flight: Flight) => T | PromiseLike<T>, flight: Flight): Promise<T> {
  try {
    return Promise.resolve(work(flight))
  } catch (error) {
    return Promise.reject(error)
  }
}
