import { expect, test } from "vitest"
import { isMooringError, type QueryError, type SQLConnection } from "../../src/index.ts"
import type { Direction, Ending, FaultProxy, Link } from "../support/fault-proxy.ts"
import { record } from "./report.ts"
import { oneRow } from "./scenarios.ts"
import { onEachServer, type Stage } from "./stage.ts"

/** A way to write one row, once. */
type Write = (pets: SQLConnection, id: number) => Promise<unknown>

/** Long enough that many cuts fall into it. */
const insert = "insert into written (id, note) values (:id, 'what is said to be written is there, and is there once')"

const writes: Record<string, Write> = {
  execute: (pets, id) => pets.execute(insert, { id }),
  "query that changes": (pets, id) => pets.query(`${insert} returning id`, { params: { id }, readOnly: false }),
  "execute of several": (pets, id) => pets.execute(insert, [{ id }, { id: -id }]),
  transaction: (pets, id) =>
    pets.transaction(async (tx) => {
      await tx.execute(insert, { id })
    }),
  "session and commit": async (pets, id) => {
    await using session = pets.session
    await session.execute(insert, { id })
    await session.commit()
  },
}

/** What a caller was told of a write: that it was done, or an error's outcome. */
type Told = "done" | QueryError["outcome"]

async function toldOf(write: Promise<unknown>): Promise<Told> {
  try {
    await write
    return "done"
  } catch (error) {
    if (!isMooringError(error)) throw error
    // An error of another kind was made before anything was sent.
    return (error as QueryError).outcome ?? "notRun"
  }
}

/** How often a row may be in the table after a caller was told this. */
const allowed: Record<Told, readonly number[]> = { done: [1], notRun: [0], failed: [0], unknown: [0, 1] }

/** What was told wrongly: `done, but 2 times there`. */
async function lies(stage: Stage, told: ReadonlyMap<number, Told>): Promise<string[]> {
  const rows = await stage.server.admin("select id, count(*) as n from written group by id")
  const times = new Map(rows.map(({ id, n }) => [Number(id), Number(n)]))
  return [...told]
    .map(([id, what]) => [what, times.get(id) ?? 0, times.get(-id)] as const)
    .filter(([what, there, twin]) => !allowed[what].includes(there) || (twin !== undefined && twin !== there))
    .map(
      ([what, there, twin]) => `${what}, but ${there} times there${twin === undefined ? "" : ` and its twin ${twin}`}`,
    )
}

function count(told: ReadonlyMap<number, Told>): string {
  const all = [...told.values()]
  const kinds = [...new Set(all)].sort()
  return kinds.map((kind) => `${all.filter((one) => one === kind).length} ${kind}`).join(", ")
}

onEachServer((stage) => {
  test.each(Object.keys(writes))("R08 the link is cut at each point of a write: %s", async (what) => {
    const proxy = await stage.proxy()
    const pets = await stage.connect({ pool_size: 1, max_overflow: 0, ...stage.kind.plain }, proxy.address)
    await emptyTable(stage)
    const told = new Map<number, Told>()
    let id = 0
    const write = async (cut?: Cut) => {
      const link = await readyLink(pets, proxy)
      const before = { ...link.bytes }
      if (cut) link.faults = { cut: { ...cut, after: before[cut.direction] + cut.after } }
      told.set(++id, await toldOf(writes[what]!(pets, id)))
      return { toServer: link.bytes.toServer - before.toServer, toClient: link.bytes.toClient - before.toClient }
    }
    // On a fresh link, as after each cut: the statement is sent to be prepared.
    const length = await write()
    for (const cut of cuts(length)) await write(cut)
    const provoked = told.size - 1
    const wrong = await lies(stage, told)
    record({
      promise: "R08",
      dialect: stage.dialect,
      what: `cuts of ${what}`,
      provoked,
      lost: wrong.length,
      note: count(told),
    })
    expect(provoked).toBeGreaterThanOrEqual(200)
    expect(wrong).toEqual([])
    // Cut before the end of the answer, it is not known; one that says "failed" would be believed.
    expect([...told.values()]).toContain("unknown")
    expect([...told.values()]).not.toContain("failed")
  })

  test("R08 the server is killed while many write", async () => {
    const proxy = await stage.proxy()
    const pets = await stage.connect({ pool_size: 10 }, proxy.address)
    await emptyTable(stage)
    const told = new Map<number, Told>()
    let [id, over] = [0, false]
    const kinds = Object.values(writes)
    const writers = Array.from({ length: 20 }, async (_, who) => {
      while (!over) {
        const mine = ++id
        told.set(mine, await toldOf(kinds[who % kinds.length]!(pets, mine)))
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })
    const done = () => [...told.values()].filter((one) => one === "done").length
    for (let i = 0; i <= 4; i++) {
      const before = done()
      await expect.poll(done, { timeout: 20_000 }).toBeGreaterThan(before + 40)
      if (i === 4) break
      await stage.server.kill()
      await stage.server.start()
    }
    over = true
    await Promise.all(writers)
    const wrong = await lies(stage, told)
    const note = `${told.size} writes: ${count(told)}`
    record({
      promise: "R08",
      dialect: stage.dialect,
      what: "deaths of the server",
      provoked: 4,
      lost: wrong.length,
      note,
    })
    expect(wrong).toEqual([])
  })
})

interface Cut {
  readonly direction: Direction
  readonly after: number
  readonly how: Ending
}

/** Behind each byte of the conversation, and before the first, with RST and with FIN; thinned out where it is long. */
function cuts(length: Record<Direction, number>): Cut[] {
  const all = (["toServer", "toClient"] as const).flatMap((direction) =>
    Array.from({ length: length[direction] + 1 }, (_, after) =>
      (["reset", "end"] as const).map((how): Cut => ({ direction, after, how })),
    ).flat(),
  )
  const step = Math.max(1, all.length / 500)
  return Array.from({ length: Math.floor(all.length / step) }, (_, i) => all[Math.floor(i * step)]!)
}

/** The link of the pool's only connection, with a session that has answered. */
async function readyLink(pets: SQLConnection, proxy: FaultProxy): Promise<Link> {
  await pets.query(oneRow())
  await expect.poll(() => proxy.links.size).toBe(1)
  return [...proxy.links][0]!
}

async function emptyTable(stage: Stage): Promise<void> {
  await stage.server.admin("drop table if exists written")
  // Without a key, so that a second one would be seen.
  await stage.server.admin("create table written (id bigint not null, note varchar(100))")
}
