import { TimeoutError } from "../errors.ts"

/** The longest that Node's timers can wait, in milliseconds: about 24.8 days. Longer ones would fire at once. */
export const longestTimer: number = 2 ** 31 - 1

/** What ends a piece of work early. */
export interface AbortOptions {
  /** The caller's own signal, or all signals that may end it. */
  signal?: AbortSignal | readonly (AbortSignal | undefined)[] | undefined
  /** Milliseconds; `Infinity` and everything beyond 24.8 days mean no deadline. */
  timeout?: number | undefined
  /** The connection that the `TimeoutError` names. */
  connection?: string | undefined
}

/** A signal that follows others, until it is disposed of. */
export interface LinkedSignal {
  readonly signal: AbortSignal
  /** Clears the timer and takes the listeners off; `signal` follows nothing from then on. */
  dispose(): void
}

/**
 * One signal out of a caller's signal and a deadline.
 *
 * Written by hand: `AbortSignal.any` and `AbortSignal.timeout` stay referenced by a long-lived signal in the Node
 * versions that are supported. The timer keeps the process alive, so that a deadline is kept even where nothing else
 * is awaited: dispose of it when the work is done.
 *
 * @param message of the `TimeoutError` that is the reason after the deadline.
 */
export function linkSignals(options: AbortOptions, message: string): LinkedSignal {
  const { timeout = Number.POSITIVE_INFINITY, connection } = options
  const tooLate = () => new TimeoutError(message, connection === undefined ? {} : { connection })
  const signals = [options.signal ?? []].flat().filter((signal) => signal !== undefined)
  const controller = new AbortController()
  const follow = () => finish(signals.find(({ aborted }) => aborted)!.reason)
  const timer = timeout <= longestTimer ? setTimeout(() => finish(tooLate()), Math.max(0, timeout)) : undefined
  function dispose(): void {
    clearTimeout(timer)
    for (const signal of signals) signal.removeEventListener("abort", follow)
  }
  function finish(reason: unknown): void {
    dispose()
    controller.abort(reason)
  }
  if (signals.some(({ aborted }) => aborted)) follow()
  else for (const signal of signals) signal.addEventListener("abort", follow, { once: true })
  return { signal: controller.signal, dispose }
}

/**
 * Runs work under a caller's signal and a deadline. Rejects at once with the signal's reason or a `TimeoutError`, even
 * where the work does not listen; what the work answers later is dropped.
 *
 * @param message of the `TimeoutError`.
 * @example await withDeadline({ signal, timeout: 10_000 }, "No answer within 10 s.", (signal) => dial(signal))
 */
export async function withDeadline<T>(
  options: AbortOptions,
  message: string,
  work: (signal: AbortSignal) => T | PromiseLike<T>,
): Promise<T> {
  const linked = linkSignals(options, message)
  try {
    linked.signal.throwIfAborted()
    return await abortable(work(linked.signal), linked.signal)
  } finally {
    linked.dispose()
  }
}

/**
 * The promise, or a rejection with `signal.reason` as soon as the signal aborts. The promise itself goes on; a later
 * rejection of it is not reported as unhandled.
 */
export function abortable<T>(promise: T | PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal || signal === never) return Promise.resolve(promise)
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    const forget = () => signal.removeEventListener("abort", abort)
    Promise.resolve(promise).then(
      (value) => {
        forget()
        resolve(value)
      },
      (error) => {
        forget()
        reject(error)
      },
    )
    if (signal.aborted) abort()
    else signal.addEventListener("abort", abort, { once: true })
  })
}

/** The signal of work that nobody calls off. */
export const never: AbortSignal = new AbortController().signal

/** Calls `listener` when the signal aborts, once; gives what takes it off. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  // Listening costs more than most of what else a small query does.
  if (signal === never) return nothing
  signal.addEventListener("abort", listener, { once: true })
  return () => signal.removeEventListener("abort", listener)
}

function nothing(): void {}

/** Resolves after `ms` milliseconds; rejects with `signal.reason` when the signal aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = setTimeout(done, Math.min(Math.max(0, ms), longestTimer))
    function done(): void {
      signal?.removeEventListener("abort", abort)
      resolve()
    }
    function abort(): void {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    signal?.addEventListener("abort", abort, { once: true })
  })
}

/** Waits until the promise has settled, yet no longer than `ms` milliseconds. What comes of it later is dropped. */
export async function settledWithin(ms: number, promise: Promise<unknown>): Promise<void> {
  const enough = new AbortController()
  await Promise.race([promise.catch(() => undefined), sleep(ms, enough.signal).catch(() => undefined)])
  enough.abort()
}
