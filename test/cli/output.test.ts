import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { builtFile } from "../support/built-file.ts"
import { mooring, petsProject, project, put, shell } from "./support.ts"

const hasFullDevice = existsSync("/dev/full")

describe("where rows go", () => {
  it.each(["xlsx", "tsv", "csv.gz"])("refuses the ending .%s, and names those it knows", async (ending) => {
    const folder = petsProject()
    const { code, stderr } = await mooring(folder, ["query", "pets", "select 1", "--out", `rows.${ending}`])
    expect(code).toBe(2)
    expect(stderr).toMatch(/--out rows\.\S+: no format has the ending \.(xlsx|tsv|gz)\.\n.*\.parquet.*--format/)
    expect(readdirSync(folder)).toEqual([".mooring"])
  })

  it("writes any name when the format is given", async () => {
    const folder = petsProject()
    await mooring(folder, ["query", "pets", "select 1 as a", "--out", "rows.dat", "--format", "csv"])
    expect(readFileSync(join(folder, "rows.dat"), "utf8")).toBe("a\r\n1\r\n")
  })

  it.runIf(hasFullDevice)("says that the disk is full, whatever command writes", async () => {
    const folder = petsProject()
    for (const line of [
      'mooring query pets "select i from range(100000) t(i)" --format csv > /dev/full',
      'mooring query pets "select 1 as i" > /dev/full',
      "mooring query pets 'select 1' --out /dev/full --format csv",
      "mooring list > /dev/full",
      "mooring test pets > /dev/full",
    ]) {
      const { code, stderr } = await shell(folder, line)
      expect(code, line).toBe(1)
      expect(stderr, line).toMatch(/could not be written: no space is left on the device \(ENOSPC\)\.\n$/)
    }
  })

  it("names the folder that a file would be in", async () => {
    const { code, stderr } = await mooring(petsProject(), ["query", "pets", "select 1", "--out", "no/such/rows.csv"])
    expect(code).toBe(1)
    expect(stderr).toContain("no/such/rows.csv could not be written: there is no such folder (ENOENT).")
  })
})

describe("where statements come from", () => {
  it("refuses a statement that is not UTF-8, from a file and from stdin", async () => {
    const folder = petsProject()
    writeFileSync(join(folder, "latin.sql"), Buffer.from("select 'caf\xe9'", "latin1"))
    writeFileSync(join(folder, "wide.sql"), Buffer.from("\ufeffselect 1", "utf16le"))
    const latin = await mooring(folder, ["query", "pets", "@latin.sql"])
    expect(latin).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("The statement's file latin.sql is not UTF-8."),
    })
    const wide = await mooring(folder, ["query", "pets", "@wide.sql"])
    expect(wide).toMatchObject({ code: 2, stderr: expect.stringContaining("is not UTF-8, but UTF-16.") })
    const piped = await shell(folder, "mooring query pets - < latin.sql")
    expect(piped).toMatchObject({ code: 2, stderr: expect.stringContaining("The statement from stdin is not UTF-8.") })
  })

  it("reads a file with a byte order mark", async () => {
    const folder = petsProject({ "marked.sql": "\ufeffselect 1 as a" })
    expect((await mooring(folder, ["query", "pets", "@marked.sql"])).stdout).toBe('{"a":1}\n')
  })

  it("says how to give :name a value", async () => {
    const lite = '[connections.lite]\nurl = "sqlite://"\n[connections.pets]\nurl = "duckdb://"\n'
    const folder = petsProject({ ".mooring/secrets.toml": lite })
    for (const name of ["pets", "lite"]) {
      const { stderr } = await mooring(folder, ["query", name, "select :a"])
      expect(stderr, name).toContain("If :a is a parameter, give it a value: --param a=text")
      expect(stderr, name).not.toContain("params")
    }
  })

  it("finds relative files of SQL in the project, and its own in the caller's folder", async () => {
    const folder = petsProject({ "data.csv": "a\n1\n", "sub/report.sql": "from 'data.csv'" })
    const { code, stderr } = await mooring(join(folder, "sub"), [
      "query",
      "pets",
      "@report.sql",
      "--out",
      "rows.ndjson",
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(readFileSync(join(folder, "sub/rows.ndjson"), "utf8")).toBe('{"a":1}\n')
  })
})

it("fails to test a project where nothing is configured, and names the folder", async () => {
  const folder = project()
  const { code, stdout, stderr } = await mooring(folder, ["test"])
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
  expect(stderr).toContain(`No connection is configured in ${folder}.`)
})

it.each([
  ["npm/11.0.0 node/v24", "npx mooring"],
  ["pnpm/10.1.0 npm/? node/v24.0.0", "pnpm exec mooring"],
  ["pnpm", "pnpm exec mooring"],
  ["yarn/4.5.0", "yarn mooring"],
  ["bun/1.3.0", "bunx mooring"],
  ["", "mooring"],
])("names itself in hints and examples as %s started it", async (agent, name) => {
  const env = { npm_config_user_agent: agent }
  const { stderr } = await mooring(project(), ["test"], { env })
  expect(stderr).toContain(`→ ${name} init writes the first connection.`)
  for (const command of ["", "query", "init", "cache"]) {
    const { stdout } = await mooring(project(), [command, "--help"].filter(Boolean), { env })
    const examples = stdout.slice(stdout.indexOf("Examples:")).match(/^ .*mooring .*/gm)!
    expect(examples.filter((line) => !RegExp(`(^  |\\| )${name} `).test(line))).toEqual([])
  }
})

describe("completion in bash", () => {
  /** What bash offers for a line, without the package bash-completion. */
  async function offered(folder: string, line: string): Promise<string[]> {
    put(join(folder, "bin/mooring"), `#!/bin/sh\nexec "${process.execPath}" "${builtFile("cli.js")}" "$@"\n`)
    put(join(folder, "line"), line)
    const script = `chmod +x bin/mooring; PATH="$PWD/bin:$PATH"; unset -f mooring; unset -f _get_comp_words_by_ref
      source <(mooring completion bash); source <(mooring completion bash)
      COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'; COMP_LINE=$(cat line); COMP_POINT=\${#COMP_LINE}
      compopt() { :; }; _mooring; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await shell(folder, script)
    expect(stderr).toBe("")
    return stdout.split("\n").filter(Boolean)
  }

  it("offers commands, names, options and their values", async () => {
    const folder = petsProject()
    expect(await offered(folder, "mooring qu")).toEqual(["query"])
    expect(await offered(folder, "mooring query ")).toEqual(["pets"])
    expect(await offered(folder, "mooring query pets --form")).toEqual(["--format"])
    expect(await offered(folder, "mooring query pets --format=j")).toEqual(["json"])
  })

  it("runs nothing of what was typed", async () => {
    const folder = petsProject()
    mkdirSync(join(folder, "there"))
    await offered(folder, "mooring query $(rmdir there) `rmdir there`; rmdir there ")
    expect(existsSync(join(folder, "there"))).toBe(true)
  })
})
