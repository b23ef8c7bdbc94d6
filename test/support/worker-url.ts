import { inject } from "vitest"

/** In tests, for the function of the same name in the sources: see the set-up in `worker-program.ts`. */
export function workerUrl(): URL {
  return new URL(inject("sqliteWorker"))
}
