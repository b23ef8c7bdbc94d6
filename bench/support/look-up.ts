import type { Side } from "../case.ts"
import { rows } from "./trips.ts"

/** How often one row is read in a run. */
export const lookups = 3000

/** A side that reads one row by its key again and again, each time another, and tells microseconds a row. */
export function lookUp(read: (id: number) => Promise<unknown>, side: Pick<Side, "version" | "close"> = {}): Side {
  let id = 0
  const run = async () => {
    const start = performance.now()
    // Far apart, so that the server's pages are not the same ones each time.
    for (let i = 0; i < lookups; i++) await read(1 + ((id += 7919) % rows))
    return ((performance.now() - start) / lookups) * 1000
  }
  return { ...side, repetitions: 5, run }
}
