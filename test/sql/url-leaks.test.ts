import { inspect } from "node:util"
import fc from "fast-check"
import { expect, test } from "vitest"
import { connection, describeConnections, diagnose, type SQLConnection } from "../../src/index.ts"
import { useConfiguration, useProject } from "../support/project.ts"

const canary = "cAnArY77"
const delimiters = fc.constantFrom("@", ":", "/", "?", "#", "&", "=", "%", "[", "]", ",", " ", "//", "%40", "é")
const slips = fc.array(fc.tuple(fc.nat(200), fc.nat(2), delimiters), { minLength: 1, maxLength: 4 })
const positions = ["password", "key", "value", "fragment"] as const

/** A URL that has the canary where it is not shown, with slips of the keyboard: something put in, taken out, replaced. */
const torn = fc
  .tuple(fc.constantFrom("postgresql", "mysql", "sqlite", "duckdb"), fc.constantFrom(...positions), slips)
  .map(([scheme, position, slips]) => {
    const at = (place: (typeof positions)[number], usual: string) => (place === position ? `${usual}${canary}x` : usual)
    const rest = `ada:${at("password", "pw")}@db.invalid:5432/pets?${at("key", "sslmode")}=${at("value", "require")}`
    let text = `${rest}#${at("fragment", "top")}`
    for (const [place, deleted, inserted] of slips) {
      const index = place % text.length
      // The canary itself stays whole, so that it can be found.
      const begin = text.indexOf(canary)
      if (index + deleted > begin && index < begin + canary.length) continue
      text = text.slice(0, index) + inserted + text.slice(index + deleted)
    }
    return `${scheme}://${text}`
  })

test("no error or description shows anything of a URL that cannot be read", async () => {
  useProject()
  const urls = fc.sample(torn, { numRuns: 1500, seed: 77 })
  const sections = urls.map((url, index) => [`torn${index}`, { url }] as const)
  useConfiguration({ secrets: { connections: Object.fromEntries(sections) } })
  const described = await describeConnections()
  const broken = described.filter(({ problem }) => problem !== undefined)
  expect(described).toHaveLength(1500)
  expect(broken.length).toBeGreaterThan(300)
  expect(broken.filter((one) => JSON.stringify(one).includes(canary))).toEqual([])
  for (const { name } of broken.slice(0, 100)) {
    const made = await connection<SQLConnection>(name, { type: "sql", lazy: true })
    expect(() => made.dialect).toThrow(expect.not.objectContaining({ message: expect.stringContaining(canary) }))
    expect(JSON.stringify(made)).not.toContain(canary)
    for await (const step of diagnose(name)) expect(JSON.stringify(step)).not.toContain(canary)
  }
})

test.each([
  `duckdb://?${canary}=1`,
  `duckdb://?threads=1&${canary}=1`,
  `duckdb://?${canary}-y=1`,
  `duckdb://?x.${canary}=1`,
  `sqlite://?${canary}=1`,
  `postgresql://db.invalid/pets?${canary}=1`,
  `mysql://db.invalid/pets?${canary}=1`,
])("no error quotes the unknown key of %s", async (url) => {
  useProject()
  const failure = await connection("torn", { type: "sql", url }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: "BAD_CONFIG", message: expect.stringContaining("The URL's query has a key") })
  expect(inspect(failure, { depth: 9 }).toLowerCase()).not.toContain(canary.toLowerCase())
})

test("DuckDB's own sentence names an unknown option of a section", async () => {
  useProject()
  const failure = await connection("named", { type: "sql", url: "duckdb://", settings: { thread: 1 } }).catch((e) => e)
  expect(failure).toMatchObject({ message: expect.stringContaining("thread") })
})
