import { chmodSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { canary, indexFile, mooring, petsProject, project, put } from "./support.ts"

describe("mooring test", () => {
  it("goes through every step of one connection", async () => {
    const { code, stdout, stderr } = await mooring(petsProject(), ["test", "pets"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const steps = [...stdout.matchAll(/^ {2}(✔|–|✖) (\w+)/gm)].map(([, mark, name]) => `${mark} ${name}`)
    expect(steps).toEqual(["✔ secrets", "✔ section", "✔ type", "✔ driver", "✔ connect", "✔ ping", "✔ version"])
  })

  it("stops at the first failure, says what to do, and fails", async () => {
    const folder = project({
      ".mooring/secrets.toml": `[connections.pets]\nurl = "duckdb:///no/such/folder/pets.duckdb?access_mode=READ_ONLY"\n`,
    })
    const { code, stdout } = await mooring(folder, ["test", "pets"])
    expect(code).toBe(1)
    expect(stdout).toMatch(/✖ (connect|ping)/)
    expect(stdout).not.toContain("version")
  })

  it("tests all connections without a name, and tells how many work", async () => {
    const folder = petsProject()
    put(
      join(folder, ".mooring/secrets.toml"),
      '[connections.good]\nurl = "duckdb:///:memory:"\n[connections.bad]\nurl = "oracel:///x"\n',
    )
    const { code, stdout } = await mooring(folder, ["test"])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^good$/m)
    expect(stdout).toContain("✖ 1 of 2 do not work: bad.")
  })

  it("tests connections of any class", async () => {
    const folder = project({
      ".mooring/secrets.toml": `[connections.api]\ntype = "./api.ts#ApiConnection"\ntoken = "${canary}"\n`,
      "api.ts": `import { BaseConnection } from ${JSON.stringify(indexFile)}
        export class ApiConnection extends BaseConnection<object, { token: string }> {
          protected _connect({ token }: { token: string }): object { throw new Error("the token " + token + " is bad") }
        }`,
    })
    const { code, stdout, stderr } = await mooring(folder, ["test", "api"])
    expect(code).toBe(1)
    expect(stdout).toContain("– driver")
    expect(stdout).toContain("✖ connect   the token *** is bad")
    expect(stdout + stderr).not.toContain(canary)
  })

  it("does not run a module that somebody else could have written", async () => {
    const folder = project({
      ".mooring/secrets.toml": '[connections.api]\ntype = "./api.ts#ApiConnection"\n',
      "api.ts": "process.stdout.write('EXECUTED')",
    })
    chmodSync(join(folder, ".mooring/secrets.toml"), 0o666)
    const { code, stdout } = await mooring(folder, ["test", "api"])
    expect(code).toBe(1)
    expect(stdout).toContain("✖ type")
    expect(stdout).toContain("chmod 600")
    expect(stdout).not.toContain("EXECUTED")
  })
})
