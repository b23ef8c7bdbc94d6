import { expect, test } from "vitest"
import type { SQLConnection } from "../../src/index.ts"
import { record } from "./report.ts"
import { oneRow, poolSize, resetUnderReaders, type Scene, sessionsEndWhileIdle } from "./scenarios.ts"
import { onEachServer, type Stage } from "./stage.ts"

/** Mooring behind a proxy. */
async function sceneOf(stage: Stage): Promise<Scene & { pets: SQLConnection }> {
  const proxy = await stage.proxy()
  const pets = await stage.connect({ pool_size: poolSize, max_overflow: 0 }, proxy.address)
  return { kind: stage.kind, server: stage.server, proxy, pets, reader: { read: (sql) => pets.query(sql) } }
}

onEachServer((stage) => {
  test("R01 connections that the server ended while idle are invisible", async () => {
    const toll = await sessionsEndWhileIdle(await sceneOf(stage))
    record({ promise: "R01", dialect: stage.dialect, what: "reads after all idle sessions were ended", ...toll })
    expect(toll).toEqual({ provoked: 100, lost: 0, error: undefined })
  })

  test("R02 a reset of the whole pool costs no reader an error, and the pool keeps its maximum", async () => {
    const scene = await sceneOf(stage)
    let [most, over] = [0, false]
    const counting = (async () => {
      while (!over) most = Math.max(most, await stage.server.sessions())
    })()
    const toll = await resetUnderReaders(scene).finally(() => (over = true))
    await counting
    record({ promise: "R02", dialect: stage.dialect, what: "readers of a pool that was reset", ...toll })
    expect(toll).toEqual({ provoked: 250, lost: 0, error: undefined })
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(poolSize)
    expect(scene.proxy.mostLinks).toBeLessThanOrEqual(poolSize)
  })

  test("R07 a wrong query runs once, and takes no connection with it", async () => {
    const scene = await sceneOf(stage)
    await stage.server.log()
    await scene.pets.query(oneRow())
    const { length: connects } = scene.proxy.connects
    for (let i = 0; i < 20; i++) {
      const marker = `wrong_${process.pid}_${i}`
      await expect(scene.pets.query(`selekt ${marker}`)).rejects.toMatchObject({ kind: "syntax", attempts: 1 })
      await expect.poll(() => stage.server.logged(marker)).toBe(1)
    }
    record({ promise: "R07", dialect: stage.dialect, what: "wrong statements", provoked: 20, lost: 0 })
    expect(scene.proxy.connects).toHaveLength(connects)
  })
})
