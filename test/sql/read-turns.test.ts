import { expect, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import type { SqlEngine } from "../../src/sql/engine.ts"
import { ReadTurns } from "../../src/sql/read-turns.ts"
import { useProject } from "../support/project.ts"
import { inner } from "../support/subjects.ts"
import { failureOf } from "../support/waiting.ts"

const never = new AbortController().signal

test("so many run at once, the others in the order of asking, also after failures", async () => {
  const turns = new ReadTurns(2, "pets", 30_000)
  const ends: (() => void)[] = []
  const begun: number[] = []
  const runs = [0, 1, 2, 3, 4].map((i) =>
    turns.run(never, async () => {
      begun.push(i)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (i === 1) throw new Error("no")
      return i
    }),
  )
  const settled = Promise.allSettled(runs)
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate)
    expect(begun).toEqual([0, 1, 2, 3, 4].slice(0, i + 2))
    ends[i]!()
  }
  expect((await settled).map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ])
})

test("who waits can leave, and is told when its turn does not come", async () => {
  const turns = new ReadTurns(1, "pets", 20)
  let end = () => {}
  const first = turns.run(never, () => new Promise<void>((resolve) => (end = resolve)))
  const controller = new AbortController()
  const leaving = failureOf(turns.run(controller.signal, async () => {}))
  controller.abort(new Error("enough"))
  expect((await leaving).message).toBe("enough")
  expect(await failureOf(turns.run(never, async () => {}))).toMatchObject({ code: "TIMEOUT", connection: "pets" })
  end()
  await first
  expect(await turns.run(never, async () => 7)).toBe(7)
})

test("a wave of queries makes no more connections to SQLite than are of use, and sessions have theirs all the same", async () => {
  useProject()
  const pets = await connection<SQLConnection>("pets", { type: "sql", url: "sqlite:///pets.db" })
  await pets.execute("create table t (x)")
  const most = (await inner(pets)._instance) as unknown as SqlEngine
  const sizes = new Set<number>()
  const wave = async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        await pets.query("select :i as i", { params: { i } })
        sizes.add(most.pool.stats.size)
      }),
    )
  }
  await wave()
  await wave()
  const { availableParallelism } = await import("node:os")
  expect(Math.max(...sizes)).toBeLessThanOrEqual(Math.max(4, availableParallelism()))
  await using session = await pets.begin({ readOnly: true })
  await using other = await pets.begin({ readOnly: true })
  const work = Array.from({ length: 20 }, (_, i) => pets.scalar("select :i as i", { params: { i } }))
  expect(await session.scalar("select 1")).toBe(1)
  expect(await other.scalar("select 2")).toBe(2)
  expect(await Promise.all(work)).toHaveLength(20)
})
