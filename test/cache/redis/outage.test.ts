import { readFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { inspect } from "node:util"
import { createClient } from "redis"
import { describe, expect, onTestFinished, vi } from "vitest"
import { freePort } from "../../support/daemon.ts"
import { FaultProxy } from "../../support/fault-proxy.ts"
import { newRedis } from "../../support/redis-database.ts"
import { testWith } from "../../support/server-test.ts"
import { pause } from "../../support/waiting.ts"
import { openStore, processWith } from "./support.ts"

const test = testWith("redis")

/** The time that a call takes, in milliseconds. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

describe("a Redis server that is not there", () => {
  test("R26 is a miss, reported once, and costs nothing after the first look", async () => {
    const { read, events } = processWith(
      await openStore({ timeout: 0.25, url: `redis://127.0.0.1:${await freePort()}` }),
    )
    for (let at = 1; at <= 20; at++) expect(await read("x")).toBe(`x${at}`)
    expect(events.filter((event) => event.type === "error")).toHaveLength(1)
    const took = await timed(async () => {
      for (let at = 0; at < 100; at++) await read("x")
    })
    // A hundred deadlines would be 25 seconds.
    expect(took).toBeLessThan(5_000)
  })

  test("R26 is used again when it is there, without what was invalidated meanwhile", async () => {
    const server = await newRedis()
    const { cache, read } = processWith(await openStore({ timeout: 0.25, url: server.url }))
    const other = processWith(await openStore({ timeout: 0.25, url: server.url, prefix: "mooring:" }))
    expect(await read("x")).toBe("x1")
    expect(await read("x")).toBe("x1")
    await server.kill("SIGSTOP")
    await cache.invalidate({ scope: "db" })
    expect(await read("x")).toBe("x2")
    await server.kill("SIGCONT")
    // It kept the old entry, and nobody reads it.
    await vi.waitFor(
      async () => {
        const answer = await read("x")
        expect(answer).not.toBe("x1")
        expect(await read("x")).toBe(answer)
      },
      { timeout: 15_000, interval: 50 },
    )
    expect(await other.read("y")).toBe("y1")
  })

  test("R26 that has become a replica is left: another link may lead to the one that took over", async () => {
    const server = await newRedis()
    const proxy = await FaultProxy.start(server)
    onTestFinished(() => proxy.stop())
    const { read, cache } = processWith(await openStore({ timeout: 0.25, url: `redis://127.0.0.1:${proxy.port}` }))
    expect(await read("x")).toBe("x1")
    const admin = createClient({ url: server.url })
    await admin.connect()
    onTestFinished(() => admin.destroy())
    const links = proxy.connects.length
    await admin.sendCommand(["REPLICAOF", "127.0.0.1", String(await freePort())])
    await cache.invalidate({ scope: "db" })
    await vi.waitFor(
      async () => {
        await read(`y${performance.now()}`)
        expect(proxy.connects.length).toBeGreaterThan(links)
      },
      { timeout: 15_000, interval: 50 },
    )
    await admin.sendCommand(["REPLICAOF", "NO", "ONE"])
    await vi.waitFor(async () => expect(await read("z")).toBe(await read("z")), { timeout: 15_000, interval: 50 })
  })

  test("R26 is told of an invalidation as soon as it is back, for other processes' sake", async () => {
    const server = await newRedis()
    const proxy = await FaultProxy.start(server)
    onTestFinished(() => proxy.stop())
    const prefix = "told:"
    const here = processWith(await openStore({ timeout: 0.25, url: `redis://127.0.0.1:${proxy.port}`, prefix }))
    const there = processWith(await openStore({ timeout: 30, url: server.url, prefix }))
    expect(await here.read("old")).toBe("old1")
    expect(await there.read("x")).toBe("old1")
    await proxy.welcome("refuse")
    proxy.closeLinks("reset")
    await here.cache.invalidate({ scope: "db" })
    // It cannot know.
    expect(await there.read("x")).toBe("old1")
    await proxy.welcome("serve")
    // Nobody asks here: it is done in the background.
    await vi.waitFor(async () => expect(await there.read("new")).toBe("new1"), { timeout: 20_000, interval: 50 })
  })

  test("R26 is told of a clearing that could not be done, before anything is read", async () => {
    const server = await newRedis()
    const proxy = await FaultProxy.start(server)
    onTestFinished(() => proxy.stop())
    const here = processWith(await openStore({ timeout: 0.25, url: `redis://127.0.0.1:${proxy.port}` }))
    expect(await here.read("x")).toBe("x1")
    await proxy.welcome("refuse")
    proxy.closeLinks("reset")
    await here.cache.clear()
    await proxy.welcome("serve")
    await vi.waitFor(
      async () => {
        const answer = await here.read("x")
        expect(answer).not.toBe("x1")
        expect(await here.read("x")).toBe(answer)
      },
      { timeout: 20_000, interval: 50 },
    )
  })

  test("R26 that says nothing costs a deadline or two, and then nothing", async () => {
    const server = await newRedis()
    const { read, executions } = processWith(await openStore({ url: server.url, timeout: 0.2 }))
    await read("x")
    await server.kill("SIGSTOP")
    const took: number[] = []
    for (let at = 0; at < 30; at++) took.push(await timed(() => read("x")))
    await server.kill("SIGCONT")
    expect(executions()).toBe(31)
    expect(took.filter((ms) => ms > 150).length).toBeLessThanOrEqual(6)
    expect(took.reduce((sum, ms) => sum + ms)).toBeLessThan(5_000)
  })

  test("R26 that accepts connections and says nothing costs one connect", async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket))
    await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as { port: number }
    const { read } = processWith(
      await openStore({ timeout: 0.25, url: `redis://127.0.0.1:${port}`, connectTimeout: 0.3 }),
    )
    const took = await timed(async () => {
      for (let at = 1; at <= 20; at++) expect(await read("x")).toBe(`x${at}`)
    })
    expect(took).toBeGreaterThan(200)
    expect(took).toBeLessThan(2_000)
    await pause(500)
    await read("x")
    // One attempt, and at most one probe: no storm.
    expect(sockets.length).toBeLessThanOrEqual(2)
  })

  test("R26 connections that the server closes are invisible", async () => {
    const server = await newRedis()
    const { read, events } = processWith(await openStore({ timeout: 0.25, url: server.url }))
    const killer = processWith(await openStore({ timeout: 0.25, url: server.url }))
    await killer.read("x")
    await read("x")
    const { createClient } = await import("redis")
    const client = await createClient({ url: server.url }).connect()
    onTestFinished(() => client.destroy())
    for (let at = 0; at < 10; at++) {
      await client.sendCommand(["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
      await pause(20)
      expect(await read("x")).toBe("x1")
    }
    expect(events.filter((event) => event.type === "error")).toEqual([])
  })
})

describe("a Redis server with a lock", () => {
  test("takes a password from the URL, the options, or a function that is asked at every connect", async () => {
    const server = await newRedis({ password: "s3same & more" })
    const url = `redis://127.0.0.1:${server.port}`
    const asked: string[] = []
    const password = () => {
      asked.push("once")
      return "s3same & more"
    }
    for (const options of [{ url: server.url }, { url, password: "s3same & more" }, { url, password }]) {
      const { read, cache } = processWith(await openStore(options))
      await read("x")
      expect(await read("x")).toBe("x1")
      expect(cache.stats().stores).toMatchObject([{ errors: 0, stored: 1 }])
    }
    expect(asked).toHaveLength(1)
  })

  test("a wrong password is a miss, and shown nowhere", async () => {
    const server = await newRedis({ password: "right" })
    const url = `redis://:canary-password@127.0.0.1:${server.port}`
    const { read, events } = processWith(await openStore({ timeout: 0.25, url }))
    expect(await read("x")).toBe("x1")
    const [event] = events.filter((each) => each.type === "error")
    const said = inspect(event, { depth: 20, showHidden: true })
    expect(said).toMatch(/WRONGPASS/)
    expect(said).not.toContain("canary")
  })

  test("TLS verifies the server's certificate", async () => {
    const server = await newRedis({ tls: true })
    const trusting = processWith(
      await openStore({ timeout: 0.25, url: server.url, tls: { ca: readFileSync(server.authority!, "utf8") } }),
    )
    await trusting.read("x")
    expect(await trusting.read("x")).toBe("x1")
    const careful = processWith(await openStore({ timeout: 0.25, url: server.url }))
    await careful.read("x")
    expect(await careful.read("x")).toBe("x2")
    const [event] = careful.events.filter((each) => each.type === "error")
    expect(inspect(event)).toMatch(/certificate|unable to verify/i)
  })
})
