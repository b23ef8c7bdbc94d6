import { setTimeout as wait } from "node:timers/promises"
import { expect, test } from "vitest"
import { isMooringError, type SQLConnection } from "../../src/index.ts"
import type { FaultProxy } from "../support/fault-proxy.ts"
import { until } from "../support/waiting.ts"
import { record } from "./report.ts"
import { oneRow } from "./scenarios.ts"
import { onEachServer, type Stage } from "./stage.ts"

/** Ways to break the link of a transaction between two of its statements. */
const breaks: Record<string, (stage: Stage, proxy: FaultProxy) => Promise<unknown>> = {
  "a reset": async (_stage, proxy) => proxy.closeLinks("reset"),
  "a reset that was noticed": async (_stage, proxy) => {
    proxy.closeLinks("reset")
    await until(() => proxy.links.size === 0)
    await wait(50)
  },
  "an end": async (_stage, proxy) => proxy.closeLinks("end"),
  "the server": (stage) => stage.server.endSessions(),
  "the death of the server": async (stage) => {
    await stage.server.kill()
    await stage.server.start()
  },
  "half of a statement": async (_stage, proxy) => {
    for (const link of proxy.links) {
      link.faults = { cut: { direction: "toServer", after: link.bytes.toServer + 20, how: "reset" } }
    }
  },
  silence: async (_stage, proxy) => {
    for (const link of proxy.links) link.faults = { swallow: "both" }
  },
}

async function failureOf(work: Promise<unknown>): Promise<{ code: string; outcome?: string }> {
  try {
    await work
  } catch (error) {
    if (!isMooringError(error)) throw error
    const { code, outcome } = error as { code: string; outcome?: string }
    return { code, ...(outcome !== undefined && { outcome }) }
  }
  throw new Error("It was expected to fail.")
}

onEachServer((stage) => {
  const rows = async () => {
    const found = await stage.server.admin("select id from kept order by id")
    return found.map(({ id }) => Number(id))
  }
  const begin = async () => {
    await stage.server.admin("drop table if exists kept")
    await stage.server.admin("create table kept (id integer not null)")
    const proxy = await stage.proxy()
    const pets = await stage.connect({ pool_size: 5 }, proxy.address)
    // Others stand ready, which a replay could be on.
    await Promise.all([1, 2, 3].map((n) => pets.query(`${stage.kind.sleep(0.05)} /* ${n} */`)))
    return { proxy, pets }
  }
  const insert = "insert into kept values (:id)"
  const soon = { timeout: 1 }

  test.each(Object.keys(breaks))(
    "R09 a session broken by %s fails until rollback, and nothing is replayed",
    async (how) => {
      const { proxy, pets } = await begin()
      await using session = pets.session
      await session.execute(insert, { id: 1 })
      await breaks[how]!(stage, proxy)
      const first = await failureOf(session.execute(insert, { id: 2 }, soon))
      // They wait until the first, of which nothing was heard, has been given up.
      const patient = { timeout: 10 }
      const later = [
        await failureOf(session.execute(insert, { id: 3 }, patient)),
        await failureOf(session.query(oneRow(), patient)),
        await failureOf(session.commit()),
      ]
      await session.rollback()
      const before = await rows()
      proxy.fault({})
      await session.execute(insert, { id: 4 })
      await session.commit()
      const after = await rows()
      record({ promise: "R09", dialect: stage.dialect, what: `broken transactions`, provoked: 1, lost: before.length })
      // Where the end of the link was noticed first, nothing is sent.
      if (how === "silence") expect(first.code).toBe("TIMEOUT")
      else expect(["unknown", "notRun"]).toContain(first.outcome)
      if (how.includes("noticed")) expect(first.outcome).toBe("notRun")
      expect(later).toEqual([{ code: "SESSION_STATE" }, { code: "SESSION_STATE" }, { code: "SESSION_STATE" }])
      expect(before).toEqual([])
      expect(after).toEqual([4])
    },
  )

  test.each(Object.keys(breaks))(
    "R09 transaction() broken by %s runs its callback once, and keeps nothing",
    async (how) => {
      const { proxy, pets } = await begin()
      let runs = 0
      const work = pets.transaction(
        async (tx) => {
          runs++
          await tx.execute(insert, { id: 1 })
          await tx.transaction(() => breaks[how]!(stage, proxy))
          // Not even where the callback hides it.
          await tx.execute(insert, { id: 2 }).catch(() => undefined)
        },
        { timeout: 5 },
      )
      await failureOf(work)
      const left = await rows()
      record({ promise: "R09", dialect: stage.dialect, what: `broken transactions`, provoked: 1, lost: left.length })
      expect(left).toEqual([])
      expect(runs).toBe(1)
    },
  )

  test("R10 8 workers increment one number under serializable: the sum is exact", async () => {
    await stage.server.admin("drop table if exists counted")
    await stage.server.admin("create table counted (id integer primary key, n integer not null)")
    await stage.server.admin("insert into counted values (1, 0)")
    const pets = await stage.connect({ pool_size: 8 })
    const maxAttempts = 100
    let [runs, most] = [0, 0]
    const increment = async () => {
      let mine = 0
      await pets.transaction(
        async (tx) => {
          mine++
          const n = await tx.scalar<number>("select n from counted where id = 1")
          await tx.execute("update counted set n = :n where id = 1", { n: n! + 1 })
        },
        { isolation: "serializable", maxAttempts },
      )
      runs += mine
      most = Math.max(most, mine)
    }
    const workers = Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 500; i++) await increment()
    })
    await Promise.all(workers)
    const [row] = await stage.server.admin("select n from counted")
    const lost = 4_000 - Number(row!.n)
    const note = `${runs - 4_000} were run again, none more than ${most - 1} times`
    record({ promise: "R10", dialect: stage.dialect, what: "increments by 8 workers", provoked: 4_000, lost, note })
    expect(Number(row!.n)).toBe(4_000)
    expect(runs).toBeGreaterThan(4_000)
    expect(most).toBeLessThanOrEqual(maxAttempts)
  }, 180_000)

  test("R10 deadlocks are run again: both transactions succeed", async () => {
    await stage.server.admin("drop table if exists locked")
    await stage.server.admin("create table locked (id integer primary key, n integer not null)")
    await stage.server.admin("insert into locked values (1, 0), (2, 0)")
    const pets = await stage.connect()
    const add = (tx: Parameters<Parameters<SQLConnection["transaction"]>[0]>[0], id: number) =>
      tx.execute("update locked set n = n + 1 where id = :id", { id })
    let runs = 0
    for (let round = 0; round < 5; round++) {
      const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
      const inOrder = (mine: 0 | 1) =>
        pets.transaction(async (tx) => {
          runs++
          await add(tx, mine + 1)
          both[mine].resolve()
          // Each holds one row before it asks for the other's.
          await both[1 - mine]!.promise
          await add(tx, 2 - mine)
        })
      await Promise.all([inOrder(0), inOrder(1)])
    }
    const found = await stage.server.admin("select n from locked")
    record({ promise: "R10", dialect: stage.dialect, what: "deadlocks", provoked: runs - 10, lost: 0 })
    expect(found.map(({ n }) => Number(n))).toEqual([10, 10])
    expect(runs).toBeGreaterThanOrEqual(15)
  })
})
