import { inspect } from "node:util"
import { connection, type SQLConnection } from "mooring"
import { describe, expect, test } from "vitest"
import { useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

const byFile = '[connections.pets]\nurl = { file = "url" }\ntype = "sql"\n'

describe("a url that is fetched when the connection is made", () => {
  test("from a file: known once connected, and read anew at each connect", async () => {
    const project = useProject({ ".mooring/secrets.toml": byFile, ".mooring/url": "sqlite:///one.db\n" })
    const pets = await connection("pets", { type: "sql" })
    expect(pets.dialect).toBe("sqlite")
    await pets.execute("create table owners (name text)")
    expect(await pets.scalar("select count(*) from owners", { ttl: "1h" })).toBe(0)
    expect(JSON.stringify(pets)).toContain("one.db")

    project.write(".mooring/url", "duckdb://\n")
    await pets.reset()
    expect(await pets.scalar("select version() like 'v1.%'")).toBe(true)
    expect(pets.dialect).toBe("duckdb")
  })

  test("lazy: a query connects first; what cannot wait says why", async () => {
    useProject({ ".mooring/secrets.toml": byFile, ".mooring/url": "duckdb://" })
    const pets = await connection("pets", { type: "sql", lazy: true })
    expect(() => pets.dialect).toThrow(/fetches its url, so nothing is known of it yet/)
    expect(String(Object.keys(JSON.parse(JSON.stringify(pets))))).not.toContain("location")
    expect(await pets.scalar("select 42")).toBe(42)
    expect(pets.dialect).toBe("duckdb")
  })

  test("a function among the options is called at each connect", async () => {
    useProject()
    let calls = 0
    const url = () => {
      calls++
      return "duckdb://"
    }
    const pets = await connection("pets", { type: "sql", url })
    expect(await pets.scalar("select 1")).toBe(1)
    await pets.reset()
    expect(await pets.scalar("select 1")).toBe(1)
    expect(calls).toBe(2)
  })

  test("a password that is a function does not keep the rest from being known", async () => {
    useProject()
    const pets = await connection("pets", { type: "sql", dialect: "duckdb", password: () => "x1y2", lazy: true })
    expect(pets.dialect).toBe("duckdb")
  })
})

describe("a function among the options that throws", () => {
  test("fails the connect: the error names its key, and hides what it gave before", async () => {
    useProject()
    let calls = 0
    const password = async () => {
      if (calls++ === 0) return "canary-4711"
      throw new Error("canary-4711 is not valid any more")
    }
    const pets = await connection<SQLConnection>("pets", { type: "sql", dialect: "duckdb", password })
    const said = "*** is not valid any more"
    for (const attempt of [
      () => pets.query("select 1"),
      () => pets.execute("select 1"),
      () => pets.stream("select 1").schema,
    ]) {
      await pets.reset().catch(() => undefined)
      const error = await failureOf(attempt())
      expect(error).toMatchObject({
        code: "CONNECT",
        connection: "pets",
        message: `Connection "pets": the function given as password failed: ${said}`,
      })
      expect((error.cause as Error).message).toBe(said)
      expect(inspect(error)).not.toContain("canary")
    }
  })

  test("a url, too, and what it gives later is used", async () => {
    useProject()
    const given: (string | Error)[] = [new Error("not yet"), "duckdb://"]
    const url = () => {
      const next = given.shift()
      if (typeof next !== "string") throw next
      return next
    }
    const pets = await connection<SQLConnection>("pets", { type: "sql", url, lazy: true })
    expect(await failureOf(pets.query("select 1"))).toMatchObject({
      code: "CONNECT",
      message: 'Connection "pets": the function given as url failed: not yet',
    })
    expect(await pets.scalar("select 1")).toBe(1)
  })
})

test("what a dialect finds wrong with the place names the connection", async () => {
  useProject()
  const pets = await connection<SQLConnection>("pets", {
    type: "sql",
    url: "sqlite:///pets.db?mode=sideways",
    lazy: true,
  })
  expect(() => pets.dialect).toThrow(/^Connection "pets": /)
})
