import { expect, test } from "vitest"
import {
  BaseConnection,
  cacheData,
  cacheResource,
  closeAll,
  connection,
  endSession,
  isMooringError,
  withSession,
} from "../../src/index.ts"
import { builtFile } from "../support/built-file.ts"
import { runScript } from "../support/child.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useConfiguration, useProject } from "../support/project.ts"
import { inner, subjects } from "../support/subjects.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

class ProfileConnection extends PetsConnection {
  static override readonly scope = "session"
}

async function begin() {
  useProject()
  const server = await startPetsServer()
  const profile = (options: Record<string, unknown> = {}) =>
    connection("profile", { type: ProfileConnection, port: server.port, token: "canary-token", ...options })
  return { server, profile }
}

test("B39 each session has a connection of its own, which is the same throughout the session", async () => {
  const { server, profile } = await begin()
  const first = await withSession("ada", () => profile())
  const second = await withSession("bob", () => profile())
  expect(second).not.toBe(first)
  expect(await withSession("ada", () => profile())).toBe(first)
  expect(server.connects).toBe(2)
})

test("B39 outside of a session it is an error, and so is its handle in another session", async () => {
  const { profile } = await begin()
  const outside = await failureOf(profile())
  expect(outside).toMatchObject({ code: "NO_SESSION", hint: expect.stringContaining("withSession") })
  const ada = await withSession("ada", async () => {
    const made = await profile()
    expect(await made.owner("cat", "inf")).toBe("Ada")
    return made
  })
  const uses: (() => Promise<unknown>)[] = [
    () => ada.owner("cat"),
    () => ada.client,
    () => ada.use(() => 1),
    () => ada.reset(),
  ]
  for (const use of uses) {
    expect(await failureOf(withSession("bob", use))).toMatchObject({ code: "NO_SESSION" })
    expect(await failureOf(use)).toMatchObject({ code: "NO_SESSION" })
  }
  expect(await withSession("bob", () => ada.isHealthy())).toBe(false)
  expect(isMooringError(ada.lastError, "NO_SESSION")).toBe(true)
})

test("B39 what one session has cached is not given to another, nor outside, not even through its handle", async () => {
  const { profile } = await begin()
  const ada = await withSession("ada", async () => {
    const made = await profile()
    await made.owner("cat", "inf")
    return made
  })
  expect(await failureOf(withSession("bob", () => ada.owner("cat", "inf")))).toMatchObject({ code: "NO_SESSION" })
  expect(await failureOf(ada.owner("cat", "inf"))).toMatchObject({ code: "NO_SESSION" })
})

test("B39 endSession() releases the session's connection after its users, and forgets its cached results", async () => {
  const { server, profile } = await begin()
  const [begun, end] = [gate(), gate()]
  const using = withSession("ada", async () => {
    const made = await profile()
    await made.owner("cat", "inf")
    return made.use(async (client) => {
      begun.open()
      await end.promise
      return client.ask("owner", "cat")
    })
  })
  await begun.promise
  server.owners.set("cat", "Eve")
  await endSession("ada")
  expect(server.open).toBe(1)
  end.open()
  expect(await using).toBe("Eve")
  await until(() => server.open === 0)
  expect(await withSession("ada", async () => (await profile()).owner("cat", "inf"))).toBe("Eve")
})

test("B39 a handle used in a later session of the same id is released with that session again", async () => {
  const { server, profile } = await begin()
  const ada = await withSession("ada", () => profile())
  await endSession("ada")
  await until(() => server.open === 0)
  expect(await withSession("ada", () => ada.owner("cat"))).toBe("Ada")
  expect(server.open).toBe(1)
  await endSession("ada")
  await until(() => server.open === 0)
})

test("B39 sessionIdle ends sessions that nobody works in, also those that are idle already", async () => {
  const { server, profile } = await begin()
  await withSession("ada", () => profile())
  useConfiguration({ sessionIdle: 0.15 })
  await until(() => server.open === 0)
  const end = gate()
  const working = withSession("bob", async () => {
    await profile()
    await end.promise
  })
  await pause(400)
  expect(server.open).toBe(1)
  end.open()
  await working
  await until(() => server.open === 0)
})

test("B39 the option scope narrows to a session and never widens", async () => {
  const { server, profile } = await begin()
  const narrow = () =>
    connection("pets", { type: PetsConnection, port: server.port, token: "canary-token", scope: "session" })
  expect(await failureOf(narrow())).toMatchObject({ code: "NO_SESSION" })
  expect(await withSession("ada", narrow)).not.toBe(await withSession("bob", narrow))
  const widened = await failureOf(withSession("ada", () => profile({ scope: "global" })))
  expect(widened).toMatchObject({ code: "BAD_CONFIG", hint: expect.stringContaining("scope") })
  const unknown = await failureOf(withSession("ada", () => profile({ scope: "user" })))
  expect(unknown).toMatchObject({ code: "BAD_CONFIG" })
})

test.each(subjects)(
  "B39 close() leaves the registry for good and makes the handle unusable — %s",
  async (_, subject) => {
    const project = useProject()
    const scene = await subject.begin(project)
    project.secrets(`[connections.pets]\n${scene.section}`)
    const pets = await scene.connect()
    expect(await scene.owner(pets, "inf")).toBe("Ada")
    await pets.close()
    for (const use of [() => scene.owner(pets, "inf"), () => scene.owner(pets), () => inner(pets)._instance]) {
      expect(await failureOf(use)).toMatchObject({ code: "CLOSED", connection: "pets" })
    }
    expect(await pets.isHealthy()).toBe(false)
    await pets.close()
    const next = await scene.connect()
    expect(next).not.toBe(pets)
    expect(await scene.owner(next)).toBe("Ada")
  },
)

test("B39 closeAll() closes every connection and releases shared objects; connection() makes new ones", async () => {
  const { server } = await begin()
  const make = (tag: number) =>
    connection("pets", { type: PetsConnection, port: server.port, token: "canary-token", tag })
  const made = [await make(1), await make(2)]
  const released: string[] = []
  const broker = cacheResource(async (name: string) => name, { onRelease: (name) => released.push(name) })
  await broker("nats")
  await closeAll()
  await until(() => server.open === 0)
  expect(released).toEqual(["nats"])
  for (const one of made) expect(await failureOf(one.owner("cat"))).toMatchObject({ code: "CLOSED" })
  expect(await (await make(1)).owner("cat")).toBe("Ada")
})

test("B39 closeAll() has a deadline, at which users are cut off", async () => {
  const { server } = await begin()
  const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
  const using = failureOf(pets.use((client) => client.ask("slow", "60000")))
  await until(() => server.requests.includes("slow"))
  await closeAll({ timeout: 0.2 })
  expect(await using).toMatchObject({ code: "ABORTED" })
  await until(() => server.open === 0)
})

test("B39 what is open is released at beforeExit", async () => {
  const project = useProject()
  const source = JSON.stringify(builtFile("index.js"))
  const script = project.write(
    "main.ts",
    `import { BaseConnection, cacheResource, connection } from ${source}
     class PetsConnection extends BaseConnection {
       _connect() { return "raw" }
       async _disconnect(raw) {
         await new Promise((resolve) => setTimeout(resolve, 50))
         console.log("released", raw)
       }
     }
     await connection("pets", { type: PetsConnection })
     const own = new PetsConnection("own")
     await own.isHealthy()
     const broker = cacheResource(() => "broker", { onRelease: async (name) => console.log("released", name) })
     await broker()
     console.log("done")`,
  )
  const { code, stdout, stderr } = await runScript(script, { cwd: project.dir })
  expect(stderr).toBe("")
  expect(code).toBe(0)
  expect(stdout.trim().split("\n").sort()).toEqual(["done", "released broker", "released raw", "released raw"])
})

test("B43 asynchronous functions in caches and on connections are native", async () => {
  const { server } = await begin()
  let runs = 0
  const owners = cacheData(async (pet: string) => {
    runs++
    const pets = await connection("pets", { type: PetsConnection, port: server.port, token: "canary-token" })
    return { pet, owner: await pets.owner(pet) }
  })
  expect(await Promise.all([owners("cat"), owners("cat")])).toEqual([
    { pet: "cat", owner: "Ada" },
    { pet: "cat", owner: "Ada" },
  ])
  expect(runs).toBe(1)
  expect(server.connects).toBe(1)
})

test("B43 a synchronous _connect is as good as an asynchronous one, and what it throws is a rejection", async () => {
  useProject()
  class SyncConnection extends BaseConnection<string, { fail?: boolean }> {
    protected _connect({ fail }: { fail?: boolean }): string {
      if (fail) throw new Error("not today")
      return "raw"
    }
    work() {
      return this._use((raw) => raw.length)
    }
  }
  expect(await (await connection("sync", { type: SyncConnection })).work()).toBe(3)
  expect(await failureOf(connection("sync", { type: SyncConnection, fail: true }))).toMatchObject({
    message: "not today",
  })
})

test("B39 what is made in a session stays in it: a stream and a session that are read after the request returned", async () => {
  useProject()
  const options = { type: "sql", url: "sqlite://", scope: "session" } as const
  const { response, session, refused } = await withSession("ada", async () => {
    const mine = await connection("mine", options)
    return {
      response: new Response(mine.stream("select 1 as a").toNDJSON()),
      session: mine.session,
      refused: () => mine.query("select 1 as a"),
    }
  })
  expect(await response.text()).toBe('{"a":1}\n')
  expect(await session.scalar("select 2 as b")).toBe(2)
  let streamed = 0
  for await (const batch of session.stream("select 3 as c")) streamed += batch.numRows
  expect(streamed).toBe(1)
  await session[Symbol.asyncDispose]()
  expect(await failureOf(refused())).toMatchObject({ code: "NO_SESSION" })
})
