import fc from "fast-check"
import { expect, it, test } from "vitest"
import { canary, mooring, project } from "./support.ts"

const broken: Record<string, string> = {
  "a URL with a password": `url = "duckdb://ada:${canary}@host/nowhere/pets.duckdb"`,
  "a URL of an unknown dialect": `url = "oracel://ada:${canary}@host/pets"`,
  "a text that is no URL": `url = "ada:${canary}@host"`,
  "an unknown key": `dialect = "duckdb"\nnonsense = "${canary}"`,
  "a setting with a wrong value": `dialect = "duckdb"\nthreads = "${canary}"`,
  "a setting that the database refuses": `url = "duckdb:///:memory:?nonsense_token=${canary}"`,
  "a command that fails": `dialect = "duckdb"\npassword = { command = ["sh", "-c", "echo ${canary}; echo ${canary} >&2; exit 1"] }`,
  "a variable in a text": `dialect = "duckdb"\npassword = "${canary}$\{NOT_SET_ANYWHERE}"`,
  "a file that does not end": `password = "${canary}`,
}

it.each(Object.entries(broken))("%s never shows its secret", async (_, text) => {
  const folder = project({ ".mooring/secrets.toml": `[connections.pets]\n${text}\n` })
  const env = { MOORING_CONNECTIONS__OTHER__PASSWORD: canary, MOORING_CONNECTIONS__OTHER__DIALECT: "nonsense" }
  for (const args of [["list"], ["list", "-f", "json"], ["test"], ["query", "pets", "select 1"], ["init", "--yes"]]) {
    const { code, stdout, stderr } = await mooring(folder, [...args, "--debug"], { env })
    expect(code).not.toBeNull()
    expect(stdout + stderr).not.toBe("")
    expect(stdout + stderr).not.toContain(canary)
  }
})

test("no command shows the password of a URL with slips of the keyboard", { timeout: 120_000 }, async () => {
  const delimiters = fc.constantFrom("@", ":", "/", "?", "#", "&", "%", "[", "]", ",", " ", "//", "%40", "é")
  const slip = fc.tuple(fc.nat(30), fc.nat(1), delimiters)
  const scheme = fc.constantFrom("postgresql", "mysql", "sqlite", "duckdb")
  const torn = fc.tuple(scheme, fc.array(slip, { minLength: 1, maxLength: 3 })).map(([scheme, slips]) => {
    let [before, after] = ["ada:", "x@127.0.0.1:1/pets?sslmode=require"]
    for (const [at, deleted, inserted] of slips) {
      if (at < 4) before = before.slice(0, at) + inserted + before.slice(at + deleted)
      else after = after.slice(0, at - 4) + inserted + after.slice(at - 4 + deleted)
    }
    return `${scheme}://${before}${canary}${after}`
  })
  const urls = fc.sample(torn, { numRuns: 60, seed: 9 })
  const section = (url: string, index: number) => `[connections.torn${index}]\nurl = ${JSON.stringify(url)}\n`
  const folder = project({ ".mooring/secrets.toml": urls.map(section).join("") })
  const calls = [["list"], ["list", "-f", "json"], ["test"], ...[0, 1, 2].map((n) => ["query", `torn${n}`, "select 1"])]
  for (const args of calls) {
    const { code, stdout, stderr } = await mooring(folder, [...args, "--debug"])
    expect(code).not.toBeNull()
    expect((stdout + stderr).split("\n").filter((line) => line.includes(canary))).toEqual([])
  }
})
