import { Cache } from "../../src/cache/cached.ts"
import type { CacheEvent } from "../../src/cache/events.ts"
import type { ReadOptions } from "../../src/cache/read-options.ts"
import { Clock, keyOf } from "./support.ts"

export const sizeOf = (): number => 100
/** What a database that cannot be reached gives. */
export const down: Error = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" })

/** A cache with a clock of its own, and readers that number their executions. */
export function setup() {
  const clock = new Clock()
  const events: CacheEvent[] = []
  const cache = new Cache({ now: clock.now, onEvent: (event) => events.push(event) })
  let executions = 0
  const options = (more: Partial<ReadOptions<unknown>>) => ({ ttl: 0, sizeOf, ...more }) as ReadOptions<string>
  /** Reads with work that answers `#1`, `#2`, … */
  const read = (more: Partial<ReadOptions<unknown>>, key = keyOf("a")) =>
    cache.read(key, options(more), async () => `#${++executions}`)
  const failing = (more: Partial<ReadOptions<unknown>>, error: unknown = down) =>
    cache.read(keyOf("a"), options(more), async (): Promise<string> => {
      executions++
      throw error
    })
  return { clock, events, cache, read, failing, options, executions: () => executions }
}
