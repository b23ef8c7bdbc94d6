import { describe, expect, test, vi } from "vitest"
import { BaseConnection, connection } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useProject } from "../support/project.ts"
import { inner, leftOut, strayDialects, subjects } from "../support/subjects.ts"
import { failureOf, gate, settledFlag, until } from "../support/waiting.ts"

test("every dialect of the package takes part, or says why not", () => {
  expect(strayDialects()).toEqual([])
})

for (const [name, because] of leftOut) test.skip(`${name}: ${because}`, () => undefined)

describe.each(subjects)("%s", (_name, subject) => {
  async function begin() {
    const project = useProject()
    const scene = await subject.begin(project)
    project.secrets(`[connections.pets]\n${scene.section}`)
    return { project, scene }
  }

  test("B01 the raw connection is what _connect returned, and it is kept until reset()", async () => {
    const { scene } = await begin()
    const pets = await scene.connect()
    const raw = await inner(pets)._instance
    await scene.owner(pets)
    expect(await inner(pets)._instance).toBe(raw)
    expect(await inner(pets)._use((used) => used)).toBe(raw)
    await pets.reset()
    expect(await inner(pets)._instance).not.toBe(raw)
  })

  test("B02 reset() drops the raw connection, the next use connects anew, and cached results stay", async () => {
    const { scene } = await begin()
    const pets = await scene.connect()
    expect(await scene.owner(pets, "inf")).toBe("Ada")
    const raw = await inner(pets)._instance
    const close = vi.spyOn(raw, "close")
    await pets.reset()
    expect(close).toHaveBeenCalledOnce()
    await scene.rename("Eve")
    expect(await scene.owner(pets, "inf")).toBe("Ada")
    expect(await scene.owner(pets)).toBe("Eve")
    expect(await inner(pets)._instance).not.toBe(raw)
  })

  test("B02 the old raw connection is released once its users are done, and not before", async () => {
    const { scene } = await begin()
    const pets = await scene.connect()
    const [begun, end] = [gate(), gate()]
    let close: unknown
    const using = inner(pets)._use(async (raw) => {
      close = vi.spyOn(raw, "close")
      begun.open()
      await end.promise
      return raw
    })
    await begun.promise
    const reset = pets.reset()
    const isReset = settledFlag(reset)
    const next = await inner(pets)._instance
    expect(isReset()).toBe(false)
    expect(close).not.toHaveBeenCalled()
    end.open()
    expect(await using).not.toBe(next)
    await reset
    expect(close).toHaveBeenCalledOnce()
  })

  test("B04 concurrent users after a reset share one attempt", async () => {
    const { scene } = await begin()
    const pets = await scene.connect()
    await pets.reset()
    const raws = await Promise.all(Array.from({ length: 50 }, () => inner(pets)._use((raw) => raw)))
    expect(new Set(raws).size).toBe(1)
  })

  test("B20 concurrent first calls share one attempt and one object; a failure is not kept", async () => {
    const { project, scene } = await begin()
    project.secrets(`[connections.pets]\n${scene.broken.section}`)
    const failed = await Promise.allSettled(Array.from({ length: 10 }, () => scene.connect()))
    const reasons = failed.map((result) => (result.status === "rejected" ? result.reason : undefined))
    expect(new Set(reasons).size).toBe(1)
    expect((reasons[0] as Error).message).toMatch(scene.broken.error)
    project.secrets(`[connections.pets]\n${scene.section}`)
    const made = await Promise.all(Array.from({ length: 10 }, () => scene.connect()))
    expect(new Set(made).size).toBe(1)
    expect(await scene.owner(made[0]!)).toBe("Ada")
  })
})

test("B02 reset() inside a transaction's callback does not wait for the transaction", async () => {
  useProject()
  const pets = await connection("pets", { type: "sql", url: "sqlite:///pets.db" })
  await pets.execute("create table owners (name text)")
  const before = await inner(pets)._instance
  const close = vi.spyOn(before, "close")
  await pets.transaction(async (tx) => {
    await tx.execute("insert into owners values ('Ada')")
    await pets.reset({ timeout: "1h" })
    expect(close).not.toHaveBeenCalled()
    await tx.execute("insert into owners values ('Bob')")
  })
  await until(() => close.mock.calls.length === 1)
  expect(await pets.scalar("select count(*) from owners")).toBe(2)
  expect(await inner(pets)._instance).not.toBe(before)
})

test("B03 any value counts as connected, undefined included", async () => {
  useProject()
  let connects = 0
  class NothingConnection extends BaseConnection<undefined> {
    protected _connect(): undefined {
      connects++
      return undefined
    }
    work() {
      return this._use((raw) => raw)
    }
  }
  const nothing = await connection("nothing", { type: NothingConnection })
  expect(await nothing.work()).toBeUndefined()
  await nothing.work()
  await connection("nothing", { type: NothingConnection })
  expect(connects).toBe(1)
  await nothing.reset()
  await nothing.work()
  expect(connects).toBe(2)
})

test("B04 a failed attempt reaches all who share it and is forgotten", async () => {
  useProject()
  const server = await startPetsServer()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  await pets.reset()
  server.token = "another"
  const before = server.connects
  const failures = await Promise.all(Array.from({ length: 20 }, () => failureOf(pets.use((client) => client))))
  expect(server.connects).toBe(before + 1)
  expect(new Set(failures).size).toBe(1)
  server.token = "canary-token"
  expect(await pets.owner("cat")).toBe("Ada")
  expect(server.connects).toBe(before + 2)
})

test("B05 options go to _connect at each connect, laid over the freshly resolved section", async () => {
  const project = useProject()
  const seen: object[] = []
  class SeenConnection extends BaseConnection<number> {
    protected _connect(options: Record<string, unknown>): number {
      return seen.push(options)
    }
    work() {
      return this._use((raw) => raw)
    }
  }
  project.secrets('[connections.seen]\ntype = "ignored"\ncolour = "red"\nsize = 1\nlist = [1, 2]\n')
  const made = await connection("seen", {
    type: SeenConnection,
    colour: "blue",
    shape: undefined,
    ttl: "1h",
    maxEntries: 5,
    scope: "global",
    lazy: false,
    timeout: "1m",
    signal: new AbortController().signal,
  })
  expect(seen).toEqual([{ colour: "blue", size: 1, list: [1, 2] }])
  project.secrets('[connections.seen]\ntype = "ignored"\ncolour = "red"\nsize = 2\nlist = [1, 2]\n')
  await made.reset()
  await made.work()
  expect(seen.slice(1)).toEqual([{ colour: "blue", size: 2, list: [1, 2] }])
})

test("B05 references are read anew at each connect", async () => {
  const project = useProject()
  const server = await startPetsServer()
  project.write("token", "canary-token\n")
  project.secrets(`[connections.pets]\nport = ${server.port}\ntoken = { file = "../token" }\n`)
  const pets = await connection("pets", { type: PetsConnection })
  server.token = "rotated-token"
  project.write("token", "rotated-token\n")
  server.breakAll()
  await until(() => server.open === 0)
  expect(await pets.owner("cat")).toBe("Ada")
})
