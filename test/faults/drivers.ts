/** What drivers lose alone, by the scenarios that Mooring is tested with. Runs when a report is written. */
import { setTimeout as wait } from "node:timers/promises"
import { describe, onTestFinished, test } from "vitest"
import type { FaultProxy } from "../support/fault-proxy.ts"
import { DriverAlone, type DriverName } from "./driver-alone.ts"
import { type Finding, record } from "./report.ts"
import {
  fill,
  inTime,
  nobodyConnects,
  oneRow,
  poolSize,
  provoked,
  resetUnderReaders,
  type Scene,
  serverReturns,
  sessionsEndWhileIdle,
  tollOf,
} from "./scenarios.ts"
import type { FaultDialect } from "./servers.ts"
import { onEachServer, type Stage } from "./stage.ts"

const drivers: Record<FaultDialect, readonly DriverName[]> = { postgresql: ["pg", "postgres"], mariadb: ["mysql2"] }

async function sceneOf(stage: Stage, driver: DriverName, listens = true): Promise<Scene & { alone: DriverAlone }> {
  const proxy: FaultProxy = await stage.proxy()
  const alone = new DriverAlone({ driver, listens, max: poolSize, ...stage.server.login, ...proxy.address })
  onTestFinished(() => alone.stop())
  await alone.read(oneRow())
  return { kind: stage.kind, server: stage.server, proxy, alone, reader: alone }
}

onEachServer((stage) => {
  describe.each(drivers[stage.dialect])("%s alone", (driver) => {
    const found = (promise: keyof typeof provoked, finding: Pick<Finding, "provoked" | "lost" | "note">) =>
      record({ promise, dialect: stage.dialect, client: driver, what: provoked[promise], ...finding })

    test("R01", async () => {
      found("R01", await sessionsEndWhileIdle(await sceneOf(stage, driver)))
    })

    test("R02", async () => {
      const scene = await sceneOf(stage, driver)
      found("R02", await resetUnderReaders(scene))
    }, 180_000)

    test("R03", async () => {
      const scene = await sceneOf(stage, driver)
      await fill(scene)
      scene.proxy.fault({ swallow: "both" })
      const reads = Array.from({ length: 10 }, () => scene.reader.read(oneRow()))
      found("R03", { ...(await tollOf(reads)), note: "pending after 15 s" })
    })

    test("R04", async () => {
      const took = await serverReturns(await sceneOf(stage, driver), 6_000)
      const note = took === Number.POSITIVE_INFINITY ? "none within 15 s" : `the first after ${Math.round(took)} ms`
      found("R04", { provoked: 1, lost: Number(took > 1_000), note })
    })

    test("R05", async () => {
      const scene = await sceneOf(stage, driver)
      await fill(scene)
      await scene.proxy.welcome("close")
      scene.proxy.closeLinks("reset")
      const start = performance.now()
      await nobodyConnects(scene, 15_000)
      const { connects, gap } = await inTime(scene.alone.connects(performance.now() - start), 5_000).catch(() => ({
        connects: scene.proxy.connects.length,
        gap: 0,
      }))
      found("R05", {
        provoked: 1,
        lost: Number(connects > 25 || gap > 1_000),
        note: `${connects.toLocaleString("en")} connects, at most ${Math.round(gap)} ms apart`,
      })
    })

    test("R06", async () => {
      const scene = await sceneOf(stage, driver, false)
      await fill(scene)
      await stage.server.endSessions()
      await wait(500)
      found("R06", { provoked: 1, lost: Number(!scene.alone.alive) })
    })
  })
})
