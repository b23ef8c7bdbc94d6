import { existsSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { configure, describeConnections } from "../src/index.ts"
import { canary, project } from "./cli/support.ts"

let undo: (() => void) | undefined
afterEach(() => undo?.())

const use = (files: Record<string, string>, more: Parameters<typeof configure>[0] = {}) => {
  const folder = project(files)
  undo = configure({ project: folder, ...more })
  return folder
}
const one = async (name: string) => (await describeConnections()).find((connection) => connection.name === name)

describe("describeConnections", () => {
  it("tells type, dialect, place, origin and keys, and no value", async () => {
    use({ ".mooring/secrets.toml": `[connections.pets]\nurl = "duckdb:///pets.duckdb"\npassword = "${canary}"\n` })
    expect(await one("pets")).toEqual({
      name: "pets",
      type: "sql",
      dialect: "duckdb",
      location: "pets.duckdb",
      source: ".mooring/secrets.toml [connections.pets]",
      keys: ["url", "password"],
      problem: undefined,
    })
  })

  it("runs no command and no loader, and connects to nothing", async () => {
    let loaded = false
    const folder = use(
      {
        ".mooring/secrets.toml": `
[connections.pets]
url = { command = ["touch", "executed"] }
[connections.api]
type = "api"
[connections.file]
type = "./api.ts#Api"
`,
        "api.ts": "throw new Error('executed')",
      },
      { types: { api: async () => void (loaded = true) } },
    )
    expect(await one("pets")).toMatchObject({ type: "sql", dialect: undefined, problem: undefined })
    expect(await one("api")).toMatchObject({ type: "api", problem: undefined })
    expect(await one("file")).toMatchObject({ type: "./api.ts#Api", problem: undefined })
    expect(loaded).toBe(false)
    expect(existsSync(join(folder, ".mooring/executed"))).toBe(false)
    expect(existsSync(join(folder, "executed"))).toBe(false)
  })

  it("tells what is wrong with each, without values", async () => {
    use({
      ".mooring/secrets.toml": `
[connections.unset]
url = "duckdb://\${NOT_SET_ANYWHERE}"
[connections.unknown]
type = "sqll"
token = "${canary}"
[connections.setting]
url = "duckdb:///:memory:"
pasword = "${canary}"
[connections.python]
type = "my.module.Class"
`,
    })
    const problems = Object.fromEntries((await describeConnections()).map((each) => [each.name, each.problem]))
    expect(problems.unset).toContain("NOT_SET_ANYWHERE")
    expect(problems.unknown).toContain('Did you mean "sql"?')
    expect(problems.setting).toContain("pasword")
    expect(problems.python).toContain("Python class")
    expect(JSON.stringify(problems)).not.toContain(canary)
  })

  it("is empty where nothing is configured", async () => {
    use({})
    expect(await describeConnections()).toEqual([])
  })
})
