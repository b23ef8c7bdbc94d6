import type { GateClock } from "../../src/core/connect-gate.ts"

interface Sleeper {
  readonly at: number
  wake(): void
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements GateClock {
  /** What `random()` gives. */
  chance = 0
  #now = 0
  readonly #sleepers = new Set<Sleeper>()

  now(): number {
    return this.#now
  }

  random(): number {
    return this.chance
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = () => {
        this.#sleepers.delete(sleeper)
        resolve()
      }
      const sleeper: Sleeper = { at: this.#now + ms, wake }
      this.#sleepers.add(sleeper)
      signal?.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason)
      })
    })
  }

  /** How many wait for the clock. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  /** Lets `ms` pass, and everything happen that becomes due on the way, in its order. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settled()
      const next = [...this.#sleepers].sort((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      this.#now = Math.max(this.#now, next.at)
      next.wake()
    }
    this.#now = end
    await settled()
  }
}

/** Lets promises that are ready come through. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
