import { chmodSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { indexFile, mooring, petsProject, project, put } from "./support.ts"

describe("the project's folder", () => {
  it("is the nearest one above with .mooring or .streamlit", async () => {
    const folder = petsProject()
    put(join(folder, "deep/down/file"), "")
    const { stdout } = await mooring(join(folder, "deep/down"), ["list"])
    expect(stdout).toContain("pets")
    const other = project({
      ".streamlit/secrets.toml": '[connections.cats]\nurl = "duckdb:///:memory:"\n',
      "deep/x": "",
    })
    expect((await mooring(join(other, "deep"), ["list"])).stdout).toContain("cats")
  })

  it("is the one that --project or MOORING_PROJECT names", async () => {
    const folder = petsProject()
    const elsewhere = project()
    expect((await mooring(elsewhere, ["list", "--project", folder])).stdout).toContain("pets")
    expect((await mooring(elsewhere, ["--project", folder, "list"])).stdout).toContain("pets")
    expect((await mooring(elsewhere, ["list"], { env: { MOORING_PROJECT: folder } })).stdout).toContain("pets")
  })

  it("is not the home folder because secrets are there", async () => {
    const folder = project()
    const home = join(dirname(folder), "home")
    put(join(home, ".mooring/secrets.toml"), '[connections.pets]\nurl = "duckdb:///pets.duckdb"\n')
    mkdirSync(join(home, "work"))
    const env = { HOME: home }
    const { stderr } = await mooring(join(home, "work"), ["query", "pets", "select 1"], { env })
    expect(stderr).toContain(join(home, "work", "pets.duckdb"))
  })
})

describe("mooring.config", () => {
  const hello = `
    export default { secrets: { connections: { hello: { url: "duckdb:///:memory:" } } } }`

  it.each(["mooring.config.ts", "mooring.config.mjs", "mooring.config.js"])("%s is loaded", async (name) => {
    const folder = project({ [name]: hello, "package.json": '{ "type": "module" }' })
    expect((await mooring(folder, ["query", "hello", "select 1 as a"])).stdout).toBe('{"a":1}\n')
  })

  it("may call configure() and name types", async () => {
    const folder = project({
      ".mooring/secrets.toml": '[connections.me]\ntype = "greeter"\n',
      "mooring.config.ts": `import { BaseConnection, configure } from ${JSON.stringify(indexFile)}
        class Greeter extends BaseConnection { protected _connect(): string { return "hello" } }
        configure({ types: { greeter: async () => Greeter } })`,
    })
    const { code, stdout } = await mooring(folder, ["test", "me"])
    expect(stdout).toContain("greeter, class Greeter")
    expect(code).toBe(0)
    const query = await mooring(folder, ["query", "me", "select 1"])
    expect(query).toMatchObject({ code: 2 })
    expect(query.stderr).toContain("is a Greeter, which has no query()")
  })

  it("is not executed when others can write to it", async () => {
    const folder = petsProject({ "mooring.config.mjs": "console.log('EXECUTED')" })
    chmodSync(join(folder, "mooring.config.mjs"), 0o666)
    const { code, stdout, stderr } = await mooring(folder, ["list"])
    expect(code).toBe(1)
    expect(stderr).toContain("chmod 600")
    expect(stdout).not.toContain("EXECUTED")
  })

  it("is told from Mooring's own errors when it fails", async () => {
    const folder = petsProject({ "mooring.config.ts": "throw new Error('a slip')" })
    const { code, stderr } = await mooring(folder, ["list"])
    expect(code).toBe(1)
    expect(stderr).toContain("mooring.config.ts failed while it was loaded: a slip")
    const wrong = petsProject({ "mooring.config.ts": "export default 5" })
    expect((await mooring(wrong, ["list"])).stderr).toContain("is not an object")
    const unreadable = petsProject({ "mooring.config.ts": "enum Kind { a }\nexport default {}" })
    expect((await mooring(unreadable, ["list"])).stderr).toContain("Node takes types away and does nothing more")
  })

  it("is not executed by a Tab", async () => {
    const folder = petsProject({ "mooring.config.ts": "console.log('EXECUTED')" })
    const { stdout } = await mooring(folder, ["complete", "--", "query", ""])
    expect(stdout).toContain("pets\tduckdb")
    expect(stdout).not.toContain("EXECUTED")
  })
})

describe("help", () => {
  it("shows every command, and examples for each", async () => {
    const folder = project()
    const { code, stdout, stderr } = await mooring(folder, ["--help"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const commands = [...stdout.split("Commands:")[1]!.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name!)
    expect(commands).toEqual(expect.arrayContaining(["query", "list", "test", "init", "completion", "help"]))
    for (const name of ["query", "list", "test", "init", "completion"]) {
      const help = await mooring(folder, ["help", name])
      expect(help.stdout).toContain("Examples:")
      expect(help.stdout).toContain("--project <dir>")
    }
  })

  it("tells the version of package.json", async () => {
    const { version } = await import("../../package.json", { with: { type: "json" } }).then((file) => file.default)
    expect((await mooring(project(), ["--version"])).stdout).toBe(`${version}\n`)
  })
})

describe("mooring completion", () => {
  it.each(["bash", "zsh", "fish", "powershell"])("prints a script for %s", async (shell) => {
    const { code, stdout, stderr } = await mooring(petsProject(), ["completion", shell])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toContain("mooring")
    expect(stdout).toMatch(/mooring.* complete |complete.*--/)
  })

  it("completes commands, connections, options and their values", async () => {
    const folder = petsProject()
    const complete = async (...words: string[]) => (await mooring(folder, ["complete", "--", ...words])).stdout
    expect(await complete("")).toMatch(/^query\t/m)
    expect(await complete("test", "p")).toContain("pets")
    expect(await complete("query", "pets", "--form")).toContain("--format")
    expect(await complete("query", "pets", "--format", "p")).toContain("parquet")
  })

  it("refuses other shells", async () => {
    expect((await mooring(petsProject(), ["completion", "cmd"])).code).toBe(2)
  })
})
