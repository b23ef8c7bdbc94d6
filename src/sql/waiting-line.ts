import { onAbort } from "../util/abort.ts"

interface Place<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/** How somebody waits in a {@link WaitingLine}. */
export interface WaitOptions {
  readonly signal: AbortSignal
  /** Milliseconds; `Infinity` for no deadline. */
  readonly timeout: number
  /** The error after the deadline. */
  readonly late: () => Error
  /** Before all others: for who has waited already, and was given something of no use. */
  readonly first?: boolean
}

/** Callers who wait for a thing, served in the order of asking. Who leaves takes nothing along. */
export class WaitingLine<T> {
  readonly #places: Place<T>[] = []

  get length(): number {
    return this.#places.length
  }

  /** Resolves when it is this caller's turn; rejects with `signal.reason`, or with `late()` after the timeout. */
  wait({ signal, timeout, late, first }: WaitOptions): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const forget = () => {
        clearTimeout(timer)
        unlisten()
      }
      const leave = (why: () => unknown) => {
        forget()
        this.#places.splice(this.#places.indexOf(place), 1)
        reject(why())
      }
      const timer = Number.isFinite(timeout) ? setTimeout(leave, timeout, late) : undefined
      const place: Place<T> = {
        resolve: (value) => {
          forget()
          resolve(value)
        },
        reject: (error) => {
          forget()
          reject(error)
        },
      }
      const unlisten = onAbort(signal, () => leave(() => signal.reason))
      if (first) this.#places.unshift(place)
      else this.#places.push(place)
    })
  }

  /** Gives the value to whoever is first; false if nobody waits. */
  serve(value: T): boolean {
    const place = this.#places.shift()
    place?.resolve(value)
    return place !== undefined
  }

  /** Sends whoever is first away. */
  rejectFirst(error: unknown): void {
    this.#places.shift()?.reject(error)
  }

  rejectAll(error: unknown): void {
    for (const place of this.#places.splice(0)) place.reject(error)
  }
}
