import type { CacheKey } from "../../src/cache/contract.ts"
import type { Flight } from "../../src/util/single-flight.ts"

/** A clock that moves only when told. */
export class Clock {
  time = 1_700_000_000_000
  now = (): number => this.time
  advance(ms: number): void {
    this.time += ms
  }
}

export function keyOf(id: string, group = "select 1", scope = "db"): CacheKey {
  return { scope, group, id }
}

/** Work that counts its executions and ends when the test says so. */
export class Work<T> {
  readonly signals: AbortSignal[] = []
  readonly #ends: { resolve: (value: T) => void; reject: (error: unknown) => void }[] = []

  run = (signal: AbortSignal | Flight): Promise<T> => {
    this.signals.push(signal instanceof AbortSignal ? signal : signal.signal)
    return new Promise<T>((resolve, reject) => this.#ends.push({ resolve, reject }))
  }

  get executions(): number {
    return this.#ends.length
  }

  finish(value: T, execution = 0): void {
    this.#ends[execution]!.resolve(value)
  }

  fail(error: unknown, execution = 0): void {
    this.#ends[execution]!.reject(error)
  }
}
