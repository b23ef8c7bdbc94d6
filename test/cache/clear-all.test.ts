import { expect, test } from "vitest"
import { cacheData, cacheResource, connection, type Table, withSession } from "../../src/index.ts"
import { tableFromRows } from "../../src/tables/index.ts"
import { useProject } from "../support/project.ts"
import { gate, until } from "../support/waiting.ts"

test("cacheData.clear() forgets all functions' results, of sessions and memories too, and no query's", async () => {
  useProject()
  let runs = 0
  const plain = cacheData(() => ++runs)
  const bounded = cacheData(() => ++runs, { maxEntries: 5 })
  const own = cacheData(() => ++runs, { scope: "session" })
  const all = async () => [await plain(), await bounded(), await withSession("ada", () => own())]
  const pets = await connection("pets", { type: "sql", url: "sqlite://" })
  const table = await pets.query("select 1 as n", { ttl: "1h" })
  expect(await all()).toEqual([1, 2, 3])
  expect(await all()).toEqual([1, 2, 3])
  await cacheData.clear()
  expect(await all()).toEqual([4, 5, 6])
  expect(await pets.query("select 1 as n", { ttl: "1h" })).toBe(table)
})

test("cacheData.clear() keeps what was begun before it from being stored", async () => {
  useProject()
  const open = gate()
  let runs = 0
  const slow = cacheData(async () => {
    const run = ++runs
    if (run === 1) await open.promise
    return run
  })
  const first = slow()
  await until(() => runs === 1)
  await cacheData.clear()
  open.open(undefined)
  expect([await first, await slow()]).toEqual([1, 2])
})

test("cacheData.clear() reaches what is on disk", async () => {
  const project = useProject()
  let runs = 0
  const kept = cacheData(() => ++runs, { persist: "disk", key: `clear all ${project.dir}` })
  expect([await kept(), await kept()]).toEqual([1, 1])
  await cacheData.clear()
  expect(await kept()).toBe(2)
})

test("cacheResource.clear() releases all objects, and functions make new ones", async () => {
  useProject()
  const released: string[] = []
  const onRelease = (name: string) => void released.push(name)
  const one = cacheResource((name: string) => `one ${name}`, { onRelease })
  const two = cacheResource((name: string) => `two ${name}`, { onRelease, scope: "session" })
  await one("a")
  await withSession("ada", () => two("b"))
  await cacheResource.clear()
  expect(released.sort()).toEqual(["one a", "two b"])
  expect(await one("a")).toBe("one a")
})

test("tables are arguments by their content", async () => {
  useProject()
  let runs = 0
  const count = cacheData((table: Table, more: { within: Table[] }) => [++runs, table.numRows + more.within.length])
  const make = (name: string) => tableFromRows([{ name, at: new Date(5) }])
  expect(await count(make("Ada"), { within: [make("Bob")] })).toEqual([1, 2])
  expect(await count(make("Ada"), { within: [make("Bob")] })).toEqual([1, 2])
  expect(await count(make("Ada"), { within: [make("Eve")] })).toEqual([2, 2])
  expect(await count(make("Ada").withValues({ timestamp: "string" }), { within: [make("Bob")] })).toEqual([3, 2])
  const shared = cacheResource((table: Table) => ({ rows: table.numRows }))
  expect(await shared(make("Ada"))).toBe(await shared(make("Ada")))
  await count.clear(make("Ada"), { within: [make("Bob")] })
  expect(await count(make("Ada"), { within: [make("Bob")] })).toEqual([4, 2])
})
