import { expect, test } from "vitest"
import type { SQLConnection } from "../../src/index.ts"
import type { MoreOptions } from "../support/databases.ts"
import { record } from "./report.ts"
import { oneRow, poolSize, provoked, resetUnderReaders, type Scene, sessionsEndWhileIdle } from "./scenarios.ts"
import { onEachServer, type Stage } from "./stage.ts"

/** Mooring behind a proxy. */
async function sceneOf(stage: Stage, options: MoreOptions = {}): Promise<Scene & { pets: SQLConnection }> {
  const proxy = await stage.proxy()
  const pets = await stage.connect({ pool_size: poolSize, max_overflow: 0, ...options }, proxy.address)
  return { kind: stage.kind, server: stage.server, proxy, pets, reader: { read: (sql) => pets.query(sql) } }
}

onEachServer((stage) => {
  test("R01 connections that the server ended while idle are invisible", async () => {
    const toll = await sessionsEndWhileIdle(await sceneOf(stage))
    record({ promise: "R01", dialect: stage.dialect, what: provoked.R01, ...toll })
    expect(toll).toEqual({ provoked: 100, lost: 0, error: undefined })
  })

  test("R02 a reset of the whole pool costs no reader an error, and the pool keeps its maximum", async () => {
    const scene = await sceneOf(stage)
    const toll = await resetUnderReaders(scene)
    // Counted at the door: for a while, the server itself still has sessions whose links were reset under them.
    const { mostLinks } = scene.proxy
    await expect.poll(() => stage.server.sessions()).toBe(scene.proxy.links.size)
    record({ promise: "R02", dialect: stage.dialect, what: provoked.R02, ...toll })
    expect(toll).toMatchObject({ lost: 0, error: undefined })
    expect(toll.provoked).toBeGreaterThan(500)
    expect(mostLinks).toBe(poolSize)
    expect(await stage.server.sessions()).toBeLessThanOrEqual(poolSize)
  })

  test("R07 a wrong query runs once, and takes no connection with it", async () => {
    const scene = await sceneOf(stage, stage.kind.plain)
    let sent = ""
    scene.proxy.tap = (direction, bytes) => {
      if (direction === "toServer") sent += bytes.toString("latin1")
    }
    await scene.pets.query(oneRow())
    const { length: connects } = scene.proxy.connects
    for (let i = 0; i < 20; i++) {
      const marker = `wrong_${i}_`
      await expect(scene.pets.query(`selekt ${marker}`)).rejects.toMatchObject({ kind: "syntax", attempts: 1 })
      expect(sent.split(marker).length - 1).toBe(1)
    }
    record({ promise: "R07", dialect: stage.dialect, what: "wrong statements", provoked: 20, lost: 0 })
    expect(scene.proxy.connects).toHaveLength(connects)
  })
})
