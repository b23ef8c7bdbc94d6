import { setTimeout as wait } from "node:timers/promises"
import { describe, expect, onTestFinished, test, vi } from "vitest"
import { QueryError, type SQLConnection } from "../../src/index.ts"
import { hearWarnings } from "../support/waiting.ts"
import { record } from "./report.ts"
import { oneRow } from "./scenarios.ts"
import type { FaultDialect } from "./servers.ts"
import { onEachServer, type Stage } from "./stage.ts"

/** What these tests say to each kind of server in its own words. */
interface Words {
  /** Ends one of Mooring's sessions, whichever. */
  readonly endOne: string
  /** Tells sessions apart. */
  readonly session: string
  /** Ends this session, from another one. */
  end(session: unknown): string
}

const words: Record<FaultDialect, Words> = {
  postgresql: {
    endOne: `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'mooring' order by random() limit 1`,
    session: "select pg_backend_pid() as session",
    end: (session) => `select pg_terminate_backend(${session})`,
  },
  mariadb: {
    endOne: `begin not atomic
      declare victim int default null;
      select id into victim from information_schema.processlist where user = 'mooring' order by rand() limit 1;
      if victim is not null then execute immediate concat('kill ', victim); end if;
    end`,
    session: "select connection_id() as session",
    end: (session) => `kill ${session}`,
  },
}

/** How many rounds each of 50 callers goes. */
const rounds = Number(process.env.MOORING_FAULT_ROUNDS || 1_000)

/** The most sessions that the server saw at once while `work` ran. */
async function mostSessions(stage: Stage, work: () => Promise<unknown>): Promise<number> {
  let [most, over] = [0, false]
  const counting = (async () => {
    for (; !over; await wait(10)) most = Math.max(most, await stage.server.sessions())
  })()
  await work().finally(() => (over = true))
  await counting
  return most
}

/** Nothing is lent and nobody waits. */
async function expectAllGivenBack(pets: SQLConnection): Promise<void> {
  const pool = await pets.engine
  await expect.poll(() => pool.stats.idle === pool.stats.size && pool.stats.waiting === 0).toBe(true)
}

onEachServer((stage) => {
  const { endOne, session, end } = words[stage.dialect]
  const sessionOf = (pets: SQLConnection) => pets.scalar(session, { fresh: true })

  test(`R11 50 callers × ${rounds} rounds with random kills: reads are tried again, and the maximum holds at the server`, {
    timeout: 600_000,
  }, async () => {
    const pets = await stage.connect({ pool_size: 5, max_overflow: 5 })
    await pets.execute("create table counted (n integer)")
    let [kills, lostChanges, changes, over] = [0, 0, 0, false]
    const lostReads: QueryError[] = []
    const killing = (async () => {
      while (!over) {
        await stage.server.admin(endOne)
        kills++
        await wait(20 + Math.random() * 100)
      }
    })()
    const caller = async (who: number) => {
      for (let round = 0; round < rounds; round++) {
        if ((who + round) % 20 > 0) {
          await pets.query(oneRow()).catch((error) => lostReads.push(error))
          continue
        }
        changes++
        const change = (tx: Pick<SQLConnection, "execute">) => tx.execute("insert into counted values (1)")
        await pets.transaction(change).catch((error) => {
          // A change that was cut off is never repeated, and says that it was.
          expect(error).toBeInstanceOf(QueryError)
          expect(error).toMatchObject({ kind: "connection", outcome: expect.stringMatching(/^(unknown|notRun)$/) })
          lostChanges++
        })
      }
    }
    const callers = () => Promise.all(Array.from({ length: 50 }, (_, who) => caller(who)))
    const most = await mostSessions(stage, callers).finally(() => (over = true))
    await killing
    await expectAllGivenBack(pets)
    const counted = Number(await pets.scalar("select count(*) as n from counted", { fresh: true }))
    const note = `${kills} sessions killed, at most ${most} of 10 at the server, ${lostChanges} of ${changes} changes cut off`
    record({
      promise: "R11",
      dialect: stage.dialect,
      what: "calls",
      provoked: 50 * rounds,
      lost: lostReads.length,
      note,
    })
    // All attempts of one read may be killed, one after another: once in some hundred thousand reads.
    expect(lostReads.filter(({ attempts }) => attempts !== 3)).toEqual([])
    expect(lostReads.length).toBeLessThanOrEqual(3)
    expect({ kills: kills > 5, full: most > 5 }).toEqual({ kills: true, full: true })
    expect(most).toBeLessThanOrEqual(10)
    // Those that reported success are there, and none is there twice.
    expect(counted).toBeGreaterThanOrEqual(changes - lostChanges)
    expect(counted).toBeLessThanOrEqual(changes)
    const kept = await mostSessions(stage, () =>
      Promise.all(Array.from({ length: 10 }, (_, i) => pets.query(`${stage.kind.sleep(0.5)} /* ${i} */`))),
    )
    expect(kept).toBe(10)
  })

  test("R13 10,000 queries, wrong ones among them, with a pool of 2", { timeout: 300_000 }, async () => {
    const pets = await stage.connect({ pool_size: 2, max_overflow: 0, pool_timeout: 20 })
    const caller = async (who: number) => {
      let lost = 0
      for (let i = 0; i < 500; i++) {
        const wrong = i % 10 === who % 10
        const work = pets.query(wrong ? `selekt ${who}_${i}` : oneRow())
        if (wrong) await expect(work).rejects.toMatchObject({ kind: "syntax" })
        else await work.catch(() => lost++)
      }
      return lost
    }
    let lost = 0
    const most = await mostSessions(stage, async () => {
      for (const each of await Promise.all(Array.from({ length: 20 }, (_, who) => caller(who)))) lost += each
    })
    record({ promise: "R13", dialect: stage.dialect, what: "queries with a pool of 2", provoked: 10_000, lost })
    expect(lost).toBe(0)
    expect(most).toBeLessThanOrEqual(2)
    await expectAllGivenBack(pets)
    expect((await pets.engine).stats).toMatchObject({ size: 2, idle: 2 })
  })

  describe("R15 connections are renewed", () => {
    /** Moves the clock of this process, timers left alone. */
    function clock(): (milliseconds: number) => void {
      let ahead = 0
      const { now } = Date
      const spy = vi.spyOn(Date, "now").mockImplementation(() => now() + ahead)
      onTestFinished(() => spy.mockRestore())
      return (milliseconds) => (ahead += milliseconds)
    }

    test("by age, not all at once, and never while somebody uses them", { timeout: 120_000 }, async () => {
      const pass = clock()
      const pets = await stage.connect({ pool_size: 8, max_overflow: 0, pool_recycle: "1000s" })
      /** The sessions that so many borrowers get at once. */
      const borrow = async (count: number) => {
        const borrowers = Array.from({ length: count }, async () => {
          await using borrowed = pets.session
          const found = await borrowed.scalar(session)
          await borrowed.query(stage.kind.sleep(0.2))
          return found
        })
        return new Set(await Promise.all(borrowers))
      }
      const shared = (one: Set<unknown>, other: Set<unknown>) => [...one].filter((each) => other.has(each)).length
      const first = await borrow(8)
      expect(first.size).toBe(8)
      pass(970_000)
      expect(await borrow(8)).toEqual(first)
      const held = pets.session
      const mine = await held.scalar(session)
      // Between 975 and 1000 s each has a time of its own.
      const remaining: number[] = []
      for (let step = 0; step < 14; step++) {
        pass(2_500)
        remaining.push(shared(await borrow(7), first))
        expect(await stage.server.sessions()).toBeLessThanOrEqual(8)
      }
      expect(remaining).toEqual(remaining.toSorted((x, y) => y - x))
      expect(remaining.at(-1)).toBe(0)
      expect(remaining.filter((count) => count > 0 && count < 7).length).toBeGreaterThan(0)
      expect(await held.scalar(session)).toBe(mine)
      await held[Symbol.asyncDispose]()
      expect(shared(await borrow(8), first)).toBe(0)
      record({ promise: "R15", dialect: stage.dialect, what: "connections renewed by age", provoked: 8, lost: 0 })
    })

    test("when they were idle for long and their link is dead without a word", async () => {
      const pass = clock()
      const proxy = await stage.proxy()
      const pets = await stage.connect({ pool_size: 1, max_overflow: 0 }, proxy.address)
      const before = await sessionOf(pets)
      const [link] = [...proxy.links]
      link!.faults = { swallow: "both" }
      pass(31_000)
      // The sign of life has five seconds; a query without a deadline would wait for ever.
      expect(await sessionOf(pets)).not.toBe(before)
    })

    test("when they were ended while idle, before the next query is sent", async () => {
      const pets = await stage.connect({ pool_size: 1, max_overflow: 0 })
      await pets.execute("create table once (n integer)")
      let lost = 0
      for (let i = 0; i < 20; i++) {
        await stage.server.admin(end(await sessionOf(pets)))
        await expect.poll(() => stage.server.sessions()).toBe(0)
        await wait(20)
        // A change is not repeated: it arrives only if the dead connection was noticed before.
        await pets.execute("insert into once values (1)").catch(() => lost++)
      }
      record({
        promise: "R15",
        dialect: stage.dialect,
        what: "changes after the session had been ended",
        provoked: 20,
        lost,
      })
      expect(await pets.scalar("select count(*) as n from once")).toBe(20)
    })
  })

  test("R16 sessions that are never disposed of are each told of, and no statement is", async () => {
    const heard = hearWarnings()
    const pets = await stage.connect({ pool_size: 10, leak_warning: "100ms" })
    const leaking = Array.from({ length: 10 }, () => pets.session)
    onTestFinished(async () => void (await Promise.all(leaking.map((each) => each[Symbol.asyncDispose]()))))
    await Promise.all(leaking.map((each, i) => each.query(`select 'hunter2' as canary, ${i} as n`)))
    const told = () => heard.filter((text) => text.includes("leak_warning"))
    await expect.poll(() => told().length, { timeout: 5_000 }).toBe(10)
    await wait(300)
    record({
      promise: "R16",
      dialect: stage.dialect,
      what: "sessions that leaked",
      provoked: 10,
      lost: 10 - told().length,
    })
    expect(told()).toHaveLength(10)
    expect(told().join()).toMatch(/pool\.test\.ts:\d+/)
    expect(told().join()).not.toMatch(/hunter2|select/)
  })
})
