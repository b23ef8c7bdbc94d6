import { connection } from "mooring"
import { expect, test, vi } from "vitest"
import { useProject } from "../support/project.ts"

const section = '[connections.pets]\nurl = "duckdb://"\n'

test("[mooring.cache] ttl is the ttl of queries that name none", async () => {
  useProject({ ".mooring/secrets.toml": `[mooring]\ncache = { ttl = "1h" }\n${section}` })
  const pets = await connection("pets", { type: "sql" })
  const first = await pets.scalar("select random()")
  expect(await pets.scalar("select random()")).toBe(first)
  expect(await pets.scalar("select random()", { ttl: 0 })).not.toBe(first)
})

test("[mooring.values] says how values appear; a call says otherwise", async () => {
  useProject({ ".mooring/secrets.toml": `[mooring.values]\nbigint = "string"\n${section}` })
  const pets = await connection("pets", { type: "sql" })
  expect(await pets.scalar("select 7::bigint")).toBe("7")
  expect(await pets.scalar("select 7::bigint", { values: { bigint: "bigint" } })).toBe(7n)
})

test("an unknown setting is a warning with the nearest one", async () => {
  useProject({ ".mooring/secrets.toml": `[mooring.cache]\nttll = "1h"\n${section}` })
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined)
  const pets = await connection("pets", { type: "sql" })
  await pets.query("select 1")
  expect(warned.mock.calls.map(([message]) => String(message))).toContainEqual(
    expect.stringMatching(/\[mooring\.cache\] has "ttll".*Did you mean "ttl"\?/),
  )
  warned.mockRestore()
})
