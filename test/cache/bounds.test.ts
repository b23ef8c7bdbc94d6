import { expect, onTestFinished, test, vi } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import type { CacheStore } from "../../src/cache/contract.ts"
import { cacheResource, configure, endSession, withSession } from "../../src/index.ts"
import { SeenLimits } from "../../src/sql/read-key.ts"
import { warnOnce } from "../../src/util/warn.ts"
import { isCollected } from "../support/gc.ts"
import { useProject } from "../support/project.ts"
import { hearWarnings, until } from "../support/waiting.ts"

test("the objects of a function that is gone go with it", async () => {
  useProject()
  const use = async () => {
    const client = cacheResource(() => ({ name: "ada" }))
    expect(await client()).toBe(await client())
    return new WeakRef(await client())
  }
  expect(await isCollected(await use())).toBe(true)
})

test("where onRelease is told of them, they stay until they are released", async () => {
  useProject()
  const released: string[] = []
  const use = async () => {
    const client = cacheResource(() => ({ name: "ada" }), { onRelease: ({ name }) => void released.push(name) })
    return new WeakRef(await client())
  }
  const client = await use()
  expect(await isCollected(client)).toBe(false)
  await cacheResource.clear()
  expect(released).toEqual(["ada"])
})

test("objects of a session that a nameless function holds are forgotten when the session ends", async () => {
  useProject()
  const client = cacheResource(() => ({}), { scope: "session" })
  const get = () => withSession("ada", () => client())
  const first = await get()
  expect(await get()).toBe(first)
  await endSession("ada")
  expect(await get()).not.toBe(first)
  await endSession("ada")
})

test("invalidations of thousands of scopes that a store could not be told become one of everything", async () => {
  const asked: string[] = []
  let down = true
  const answer = (what: string) => async () => {
    if (down) throw new Error("down")
    asked.push(what)
    return undefined as never
  }
  const store: CacheStore = {
    name: "down",
    inProcess: false,
    get: answer("get"),
    set: answer("set"),
    epoch: async () => answer("epoch")().then(() => "1"),
    invalidate: answer("invalidate"),
    clear: answer("clear"),
    stats: () => ({ entries: 0, bytes: 0, evictions: 0 }),
  }
  const cache = new Cache()
  for (let scope = 0; scope < 2_500; scope++) await cache.invalidate({ scope: `user ${scope}` }, [store])
  down = false
  // It is tried again without being asked, and what came after the last fold scope by scope.
  await until(() => asked.includes("clear") && asked.includes("invalidate"))
  await until(() => asked.filter((what) => what === "invalidate").length === 2_500 - 2 * 1_001)
  expect(asked.filter((what) => what === "clear")).toHaveLength(1)
})

test("limits that calls have named are counted to a bound, beyond which a whole statement is forgotten", () => {
  const seen = new SeenLimits()
  for (let maxRows = 1; maxRows <= 50; maxRows++) seen.note({ maxRows, maxBytes: 1 })
  expect(seen.all()).toHaveLength(51)
  for (let maxRows = 1; maxRows <= 5_000; maxRows++) seen.note({ maxRows, maxBytes: 1 })
  expect(seen.all()).toBeUndefined()
})

test("what was said once is remembered for the last thousand keys", () => {
  const heard: unknown[] = []
  vi.spyOn(process, "emitWarning").mockImplementation((text) => void heard.push(text))
  onTestFinished(() => void vi.restoreAllMocks())
  const count = () => heard.filter((said) => said === "first").length
  warnOnce("bounds first", "first")
  for (let key = 0; key < 999; key++) warnOnce(`bounds ${key}`, "another")
  warnOnce("bounds first", "first")
  expect(count()).toBe(1)
  warnOnce("bounds one more", "another")
  warnOnce("bounds first", "first")
  expect(count()).toBe(2)
})

test("ten thousand sessions that nobody ends are one warning, and none where idle ones end", async () => {
  const heard = hearWarnings()
  const told = () => heard.filter((said) => said.includes("sessions are open"))
  const ids = Array.from({ length: 10_005 }, (_, id) => `bounds ${id}`)
  onTestFinished(async () => void (await Promise.all(ids.map((id) => endSession(id)))))
  const undo = configure({ sessionIdle: "1h" })
  for (const id of ids) await withSession(id, () => undefined)
  undo()
  await withSession("bounds another", () => undefined)
  await endSession("bounds another")
  await withSession("bounds another", () => undefined)
  await endSession("bounds another")
  await until(() => told().length > 0)
  expect(told()).toHaveLength(1)
  expect(told()[0]).toContain('configure({ sessionIdle: "1h" })')
})
