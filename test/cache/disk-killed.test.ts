import { expect, it } from "vitest"
import { killWriters } from "./killed-writers.ts"

/** For about 5 seconds; `npm run test:faults` does 500. */
const kills = 15

it("R24 gives no reader a bad entry while writers are killed", async () => {
  const { reads, whole, torn } = await killWriters(kills)
  expect(reads).toBeGreaterThan(kills)
  expect(whole).toBeGreaterThanOrEqual(kills)
  expect(torn).toBe(0)
}, 120_000)
