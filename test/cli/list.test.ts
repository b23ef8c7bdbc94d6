import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { canary, mooring, petsProject, project } from "./support.ts"

const mixed = `
[connections.pets]
url = "duckdb:///pets.duckdb"

[connections.lake]
dialect = "duckdb"
database = ":memory:"
[connections.lake.create_engine_kwargs.connect_args.config]
secret = "${canary}"

[connections.github]
type = "./connections/github.ts#GithubConnection"
token = "${canary}"

[connections.vault]
dialect = "postgresql"
username = "ada"
host = "db"
password = { command = ["touch", "executed"] }

[connections.wrong]
url = "oracel://ada:${canary}@db/pets"

[connections.empty]
`

describe("mooring list", () => {
  it("shows name, type, place and origin in aligned columns", async () => {
    const { code, stdout, stderr } = await mooring(petsProject(), ["list"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout.trimEnd().split("\n")).toEqual([
      "NAME  TYPE          WHERE     CONFIGURED IN",
      "pets  sql (duckdb)  :memory:  .mooring/secrets.toml [connections.pets]",
    ])
  })

  it("lists what cannot be used, with the reason, and executes nothing", async () => {
    const folder = project({ ".mooring/secrets.toml": mixed })
    const { code, stdout, stderr } = await mooring(folder, ["list"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toMatch(/^github\s+\.\/connections\/github\.ts#GithubConnection/m)
    expect(stdout).toMatch(/^lake\s+sql \(duckdb\)\s+:memory:/m)
    expect(stdout).toContain('There is no dialect "oracel".')
    expect(stdout).toContain("[connections.empty] has neither type, url nor dialect.")
    expect(stdout).not.toContain(canary)
    expect(existsSync(join(folder, ".mooring/executed"))).toBe(false)
  })

  it("gives the same as JSON", async () => {
    const { stdout } = await mooring(project({ ".mooring/secrets.toml": mixed }), ["list", "--format", "json"])
    const listed = JSON.parse(stdout) as { name: string; problem?: string; keys: string[] }[]
    expect(listed.map((one) => one.name)).toEqual(["empty", "github", "lake", "pets", "vault", "wrong"])
    expect(listed.find((one) => one.name === "github")).toMatchObject({ keys: ["type", "token"] })
    expect(listed.filter((one) => one.problem).map((one) => one.name)).toEqual(["empty", "wrong"])
    expect(stdout).not.toContain(canary)
  })

  it("shows variables of the environment as the origin they are", async () => {
    const env = { MOORING_CONNECTIONS__PETS__PASSWORD: canary }
    const { stdout } = await mooring(petsProject(), ["list"], { env })
    expect(stdout).toContain("MOORING_CONNECTIONS__PETS__PASSWORD")
    expect(stdout).not.toContain(canary)
  })

  it("says nothing in a pipe when there is nothing", async () => {
    expect(await mooring(project(), ["list"])).toMatchObject({ code: 0, stdout: "" })
    expect(await mooring(project(), ["list", "--format", "json"])).toMatchObject({ code: 0, stdout: "[]\n" })
  })

  it("warns of a file that cannot be read, without quoting it", async () => {
    const folder = project({ ".mooring/secrets.toml": `[connections.pets]\npassword = "${canary}\n` })
    const { stdout, stderr } = await mooring(folder, ["list", "--debug"])
    expect(stderr).toContain(".mooring/secrets.toml")
    expect(stdout + stderr).not.toContain(canary)
  })
})
