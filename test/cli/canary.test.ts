import { expect, it } from "vitest"
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
