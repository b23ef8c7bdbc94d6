import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished } from "vitest"
import { configure, connection, redisStore, type SQLConnection } from "../../src/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { FaultProxy } from "../support/fault-proxy.ts"
import { newRedis } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { pause } from "../support/waiting.ts"
import { record } from "./report.ts"

const test = testWith("redis")

/** What queries met while their cache was hurt. */
interface Toll {
  queries: number
  errors: unknown[]
  /** The longest that one took, in milliseconds. */
  longest: number
}

const timeout = 250
const connectTimeout = 1_000

/** Queries of a file in SQLite from four callers, all of whose results are in Redis, while `hurt` goes on. */
async function queryWhile(url: string, hurt: (pets: SQLConnection) => Promise<void>): Promise<Toll> {
  const folder = mkdtempSync(join(tmpdir(), "mooring-outage-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const toll: Toll = { queries: 0, errors: [], longest: 0 }
  await withConnections({}, async () => {
    const store = redisStore({
      url,
      prefix: `${folder}:`,
      timeout: timeout / 1000,
      connectTimeout: connectTimeout / 1000,
    })
    configure({ cache: { store } })
    const database = join(folder, "pets.db")
    const pets = await connection<SQLConnection>("pets", { type: "sql", dialect: "sqlite", database })
    await pets.execute("create table owners (id integer primary key, name text)")
    let over = false
    const read = async (caller: number) => {
      for (let at = 0; !over; at++) {
        const begun = performance.now()
        try {
          const id = (at + caller * 7) % 20
          const answer = await pets.scalar("select :id as id", { params: { id }, ttl: "1m" })
          if (answer !== id) throw new Error(`${answer} instead of ${id}`)
        } catch (error) {
          toll.errors.push(error)
        }
        toll.queries++
        toll.longest = Math.max(toll.longest, performance.now() - begun)
        await pause(1)
      }
    }
    const reading = [1, 2, 3, 4].map(read)
    try {
      await hurt(pets)
    } finally {
      over = true
      await Promise.all(reading)
    }
  })
  return toll
}

function report(what: string, provoked: number, { queries, errors, longest }: Toll): void {
  const note = `${queries} queries, the longest ${Math.round(longest)} ms`
  record({ promise: "R26", dialect: "redis", what, provoked, lost: errors.length, note })
  expect(errors).toEqual([])
  expect(queries).toBeGreaterThan(100)
}

/** At worst one looks, asks for its turn and stores, each of which is late, and each time connects anew. Two cores. */
const longestWait = 3 * (timeout + connectTimeout) + 2_000

test("R26 a server that is killed and started again costs no query an error", async () => {
  let server = await newRedis()
  const kills = 5
  const toll = await queryWhile(server.url, async () => {
    for (let kill = 0; kill < kills; kill++) {
      await pause(300)
      await server.kill()
      await pause(400)
      server = await newRedis({ port: server.port })
    }
    await pause(500)
  })
  report("servers killed by -9 and started again", kills, toll)
  expect(toll.longest).toBeLessThan(longestWait)
}, 120_000)

test("R26 a server that is stopped and goes on costs no query an error, and each a deadline at most", async () => {
  const server = await newRedis()
  const stops = 5
  const toll = await queryWhile(server.url, async (pets) => {
    for (let stop = 0; stop < stops; stop++) {
      await pause(400)
      await server.kill("SIGSTOP")
      await pets.execute("insert into owners (name) values ('Ada')")
      await pause(1_500)
      await server.kill("SIGCONT")
    }
    await pause(500)
  })
  report("servers stopped for 1.5 s", stops, toll)
  expect(toll.longest).toBeLessThan(longestWait)
}, 120_000)

test("R26 links that are cut, swallow bytes, or are refused cost no query an error", async () => {
  const server = await newRedis()
  const proxy = await FaultProxy.start(server)
  onTestFinished(() => proxy.stop())
  let provoked = 0
  const toll = await queryWhile(`redis://127.0.0.1:${proxy.port}`, async () => {
    for (let round = 0; round < 5; round++) {
      await pause(200)
      provoked += proxy.closeLinks("reset")
      await pause(200)
      provoked += proxy.closeLinks("end")
      await pause(200)
      proxy.fault({ swallow: round % 2 ? "toClient" : "toServer" })
      provoked++
      await pause(1_000)
      proxy.fault({})
      proxy.closeLinks("reset")
      await proxy.welcome(round % 2 ? "refuse" : "close")
      provoked++
      await pause(300)
      await proxy.welcome("serve")
      // Long enough for a probe.
      await pause(1_500)
      const cut = { direction: "toClient", after: 50 + round * 100, how: "reset" } as const
      proxy.plan((link) => (link % 2 ? { cut } : {}))
      proxy.closeLinks("reset")
      await pause(300)
      proxy.fault({})
    }
  })
  report("links to the server that were cut, swallowed bytes or were refused", provoked, toll)
  expect(toll.longest).toBeLessThan(longestWait)
  // No storm: in 20 seconds and as many faults a few dozen, not thousands.
  expect(proxy.connects.length).toBeLessThan(200)
}, 120_000)

test("R26 what is committed while the server cannot be reached is never answered from before", async () => {
  const server = await newRedis()
  const proxy = await FaultProxy.start(server)
  onTestFinished(() => proxy.stop())
  let stale = 0
  let checks = 0
  await queryWhile(`redis://127.0.0.1:${proxy.port}`, async (pets) => {
    const count = () => pets.scalar("select count(*) from owners", { ttl: "1m" })
    for (let round = 1; round <= 30; round++) {
      await count()
      if (round % 3 === 1) proxy.fault({ swallow: "toServer" })
      if (round % 3 === 2) {
        await proxy.welcome("refuse")
        proxy.closeLinks("reset")
      }
      await pets.execute("insert into owners (name) values ('Ada')")
      checks++
      if ((await count()) !== round) stale++
      proxy.fault({})
      proxy.closeLinks("reset")
      await proxy.welcome("serve")
      for (let at = 0; at < 10; at++) {
        checks++
        if ((await count()) !== round) stale++
        await pause(50)
      }
    }
  })
  record({
    promise: "R26",
    dialect: "redis",
    what: "answers after commits during an outage",
    provoked: checks,
    lost: stale,
  })
  expect(stale).toBe(0)
}, 120_000)
