import { expect, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import { fakeSql } from "../../src/testing/index.ts"
import { useProject } from "../support/project.ts"

/** Lets so many reactions of promises run, and nothing else. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined
}

test("connect() leaks no connection to a caller who leaves while it is handed over", async () => {
  useProject()
  const { dialect } = fakeSql({})
  const pool = { pool_size: 1, max_overflow: 0, pool_timeout: 1 }
  const pets = await connection<SQLConnection>("pets", { type: "sql", dialect, ...pool })
  let given = 0
  let left = 0
  for (let moment = 0; moment < 80; moment++) {
    const held = await pets.connect()
    const leaving = new AbortController()
    const waiting = pets.connect({ signal: leaving.signal })
    const asked = waiting.then(
      async (raw) => {
        given++
        await raw[Symbol.asyncDispose]()
      },
      () => left++,
    )
    await ticks(100)
    void held[Symbol.asyncDispose]()
    await ticks(moment)
    leaving.abort()
    await asked
  }
  expect(given).toBeGreaterThan(0)
  expect(left).toBeGreaterThan(0)
  // The only one there is.
  const last = await pets.connect()
  await last[Symbol.asyncDispose]()
})
