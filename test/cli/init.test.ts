import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import fc from "fast-check"
import { parse, stringify } from "smol-toml"
import { describe, expect, it } from "vitest"
import { literal } from "../../src/cli/init/ask.ts"
import { withSection } from "../../src/cli/init/secrets-file.ts"
import { interpolate } from "../../src/secrets/interpolate.ts"
import { canary, mooring, project, put } from "./support.ts"

const url = "duckdb:///:memory:"
const read = (folder: string, path: string) => readFileSync(join(folder, path), "utf8")
const mode = (folder: string, path: string) => (statSync(join(folder, path)).mode & 0o777).toString(8)

describe("mooring init without a terminal", () => {
  it("writes the section, keeps it from others and from git, and tests it", async () => {
    const folder = project()
    const { code, stdout, stderr } = await mooring(folder, ["init", "--name", "pets", "--url", url])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(parse(read(folder, ".mooring/secrets.toml"))).toEqual({ connections: { pets: { url } } })
    expect(mode(folder, ".mooring/secrets.toml")).toBe("600")
    expect(mode(folder, ".mooring")).toBe("700")
    expect(read(folder, ".gitignore")).toBe(".mooring/\n")
    expect(stdout).toContain("✔ version")
    expect(stdout).toMatch(/✔ secrets {3}your answers\n.*✔ section {3}your answers \[connections\.pets\]: url\n/)
    expect(stdout).not.toContain("configure(")
    expect((await mooring(folder, ["query", "pets", "select 1 as a"])).stdout).toBe('{"a":1}\n')
  })

  it("keeps what stands in both files", async () => {
    const before = '# ours\n[connections.lake] # keep\nurl = "duckdb:///lake.duckdb"\n'
    const folder = project({ ".mooring/secrets.toml": before })
    writeFileSync(join(folder, ".gitignore"), "node_modules")
    chmodSync(join(folder, ".mooring/secrets.toml"), 0o644)
    await mooring(folder, ["init", "--name", "pets", "--url", url, "--no-test"])
    await mooring(folder, ["init", "--name", "cats", "--url", url, "--no-test"])
    const after = read(folder, ".mooring/secrets.toml")
    expect(after.startsWith(before)).toBe(true)
    expect(Object.keys((parse(after) as { connections: object }).connections)).toEqual(["lake", "pets", "cats"])
    expect(mode(folder, ".mooring/secrets.toml")).toBe("600")
    expect(read(folder, ".gitignore")).toBe("node_modules\n.mooring/\n")
    expect(readdirSync(join(folder, ".mooring"))).toEqual(["secrets.toml"])
  })

  it("replaces a section only with --force", async () => {
    const folder = project({ ".mooring/secrets.toml": '[connections.pets]\nurl = "duckdb:///old.duckdb"\n' })
    const refused = await mooring(folder, ["init", "--yes", "--name", "pets", "--url", url])
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain("--force")
    expect(read(folder, ".mooring/secrets.toml")).toContain("old.duckdb")
    const forced = await mooring(folder, ["init", "--force", "--name", "pets", "--url", url])
    expect(forced.code).toBe(0)
    expect(parse(read(folder, ".mooring/secrets.toml"))).toEqual({ connections: { pets: { url } } })
  })

  it("takes the URL from stdin, so that no password is in the history", async () => {
    const folder = project()
    await mooring(folder, ["init", "--name", "pets", "--url", "-", "--no-test"], { input: `${url}\n` })
    expect(read(folder, ".mooring/secrets.toml")).toContain(url)
  })

  it("needs name and URL where there is nobody to ask, and writes nothing", async () => {
    const folder = project()
    for (const args of [["init"], ["init", "--yes", "--name", "pets"], ["init", "--name", "a b", "--url", url]]) {
      expect(await mooring(folder, args)).toMatchObject({ code: 2, stdout: "" })
    }
    expect(existsSync(join(folder, ".mooring"))).toBe(false)
  })

  it("names the dialects for a mistyped URL, which it does not repeat", async () => {
    const folder = project()
    for (const wrong of [`oracel://ada:${canary}@db/pets`, `ada:${canary}@db/pets`]) {
      const { code, stderr } = await mooring(folder, ["init", "--name", "pets", "--url", wrong, "--debug"])
      expect(code).toBe(2)
      expect(stderr).toContain("duckdb, ")
      expect(stderr).not.toContain(canary)
    }
    expect(existsSync(join(folder, ".mooring"))).toBe(false)
  })

  it("leaves a file alone that is no TOML, and does not quote it", async () => {
    const broken = `[connections.x]\npassword = "${canary}\n`
    const folder = project({ ".mooring/secrets.toml": broken })
    const { code, stderr } = await mooring(folder, ["init", "--name", "pets", "--url", url, "--debug"])
    expect(code).toBe(1)
    expect(stderr).toContain("line 2")
    expect(stderr).not.toContain(canary)
    expect(read(folder, ".mooring/secrets.toml")).toBe(broken)
  })

  it("writes nothing when the test fails, unless it is not wanted", async () => {
    const folder = project()
    const args = ["init", "--name", "pets", "--url", "duckdb:///no/such/pets.duckdb"]
    const { code, stdout, stderr } = await mooring(folder, args)
    expect(code).toBe(1)
    expect(stdout).toContain("✖ connect")
    expect(stderr).toMatch(/Nothing was written\.\n.*--no-test/)
    expect(existsSync(join(folder, ".mooring"))).toBe(false)
    expect((await mooring(folder, [...args, "--no-test"])).code).toBe(0)
    expect(read(folder, ".mooring/secrets.toml")).toContain("no/such")
  })

  it("says when a file is still to be made", async () => {
    const { code, stdout } = await mooring(project(), ["init", "--name", "pets", "--url", "duckdb:///pets.duckdb"])
    expect(code).toBe(0)
    expect(stdout).toContain("pets.duckdb does not exist yet; the first execute() or session creates it.")
  })

  it.skipIf(!existsSync("/proc/self"))("says that the project cannot be written to", async () => {
    const folder = project()
    const args = ["--project", "/proc", "init", "--no-test", "--name", "pets", "--url", "duckdb://"]
    const { code, stderr } = await mooring(folder, args)
    expect(code).toBe(1)
    expect(stderr).toMatch(/secrets.toml cannot be written: .*\n.*project's folder/)
  })

  it("writes beside the nearest .mooring above", async () => {
    const folder = project({ ".mooring/secrets.toml": "" })
    put(join(folder, "deep/down/file"), "")
    await mooring(join(folder, "deep/down"), ["init", "--name", "pets", "--url", url, "--no-test"])
    expect(read(folder, ".mooring/secrets.toml")).toContain("[connections.pets]")
  })
})

describe("a section in the text of a file", () => {
  const section = { dialect: "duckdb", database: "new" }

  it("takes the place of the older one, its sub-tables included, and leaves the neighbours' comments", () => {
    const text = `# head
[connections.a]
url = "a"

# of the pets
[connections.pets] # old
url = "old"
[connections.pets.query]
x = "y"

# of b
[connections.b]
url = "b"
`
    expect(withSection(text, "pets", section)).toBe(`# head
[connections.a]
url = "a"

# of the pets

[connections.pets]
dialect = "duckdb"
database = "new"

# of b
[connections.b]
url = "b"
`)
  })

  it.each([
    'connections = { pets = { url = "old" } }\n',
    'connections.pets.url = "old"\n',
    '[connections]\npets = { url = "old" }\n',
  ])("is refused where a file is written so that lines do not tell: %j", (text) => {
    expect(() => withSection(text, "pets", section)).toThrow("cannot change safely")
  })

  it("is not fooled by a text that looks like a header", () => {
    const text = '[connections.a]\nnote = """\n[connections.pets]\n"""\n[connections.pets]\nurl = "old"\n'
    let after: string
    try {
      after = withSection(text, "pets", section)
    } catch (error) {
      expect(String(error)).toContain("cannot change safely")
      return
    }
    expect(parse(after)).toEqual({ connections: { a: { note: "[connections.pets]\n" }, pets: section } })
  })

  it("changes nothing else, whatever the file holds", () => {
    const key = fc.stringMatching(/^[\w-]{1,8}$/).filter((name) => name !== "__proto__")
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }))
    const table = fc.dictionary(key, value, { maxKeys: 4 })
    const file = fc.record({ connections: fc.dictionary(key, table, { maxKeys: 4 }), other: table })
    fc.assert(
      fc.property(file, key, fc.dictionary(key, fc.string(), { maxKeys: 4 }), (before, name, written) => {
        const text = stringify(before)
        const after = parse(withSection(text, name, written)) as typeof before
        expect(after.connections).toEqual({ ...before.connections, [name]: written })
        expect(after.other ?? {}).toEqual(before.other)
      }),
    )
  })

  it("means what was typed, also where it holds ${", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("$", "{", "}", "${", "a", "$$", " ")).map((parts) => parts.join("")),
        (typed) => {
          fc.pre(!/^\$\{\w+\}$/.test(typed))
          expect(interpolate(literal(typed), () => "variable")).toBe(typed)
        },
      ),
    )
    const reference = ["$", "{PGPASSWORD}"].join("")
    expect(interpolate(literal(reference), (name) => `the value of ${name}`)).toBe("the value of PGPASSWORD")
  })
})
