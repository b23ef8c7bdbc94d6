import { setTimeout as wait } from "node:timers/promises"
import type { SQLConnection } from "../../src/index.ts"
import { forEver, inTime, type Toll } from "./scenarios.ts"

/** Callers that read for as long as they are let. */
export interface Load {
  /** Resolves when so many more reads have succeeded. */
  more(reads: number): Promise<void>
  /** Lets them finish, and gives what came of all. */
  stop(): Promise<Toll>
}

let texts = 0

/** Has `callers` read one after another, each read like no other; `sql` makes them take longer. */
export function load(pets: SQLConnection, callers: number, sql = (n: number): string => `select ${n} as n`): Load {
  let [provoked, lost, over] = [0, 0, false]
  let error: unknown
  const running = Array.from({ length: callers }, async () => {
    while (!over) {
      try {
        await inTime(pets.query(sql(++texts)), forEver)
      } catch (failure) {
        lost++
        error ??= failure
      }
      provoked++
      await wait(2)
    }
  })
  return {
    async more(reads) {
      const wanted = provoked - lost + reads
      for (let i = 0; i < 2_000 && provoked - lost < wanted; i++) await wait(5)
    },
    async stop() {
      over = true
      await Promise.all(running)
      return { provoked, lost, error }
    },
  }
}
