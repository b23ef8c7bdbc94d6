import { expect, test } from "vitest"
import { cacheResource, configure, connection, type SQLConnection, secrets } from "../src/index.ts"
import { fakeSql, withConnections } from "../src/testing/index.ts"
import { PetsConnection } from "./support/pets-connection.ts"
import { startPetsServer } from "./support/pets-server.ts"
import { useProject } from "./support/project.ts"
import { failureOf, until } from "./support/waiting.ts"

const owners = "select name from owners where pet = :pet"

/** A program as its author wrote it. */
async function ownersOf(pet: string, ttl = 0): Promise<string[]> {
  const pets = await connection("pets", { type: "sql", url: "postgresql://ada@db.invalid/pets", pool_size: 3 })
  const table = await pets.query<{ name: string }>(owners, { params: { pet }, ttl })
  return table.toArray().map(({ name }) => name)
}

test("inside, the stand-in is the connection, whatever the program configures", async () => {
  useProject()
  const seen: unknown[] = []
  const fake = fakeSql({
    [owners]: ([pet]) => {
      seen.push(pet)
      return [{ name: "Ada" }]
    },
  })
  await withConnections({ pets: fake }, async () => {
    expect(await ownersOf("cat")).toEqual(["Ada"])
    expect(await ownersOf("owl", 60)).toEqual(["Ada"])
    expect(await ownersOf("owl", 60)).toEqual(["Ada"])
  })
  expect(seen).toEqual(["cat", "owl"])
})

test("a statement without an answer is an error that names the nearest", async () => {
  useProject()
  await withConnections({ pets: fakeSql({ "select * from owners": [] }) }, async () => {
    const pets = await connection("pets", { type: "sql" })
    expect((await pets.query("  select *\n from owners;")).numRows).toBe(0)
    const failure = await failureOf(pets.query("select * from owner"))
    expect(failure).toMatchObject({ hint: expect.stringContaining("select * from owners") })
  })
})

test("errors, tables of rows, counts and lists are answered as a database would", async () => {
  useProject()
  const fake = fakeSql({
    "select 1": new Error("the disk is full"),
    "delete from owners": { rowCount: 3 },
    "select * from owners where pet in :pets": (values) => values.map((pet) => ({ pet })),
  })
  await withConnections({ pets: fake }, async () => {
    const pets = await connection("pets", { type: "sql" })
    expect((await failureOf(pets.query("select 1"))).message).toContain("the disk is full")
    expect((await pets.execute("delete from owners")).rowCount).toBe(3)
    const found = await pets.query("select * from owners where pet in :pets", { params: { pets: ["cat", "owl"] } })
    expect(found.toArray()).toEqual([{ pet: "cat" }, { pet: "owl" }])
    const count = await pets.transaction(async (tx) => (await tx.execute("delete from owners")).rowCount)
    expect(count).toBe(3)
  })
})

test("a real database stands in by its options", async () => {
  useProject()
  await withConnections({ pets: { type: "sql", url: "sqlite://" } }, async () => {
    const pets = await connection<SQLConnection>("pets")
    expect(pets.dialect).toBe("sqlite")
    await pets.execute("create table owners (name text, pet text)")
    await pets.execute("insert into owners values ('Ada', 'cat')")
    expect(await ownersOf("cat")).toEqual(["Ada"])
  })
})

test("a connection object stands in for its name", async () => {
  useProject()
  const server = await startPetsServer()
  const own = new PetsConnection("anything", { port: server.port, token: "canary-token" })
  await withConnections({ pets: own }, async () => {
    expect(await connection("pets", { type: "sql" })).toBe(own)
    expect(await own.owner("cat")).toBe("Ada")
  })
  expect(await failureOf(own.owner("cat"))).toMatchObject({ code: "CLOSED" })
  await until(() => server.open === 0)
})

test("registry, cache, secrets and configuration inside are its own", async () => {
  const project = useProject()
  project.secrets('key = "outside"\n[connections.pets]\nurl = "duckdb://"\n')
  const options = { type: "sql", url: "sqlite://" } as const
  const outside = await connection("pets", options)
  let inside: SQLConnection | undefined
  await withConnections({}, async () => {
    expect(secrets.key).toBeUndefined()
    expect(await failureOf(connection("pets"))).toMatchObject({ code: "NO_CONFIG" })
    configure({ secrets: { key: "inside" }, sessionIdle: "1h" })
    expect(secrets.key).toBe("inside")
    inside = await connection("pets", options)
    expect(inside).not.toBe(outside)
  })
  expect(secrets.key).toBe("outside")
  expect(await failureOf(inside!.query("select 1"))).toMatchObject({ code: "CLOSED" })
  expect(await outside.scalar("select 1")).toBe(1)
})

test("all is closed after, also when the work fails, and concurrent runs do not see each other", async () => {
  useProject()
  const released: string[] = []
  const run = (name: string) =>
    withConnections({ pets: fakeSql({ [owners]: [{ name }] }) }, async () => {
      await cacheResource(async () => name, { onRelease: (kept) => released.push(kept) })()
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(await ownersOf("cat")).toEqual([name])
      if (name === "Eve") throw new Error("the test failed")
    })
  const results = await Promise.allSettled([run("Ada"), run("Bob"), run("Eve")])
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"])
  expect(released.sort()).toEqual(["Ada", "Bob", "Eve"])
})

test("a fake takes calls side by side, again and again", async () => {
  const fake = { ...fakeSql({ "select :n": ([n]) => [{ n }] }), pool_size: 2, max_overflow: 0, pool_timeout: "1s" }
  await withConnections({ pets: fake }, async () => {
    const pets = await connection<SQLConnection>("pets")
    for (let round = 0; round < 5; round++) {
      const calls = [1, 2, 3].map((n) => pets.scalar("select :n", { params: { n } }))
      expect(await Promise.all(calls)).toEqual([1, 2, 3])
    }
    const { stats } = await pets.engine
    expect(stats.size).toBe(stats.idle)
  })
})
