import { expect, test } from "vitest"
import { mergeConfigurations } from "../../src/core/configuration.ts"
import { closeAll, configure, connection, secrets } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useConfiguration, useProject } from "../support/project.ts"
import { failureOf, until } from "../support/waiting.ts"

test("layers are merged key by key, and what is undefined says nothing", () => {
  const load = async () => PetsConnection
  expect(
    mergeConfigurations([
      { cache: { ttl: "1m", maxBytes: 5 }, types: { a: load }, values: { bigint: "string" }, sessionIdle: 60 },
      { cache: { ttl: "2m" }, types: { b: load }, values: { decimal: "number" }, sessionIdle: undefined as never },
      { cache: { maxBytes: undefined as never } },
    ]),
  ).toEqual({
    cache: { ttl: "2m", maxBytes: 5 },
    types: { a: load, b: load },
    values: { bigint: "string", decimal: "number" },
    sessionIdle: 60,
  })
})

test("of secrets given twice, each connection's section is taken whole from the later", () => {
  const { secrets: merged } = mergeConfigurations([
    { secrets: { key: "a", connections: { pets: { url: "one", user: "ada" }, dogs: { url: "two" } } } },
    { secrets: { other: "b", connections: { pets: { url: "three" } } } },
  ])
  expect(merged).toEqual({
    key: "a",
    other: "b",
    connections: { pets: { url: "three" }, dogs: { url: "two" } },
  })
})

test("the function that configure() returns takes its settings back, in any order and once", async () => {
  useProject()
  const typeOf = async () => (await connection("pets", { type: "mine", lazy: true })).constructor
  class Other extends PetsConnection {}
  const first = configure({ types: { mine: async () => PetsConnection } })
  const second = configure({ types: { mine: async () => Other } })
  expect(await typeOf()).toBe(Other)
  first()
  first()
  await closeAll()
  expect(await typeOf()).toBe(Other)
  second()
  expect(await failureOf(typeOf())).toMatchObject({ code: "UNKNOWN_TYPE" })
})

test("the same object given twice is two layers", async () => {
  useProject()
  const settings = { types: { mine: async () => PetsConnection } }
  const [first, second] = [configure(settings), configure(settings)]
  first()
  expect((await connection("pets", { type: "mine", lazy: true })).constructor).toBe(PetsConnection)
  second()
})

test("settings that cannot be used are refused whole", async () => {
  useProject()
  expect(
    await failureOf(async () => configure({ sessionIdle: "soon", types: { mine: async () => PetsConnection } })),
  ).toMatchObject({ code: "BAD_DURATION" })
  expect(await failureOf(connection("pets", { type: "mine" }))).toMatchObject({ code: "UNKNOWN_TYPE" })
})

test("secrets given in code reset the connections that they change, and only those", async () => {
  useProject()
  const [ada, bob] = [await startPetsServer(), await startPetsServer()]
  bob.owners.set("cat", "Bob")
  const section = ({ port }: { port: number }) => ({ port, token: "canary-token" })
  useConfiguration({ secrets: { connections: { pets: section(ada), dogs: section(ada) } } })
  const pets = await connection("pets", { type: PetsConnection })
  const dogs = await connection("dogs", { type: PetsConnection })
  const kept = await dogs.client
  expect(await pets.owner("cat", "inf")).toBe("Ada")
  const undo = configure({ secrets: { connections: { pets: section(bob) } } })
  expect(await pets.owner("cat", "inf")).toBe("Bob")
  expect(await dogs.client).toBe(kept)
  undo()
  expect(await pets.owner("cat", "inf")).toBe("Ada")
  expect(await dogs.client).toBe(kept)
})

test("secrets.onChange goes on hearing after configure(), and hears of what configure() changed", async () => {
  const project = useProject()
  project.secrets('[connections.pets]\nurl = "duckdb://"\n')
  const heard: (readonly string[])[] = []
  const stop = secrets.onChange(({ connections }) => heard.push(connections))
  useConfiguration({ secrets: { connections: { dogs: { url: "duckdb://" } } } })
  expect(heard).toEqual([["dogs"]])
  project.secrets('[connections.pets]\nurl = "sqlite://"\n')
  await until(() => heard.length === 2)
  expect(heard[1]).toEqual(["pets"])
  stop()
  useConfiguration({ secrets: { connections: {} } })
  expect(heard).toHaveLength(2)
})
