import { expect, test } from "vitest"
import { isMooringError, type SQLConnection } from "../../src/index.ts"
import type { Direction } from "../support/fault-proxy.ts"
import { record } from "./report.ts"
import { oneRow, provoked } from "./scenarios.ts"
import { onEachServer } from "./stage.ts"

const deadline = 500
/** What the promise allows, and what a busy machine may add. */
const slack = 250 + 500

/** Everything that may wait for a server, with a deadline. */
const calls: Record<string, (pets: SQLConnection) => Promise<unknown>> = {
  query: (pets) => pets.query(oneRow(), { timeout: deadline / 1000 }),
  "query that changes": (pets) => pets.query(oneRow(), { timeout: deadline / 1000, readOnly: false }),
  execute: (pets) => pets.execute("insert into swallowed values (1)", undefined, { timeout: deadline / 1000 }),
  stream: async (pets) => {
    for await (const batch of pets.stream(oneRow(), { timeout: deadline / 1000 })) batch.numRows
  },
  transaction: (pets) => pets.transaction((tx) => tx.query(oneRow()), { timeout: deadline / 1000 }),
  session: async (pets) => {
    await using session = pets.session
    await session.query(oneRow(), { timeout: deadline / 1000 })
  },
}

/** How long the call takes to fail, and whether with the error of a deadline. */
async function fails(call: () => Promise<unknown>): Promise<{ took: number; typed: boolean }> {
  const start = performance.now()
  const error = await call().then(
    () => undefined,
    (error) => error,
  )
  return { took: performance.now() - start, typed: isMooringError(error, "TIMEOUT") }
}

onEachServer((stage) => {
  const directions: (Direction | "both")[] = ["toServer", "toClient", "both"]

  test.each(Object.keys(calls))("R03 the deadline of %s holds on a link that swallows bytes", async (what) => {
    const proxy = await stage.proxy()
    const pets = await stage.connect({}, proxy.address)
    await stage.server.admin("drop table if exists swallowed")
    await stage.server.admin("create table swallowed (n integer)")
    let late = 0
    for (const swallow of directions) {
      await pets.query(oneRow())
      const [dead] = [...proxy.links]
      proxy.fault({ swallow })
      const { took, typed } = await fails(() => calls[what]!(pets))
      expect(typed).toBe(true)
      if (took > deadline + slack) late++
      expect(took).toBeLessThanOrEqual(deadline + slack)
      // Given up by our side, not only forgotten.
      await expect.poll(() => proxy.links.has(dead!), { timeout: 3_000 }).toBe(false)
      proxy.fault({})
    }
    const found = { what: provoked.R03, provoked: directions.length, lost: late, note: "a typed timeout in time" }
    record({ promise: "R03", dialect: stage.dialect, ...found })
    expect((await pets.query(oneRow())).numRows).toBe(1)
  })

  test.each(directions)("R03 a deadline holds while connecting, with bytes swallowed %s", async (swallow) => {
    const proxy = await stage.proxy()
    const lazy = await stage.connect({ lazy: true }, proxy.address)
    proxy.fault({ swallow })
    const { took, typed } = await fails(() => lazy.query(oneRow(), { timeout: deadline / 1000 }))
    expect(typed).toBe(true)
    expect(took).toBeLessThanOrEqual(deadline + slack)
    await expect.poll(() => proxy.links.size, { timeout: 8_000 }).toBe(0)
    proxy.fault({})
    expect((await lazy.query(oneRow())).numRows).toBe(1)
  })

  test("R03 a deadline holds on a server that is stopped where it is, and on a link that only drips", async () => {
    const proxy = await stage.proxy()
    const pets = await stage.connect({}, proxy.address)
    await stage.server.freeze()
    const frozen = await fails(() => calls.query!(pets)).finally(() => stage.server.thaw())
    expect(frozen.typed).toBe(true)
    expect(frozen.took).toBeLessThanOrEqual(deadline + slack)
    await pets.query(oneRow())
    proxy.fault({ rate: 20 })
    const dripping = await fails(() => calls.query!(pets))
    expect(dripping.typed).toBe(true)
    expect(dripping.took).toBeLessThanOrEqual(deadline + slack)
  })
})
