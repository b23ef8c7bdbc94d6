import { describe, expect, onTestFinished, test, vi } from "vitest"
import { BaseConnection, configure, connection } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { setVariable, useProject } from "../support/project.ts"
import { inner, subjects } from "../support/subjects.ts"
import { gate, hearWarnings, pause, until } from "../support/waiting.ts"

describe.each(subjects)("%s", (_name, subject) => {
  async function begin() {
    const project = useProject()
    const scene = await subject.begin(project)
    project.secrets(`[connections.pets]\n${scene.section}`)
    return scene
  }

  test("B16 the same call gives the same object, whatever its ttl and maxEntries", async () => {
    const scene = await begin()
    const pets = await scene.connect()
    const raw = await inner(pets)._instance
    expect(await scene.connect("pets", { ttl: "1h" })).toBe(pets)
    expect(await scene.connect("pets", { ttl: 5, maxEntries: 3, lazy: true, timeout: 10 })).toBe(pets)
    expect(await inner(pets)._instance).toBe(raw)
  })

  test("B16 ttl governs the one object: an older one goes, and its handle stays usable", async () => {
    const scene = await begin()
    const pets = await scene.connect()
    const close = vi.spyOn(await inner(pets)._instance, "close")
    expect(await scene.connect("pets", { ttl: 1 })).toBe(pets)
    await until(() => close.mock.calls.length === 1)
    const next = await scene.connect("pets")
    expect(next).not.toBe(pets)
    expect(await scene.owner(pets)).toBe("Ada")
    expect(await inner(pets)._instance).toBe(await inner(next)._instance)
  })

  test("B17 an evicted connection is released, and its handle takes its place again at its next use", async () => {
    const scene = await begin()
    const pets = await scene.connect("pets", { maxEntries: 1 })
    const close = vi.spyOn(await inner(pets)._instance, "close")
    const other = await scene.connect("pets", { ...scene.variant, maxEntries: 1 })
    await until(() => close.mock.calls.length === 1)
    expect(await scene.owner(pets)).toBe("Ada")
    expect(await scene.connect("pets")).toBe(pets)
    expect(await scene.connect("pets", scene.variant)).not.toBe(other)
  })
})

async function pets(options: Record<string, unknown> = {}, name = "pets"): Promise<PetsConnection> {
  const server = await (servers.at(-1) ?? startPetsServer())
  return connection(name, { type: PetsConnection, port: server.port, token: "canary-token", ...options })
}

const servers: Awaited<ReturnType<typeof startPetsServer>>[] = []

async function begin() {
  useProject()
  const server = await startPetsServer()
  servers.push(server)
  return server
}

test("B16 ttl counts from when the connection was made, not from the last call", async () => {
  await begin()
  vi.useFakeTimers({ toFake: ["performance"] })
  onTestFinished(() => void vi.useRealTimers())
  const first = await pets({ ttl: 300 })
  for (let second = 0; second < 290; second += 10) {
    expect(await pets({ ttl: 300 })).toBe(first)
    vi.advanceTimersByTime(10_000)
  }
  vi.advanceTimersByTime(10_001)
  expect(await pets({ ttl: 300 })).not.toBe(first)
})

test("B16 a call with a shorter ttl does not get what is older", async () => {
  await begin()
  const first = await pets({ ttl: "1h" })
  await pause(30)
  expect(await pets({ ttl: 0.02 })).not.toBe(first)
})

test("B17 maxEntries bounds the connections of one name and type; the oldest goes after its users", async () => {
  const server = await begin()
  const other = await pets({ maxEntries: 2 }, "dogs")
  const first = await pets({ tag: 1, maxEntries: 2 })
  const [begun, end] = [gate(), gate()]
  const using = first.use(async (client) => {
    begun.open()
    await end.promise
    return client.disconnects
  })
  await begun.promise
  const second = await pets({ tag: 2, maxEntries: 2 })
  const third = await pets({ tag: 3, maxEntries: 2 })
  expect(await pets({ tag: 2 })).toBe(second)
  expect(await pets({ tag: 3 })).toBe(third)
  expect(await pets({}, "dogs")).toBe(other)
  expect(server.open).toBe(4)
  end.open()
  expect(await using).toBe(0)
  await until(() => server.open === 3)
})

test("B17 an evicted handle stays usable and shares the raw connection of the one that took its place", async () => {
  const server = await begin()
  const first = await pets({ tag: 1, maxEntries: 1 })
  await pets({ tag: 2, maxEntries: 1 })
  const again = await pets({ tag: 1, maxEntries: 1 })
  expect(again).not.toBe(first)
  const connects = server.connects
  expect(await first.owner("cat")).toBe("Ada")
  expect(await first.client).toBe(await again.client)
  expect(server.connects).toBe(connects)
  await again.close()
  expect(await first.owner("cat")).toBe("Ada")
  expect(await pets({ tag: 1 })).toBe(first)
})

test("B17 the connection that is asked for is never the one that goes", async () => {
  await begin()
  const oldest = await pets({ tag: 1 })
  await pets({ tag: 2 })
  expect(await pets({ tag: 1, maxEntries: 1 })).toBe(oldest)
  expect(await pets({ tag: 1 })).toBe(oldest)
})

/** A class as a module makes it anew each time it is loaded. */
function load(typeKey?: string): typeof PetsConnection {
  const made = class PetsConnection2 extends PetsConnection {}
  return typeKey === undefined ? made : Object.assign(made, { typeKey })
}

test("B18 two classes of one name never share a connection", async () => {
  await begin()
  setVariable("NODE_ENV", "production")
  const [One, Two] = [load(), load()]
  const one = await pets({ type: One })
  const two = await pets({ type: Two })
  expect(one).toBeInstanceOf(One)
  expect(two).toBeInstanceOf(Two)
  expect(await pets({ type: One })).toBe(one)
  expect(await pets({ type: Two })).toBe(two)
})

test("B18 two classes of one name never share cached results", async () => {
  await begin()
  const [One, Two] = [load(), load()]
  class Shouting extends Two {
    override ask<T>(): Promise<T> {
      return Promise.resolve("ADA" as T)
    }
  }
  Object.defineProperty(Shouting, "name", { value: One.name })
  expect(await (await pets({ type: One })).owner("cat", "inf")).toBe("Ada")
  expect(await (await pets({ type: Shouting })).owner("cat", "inf")).toBe("ADA")
})

test("B18 a hot-reloaded class supersedes its old self, whose handle stays usable", async () => {
  const server = await begin()
  const [Old, Reloaded] = [load(), load()]
  const old = await pets({ type: Old })
  const reloaded = await pets({ type: Reloaded })
  expect(reloaded).toBeInstanceOf(Reloaded)
  await until(() => server.open === 1)
  expect(await old.owner("cat")).toBe("Ada")
})

test("B18 the old class asked for again: both stay, and one warning proposes typeKey", async () => {
  await begin()
  const warnings = hearWarnings()
  const [One, Two] = [load(), load()]
  await pets({ type: One })
  const two = await pets({ type: Two })
  const one = await pets({ type: One })
  expect(await pets({ type: Two })).toBe(two)
  expect(await pets({ type: One })).toBe(one)
  await pause(10)
  expect(warnings.filter((text) => text.includes("typeKey"))).toHaveLength(1)
  expect(warnings.join()).toContain("PetsConnection2")
})

test("B18 classes of one typeKey are one type, and a subclass does not inherit the key", async () => {
  await begin()
  setVariable("NODE_ENV", "production")
  const keyed = load("pets@1")
  const first = await pets({ type: keyed })
  expect(await pets({ type: load("pets@1") })).toBe(first)
  expect(await pets({ type: load("pets@2") })).not.toBe(first)
  expect(await pets({ type: class PetsConnection2 extends keyed {} })).not.toBe(first)
})

test("B18 outside production, another class of the same typeKey is its reload, and one that comes back shares", async () => {
  const server = await begin()
  const edition = (version: number) =>
    class Weather extends PetsConnection {
      static override readonly typeKey: string = "weather@1"
      version = () => version
    }
  const [One, Two] = [edition(1), edition(2)]
  const one = await connection("pets", { type: One, port: server.port, token: "canary-token" })
  const two = await connection("pets", { type: Two, port: server.port, token: "canary-token" })
  expect([one.version(), two.version()]).toEqual([1, 2])
  expect(await one.owner("cat")).toBe("Ada")
  // Two bundles that have a copy each do not take turns.
  expect(await pets({ type: One })).toBe(two)
  expect(await pets({ type: Two })).toBe(two)
})

test("B18 outside production, another class under a configured name is its reload", async () => {
  const { port } = await begin()
  const [One, Two] = [load(), load()]
  const weather = () => connection("pets", { type: "weather", port, token: "canary-token" })
  const undo = configure({ types: { weather: async () => One } })
  expect(await weather()).toBeInstanceOf(One)
  undo()
  const undoSecond = configure({ types: { weather: async () => Two } })
  expect(await weather()).toBeInstanceOf(Two)
  undoSecond()
})

test("B18 the ten-thousandth name looks at no other: each has its own bound and its own superseded class", async () => {
  await begin()
  const make = (name: string, tag: number, maxEntries?: number) =>
    connection(name, { type: "sql", url: "sqlite://", lazy: true, query_ttl: tag, ...(maxEntries && { maxEntries }) })
  const first = await make("tenant 0", 0)
  for (let at = 1; at < 10_000; at++) await make(`tenant ${at}`, at)
  expect(await make("tenant 0", 0)).toBe(first)
  const [a, b] = [await make("tenant 5", 100, 2), await make("tenant 5", 101)]
  expect(await make("tenant 5", 100)).toBe(a)
  const c = await make("tenant 5", 102)
  expect(await make("tenant 5", 101)).toBe(b)
  expect(await make("tenant 5", 102)).toBe(c)
  expect(await make("tenant 6", 6)).toBe(await make("tenant 6", 6))
})

test("B19 plain data counts by value", async () => {
  await begin()
  const data = () => ({
    table: { b: [1, { c: new Date(5) }], a: Buffer.from("x") },
    list: [1, "1", null],
    when: new Date(0),
  })
  const first = await pets(data())
  expect(await pets(data())).toBe(first)
  expect(await pets({ ...data(), list: [1, 1, null] })).not.toBe(first)
  expect(await pets({ ...data(), when: new Date(1) })).not.toBe(first)
  expect(await pets({ ...data(), nothing: undefined })).toBe(first)
})

test("B19 functions and instances count by identity, with one warning at the third that names the key", async () => {
  await begin()
  const warnings = hearWarnings()
  const make = () => ({ onLoss: () => undefined, limits: { clock: new (class Clock {})() } })
  const kept = make()
  const first = await pets(kept)
  expect(await pets(kept)).toBe(first)
  expect(await pets(make())).not.toBe(first)
  await pause(10)
  expect(warnings).toEqual([])
  await pets(make())
  await pets(make())
  await pause(10)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain("onLoss, limits")
  expect(warnings[0]).toContain('"pets"')
})

test("B19 connections that differ in data as well do not count together", async () => {
  await begin()
  const warnings = hearWarnings()
  for (let tag = 0; tag < 5; tag++) await pets({ tag, onLoss: () => undefined }, "other")
  await pause(10)
  expect(warnings).toEqual([])
})

test("a connection made with new is not registered, and belongs to its maker", async () => {
  const server = await begin()
  {
    await using own = new PetsConnection("pets", { port: server.port, token: "canary-token" })
    expect(server.open).toBe(0)
    expect(await own.owner("cat")).toBe("Ada")
    expect(await pets()).not.toBe(own)
  }
  await until(() => server.open === 1)
  expect(Symbol.asyncDispose in (await pets())).toBe(false)
  expect(BaseConnection.scope).toBe("global")
})

test("B17 a bound holds for handles that come back, and only as long as there are connections of its kind", async () => {
  const server = await begin()
  const made = [await pets({ tag: 1, maxEntries: 2 }), await pets({ tag: 2 }), await pets({ tag: 3 })]
  for (const one of [...made, ...made]) expect(await one.owner("cat")).toBe("Ada")
  await until(() => server.open === 2)
  for (const one of made) await one.close()
  await Promise.all([4, 5, 6].map((tag) => pets({ tag })))
  await pause(20)
  expect(server.open).toBe(3)
})
