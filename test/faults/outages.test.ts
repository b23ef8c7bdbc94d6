import { expect, test } from "vitest"
import type { FaultProxy } from "../support/fault-proxy.ts"
import { longestGap, watchConnects } from "./connects.ts"
import { record } from "./report.ts"
import { fill, nobodyConnects, oneRow, poolSize, provoked, type Scene, serverReturns } from "./scenarios.ts"
import { onEachServer, type Stage } from "./stage.ts"

const duration = 15_000
/** What a busy machine may add to a wait; milliseconds. */
const slack = 1_000

async function sceneAt(stage: Stage, proxy: FaultProxy, place = proxy.address): Promise<Scene> {
  const pets = await stage.connect({ pool_size: poolSize, max_overflow: 0 }, place)
  return { kind: stage.kind, server: stage.server, proxy, reader: { read: (sql) => pets.query(sql) } }
}

onEachServer((stage) => {
  test.each([500, 6_000])("R04 it recovers by itself when the server is back after %i ms", async (down) => {
    const proxy = await stage.proxy()
    const took = await serverReturns(await sceneAt(stage, proxy, stage.server.place), down)
    const note = `the first after ${Math.round(took)} ms`
    const lost = Number(took > 1_000 + slack)
    record({ promise: "R04", dialect: stage.dialect, what: provoked.R04, provoked: 1, lost, note })
    expect(took).toBeLessThanOrEqual(1_000 + slack)
  })

  test("R05 no reconnect storm on a server that refuses or hangs up", async () => {
    const found = await Promise.all((["refuse", "close"] as const).map((welcome) => storm(stage, welcome)))
    for (const { welcome, connects, gap } of found) {
      const how = welcome === "refuse" ? "refused" : "hung up on"
      const note = `${how}: ${connects} connects, at most ${Math.ceil(gap)} ms apart`
      const lost = Number(connects > 25 || gap > 1_000 + slack)
      record({ promise: "R05", dialect: stage.dialect, what: provoked.R05, provoked: 1, lost, note })
      expect(connects).toBeGreaterThan(10)
      expect(connects).toBeLessThanOrEqual(25)
      expect(gap).toBeLessThanOrEqual(1_000 + slack)
    }
  })
})

async function storm(stage: Stage, welcome: "refuse" | "close") {
  const proxy = await stage.proxy()
  const scene = await sceneAt(stage, proxy)
  await fill(scene)
  const watch = watchConnects(proxy.port)
  await proxy.welcome(welcome)
  proxy.closeLinks("reset")
  const start = performance.now()
  await nobodyConnects(scene, duration).finally(watch.stop)
  const end = start + duration
  await proxy.welcome("serve")
  await expect.poll(() => reads(scene), { timeout: 5_000 }).toBe(true)
  const connects = watch.at.filter((time) => time <= end).length
  return { welcome, connects, gap: longestGap(watch.at, start, end) }
}

function reads({ reader }: Scene): Promise<boolean> {
  return reader.read(oneRow()).then(
    () => true,
    () => false,
  )
}
