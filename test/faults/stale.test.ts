import { setTimeout as wait } from "node:timers/promises"
import { expect, test } from "vitest"
import { failureOf } from "../support/waiting.ts"
import { record } from "./report.ts"
import { onEachServer } from "./stage.ts"

/** Longer than it takes until callers are told at once that the server is away; milliseconds. */
const outage = 13_000

onEachServer((stage) => {
  test("R21 an older result stands in while the server is away, and never for what the server answers", async () => {
    await stage.server.admin("create table kept (n integer)")
    await stage.server.admin("insert into kept values (7)")
    const proxy = await stage.proxy()
    const pets = await stage.connect({}, proxy.address)
    const read = () => pets.scalar<number>("select n from kept", { ttl: 0.01, staleIfError: "1h" })
    expect(await read()).toBe(7)
    await proxy.welcome("refuse")
    proxy.closeLinks("reset")
    let provoked = 0
    let lost = 0
    for (const end = Date.now() + outage; Date.now() < end; await wait(500)) {
      provoked++
      const answer = await read().catch((error: unknown) => error)
      if (answer !== 7) lost++
    }
    await proxy.welcome("serve")
    await expect.poll(() => pets.isHealthy(), { timeout: 5_000 }).toBe(true)
    await stage.server.admin("drop table kept")
    const error = await failureOf(read())
    const what = "reads in an outage of 13 s; none of a table that is gone"
    record({ promise: "R21", dialect: stage.dialect, what, provoked, lost })
    expect(lost).toBe(0)
    expect(error).toMatchObject({ kind: "missing" })
  })
})
