import { expect, test } from "vitest"
import { BaseConnection, connection, isMooringError } from "../src/index.ts"
import { PetsConnection } from "./support/pets-connection.ts"
import { startPetsServer } from "./support/pets-server.ts"
import { setVariable, useProject } from "./support/project.ts"
import { failureOf, gate, pause, until } from "./support/waiting.ts"

async function begin() {
  const project = useProject()
  const server = await startPetsServer()
  const pets = (options: Record<string, unknown> = {}) =>
    connection("pets", { type: PetsConnection, port: server.port, token: "canary-token", ...options })
  return { project, server, pets }
}

test("10,000 equal concurrent calls make one connection", async () => {
  const { server, pets } = await begin()
  const made = await Promise.all(Array.from({ length: 10_000 }, () => pets()))
  expect(new Set(made).size).toBe(1)
  expect(server.connects).toBe(1)
})

test("10,000 equal concurrent reads are one execution, with a ttl and without", async () => {
  const { server, pets } = await begin()
  const made = await pets()
  for (const ttl of [0, "1h"]) {
    const read = await Promise.all(Array.from({ length: 10_000 }, () => made.owner("cat", ttl)))
    expect(new Set(read)).toEqual(new Set(["Ada"]))
  }
  expect(server.requests).toEqual(["owner", "owner"])
})

test("a failure reaches all 10,000 callers and is not kept; one caller's abort cancels nobody else", async () => {
  const { server, pets } = await begin()
  server.loginDelay = 50
  const abort = new AbortController()
  const leaving = failureOf(pets({ signal: abort.signal }))
  const staying = Promise.all(Array.from({ length: 1_000 }, () => pets()))
  await pause(10)
  const reason = new Error("enough")
  abort.abort(reason)
  expect(await leaving).toBe(reason)
  expect(new Set(await staying).size).toBe(1)
  expect(server.connects).toBe(1)
  const made = (await staying)[0]!
  await made.close()
  server.token = "another"
  const failures = await Promise.all(Array.from({ length: 10_000 }, () => failureOf(pets())))
  expect(new Set(failures).size).toBe(1)
  expect(server.connects).toBe(2)
})

test("the wait of one caller has its deadline; the attempt goes on while others wait", async () => {
  const { server, pets } = await begin()
  server.loginDelay = 200
  const [late, patient] = [failureOf(pets({ timeout: 0.05 })), pets()]
  expect(await late).toMatchObject({ code: "TIMEOUT", message: expect.stringContaining('"pets"') })
  expect(await (await patient).owner("cat")).toBe("Ada")
  expect(server.connects).toBe(1)
})

test("an attempt that nobody waits for any more is called off", async () => {
  const { server, pets } = await begin()
  server.loginDelay = 60_000
  expect(await failureOf(pets({ timeout: 0.05 }))).toMatchObject({ code: "TIMEOUT" })
  await until(() => server.open === 0)
})

test("lazy puts the connect off to the first use, and a later call waits for it", async () => {
  const { server, pets } = await begin()
  const lazy = await pets({ lazy: true })
  expect(server.connects).toBe(0)
  expect(await pets()).toBe(lazy)
  expect(server.connects).toBe(1)
})

test("a lazy handle and a later failed call stay one connection", async () => {
  const { server, pets } = await begin()
  const lazy = await pets({ lazy: true })
  server.token = "another"
  await failureOf(pets())
  server.token = "canary-token"
  expect(await lazy.owner("cat")).toBe("Ada")
  expect(await pets()).toBe(lazy)
  expect(server.open).toBe(1)
})

test("a hit gives the very object, whatever the order of its options, and says nothing on the wire", async () => {
  const { server, pets } = await begin()
  const first = await pets({ a: 1, b: { c: 2, d: 3 } })
  for (let call = 0; call < 100; call++)
    expect(await pets({ b: { d: 3, c: 2 }, a: 1, lazy: call % 2 === 0 })).toBe(first)
  expect(server.connects).toBe(1)
  expect(server.requests).toEqual([])
})

test("connections differ by name, type and options", async () => {
  const { server, pets } = await begin()
  class OtherConnection extends PetsConnection {}
  const options = { port: server.port, token: "canary-token" }
  const all = [
    await pets(),
    await pets({ a: 1 }),
    await pets({ a: "1" }),
    await pets({ a: 1n }),
    await pets({ a: null }),
    await connection("dogs", { type: PetsConnection, ...options }),
    await connection("pets", { type: OtherConnection, ...options }),
  ]
  expect(new Set(all).size).toBe(all.length)
})

test.each([
  ["no name", () => connection("", { type: PetsConnection }), "BAD_CONFIG"],
  ["a name that is no text", () => connection(5 as never, { type: PetsConnection }), "BAD_CONFIG"],
  ["a bound of no connections", () => connection("pets", { type: PetsConnection, maxEntries: 0 }), "BAD_CONFIG"],
  ["a bound that is no number", () => connection("pets", { type: PetsConnection, maxEntries: 1.5 }), "BAD_CONFIG"],
  ["a ttl that is no duration", () => connection("pets", { type: PetsConnection, ttl: "soon" }), "BAD_DURATION"],
  ["a timeout that is no duration", () => connection("pets", { type: PetsConnection, timeout: -1 }), "BAD_DURATION"],
] as const)("%s is refused", async (_, call, code) => {
  useProject()
  expect(await failureOf(call)).toSatisfy((error) => isMooringError(error, code))
})

test("names and options that look like an object's own parts are names and options", async () => {
  const { project, server } = await begin()
  for (const name of ["constructor", "toString", "__proto__"]) {
    const made = await connection(name, { type: PetsConnection, port: server.port, token: "canary-token" })
    expect(made.connectionName).toBe(name)
    expect(made.section).toEqual({})
    expect(await failureOf(connection(name))).toSatisfy((error) => isMooringError(error, "NO_CONFIG"))
  }
  project.secrets("")
})

test("isHealthy() connects, asks, and tells why not", async () => {
  const { server, pets } = await begin()
  const made = await pets({ lazy: true })
  expect(await made.isHealthy()).toBe(true)
  expect(server.requests).toEqual(["ping"])
  server.silent = true
  expect(await made.isHealthy({ timeout: 0.05 })).toBe(false)
  expect(made.lastError).toMatchObject({ code: "TIMEOUT" })
  server.silent = false
  expect(await made.isHealthy()).toBe(true)
  expect(made.lastError).toBeUndefined()
  await server.refuse()
  await pause(20)
  expect(await made.isHealthy()).toBe(false)
  expect(made.lastError).toMatchObject({ code: expect.stringMatching(/ECONN/) })
  await server.resume()
  expect(await made.isHealthy()).toBe(true)
  expect(await made.isHealthy({ timeout: "soon" })).toBe(false)
})

test("isHealthy() joins a connect under way, and without _ping connected is healthy", async () => {
  useProject()
  const connected = gate()
  let connects = 0
  class QuietConnection extends BaseConnection<number> {
    protected async _connect(): Promise<number> {
      await connected.promise
      return ++connects
    }
  }
  const made = await connection("quiet", { type: QuietConnection, lazy: true })
  const [first, second] = [made.isHealthy(), made.isHealthy()]
  const third = connection("quiet", { type: QuietConnection })
  connected.open()
  expect(await Promise.all([first, second])).toEqual([true, true])
  await third
  expect(connects).toBe(1)
})

test("_cached gives each caller a copy, shares no failure, and leaves other keys alone", async () => {
  useProject()
  let runs = 0
  class DataConnection extends BaseConnection<number> {
    protected _connect(): number {
      return 0
    }
    read(key: unknown, fail = false) {
      return this._cached(key, { ttl: "1h" }, async () => {
        runs++
        if (fail) throw new Error("not now")
        return { key, tags: ["a"] }
      })
    }
  }
  const made = await connection("data", { type: DataConnection })
  const first = await made.read(["a", 1])
  first.tags.push("b")
  expect((await made.read(["a", 1])).tags).toEqual(["a"])
  expect(runs).toBe(1)
  await made.read(["a", "1"])
  expect(runs).toBe(2)
  expect((await failureOf(made.read("x", true))).message).toBe("not now")
  expect(await made.read("x")).toMatchObject({ key: "x" })
})

test("in production two classes of one name need no key", async () => {
  const { server } = await begin()
  setVariable("NODE_ENV", "production")
  const options = { port: server.port, token: "canary-token" }
  const load = () => class Same extends PetsConnection {}
  const [One, Two] = [load(), load()]
  const one = await connection("pets", { type: One, ...options })
  await connection("pets", { type: Two, ...options })
  expect(await connection("pets", { type: One, ...options })).toBe(one)
})
