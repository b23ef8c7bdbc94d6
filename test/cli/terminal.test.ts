import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { until } from "../support/waiting.ts"
import { cleanEnv, mainFile, petsProject, project, put } from "./support.ts"

// A terminal is made by script(1) of util-linux; other systems' script takes other arguments.
const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0

/** The command line on a terminal of 80 columns: what is shown, and somebody who types. */
function terminal(folder: string, args: readonly string[]) {
  const words = [process.execPath, mainFile, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  const command = `stty cols 80 rows 24; exec ${words.join(" ")}`
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: folder, env: cleanEnv(folder) })
  onTestFinished(() => void child.kill("SIGKILL"))
  let shown = ""
  child.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()))
  const ended = new Promise<{ code: number | null; shown: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, shown }))
  })
  return {
    ended,
    press: (keys: string) => void child.stdin.write(keys),
    async sees(text: string): Promise<void> {
      await until(() => shown.includes(text)).catch(() => {
        throw new Error(`${JSON.stringify(text)} was not shown, but: ${shown}`)
      })
      shown = shown.slice(shown.indexOf(text) + text.length)
    },
  }
}

describe.skipIf(!hasScript)("on a terminal", () => {
  it("shows the first rows as a table of its width, and how many there are", async () => {
    const columns = Array.from({ length: 20 }, (_, i) => `range as column_${i}`).join(", ")
    const { code, shown } = await terminal(petsProject(), ["query", "pets", `select ${columns} from range(100)`]).ended
    expect(code).toBe(0)
    const lines = shown.split("\r\n")
    // On a busy machine progress is shown first, and erased.
    expect(lines[0]!.split("\u001b[2K").at(-1)).toMatch(/^ *column_0 │/)
    expect(shown).toContain("… 60 more rows")
    expect(shown).toMatch(/100 rows in \d/)
    expect(lines.find((line) => line.includes(" 39 │"))).toBeDefined()
  })

  it("shows that a long query goes on, and how far it is; Ctrl-C cancels it", async () => {
    const { sees, press, ended } = terminal(petsProject(), [
      "query",
      "pets",
      "select count(*) from range(100000000000) where range % 7 = 1",
    ])
    await sees("pets  ")
    await sees("1.")
    press("\u0003")
    await sees("Ctrl-C again")
    expect((await ended).code).toBe(130)
  })

  it("does not fill the screen with binary", async () => {
    const { code, shown } = await terminal(petsProject(), ["query", "pets", "select 1", "-f", "arrow"]).ended
    expect(code).toBe(2)
    expect(shown).toContain("--out FILE")
  })

  it("asks for a connection, and writes it", async () => {
    const folder = project()
    const { sees, press, ended } = terminal(folder, ["init"])
    await sees("What is the connection called?")
    press("lake\r")
    await sees("What is it?")
    press("\r")
    await sees("Which file?")
    press("\r")
    const { code, shown } = await ended
    expect(shown).toContain("lake.duckdb does not exist yet")
    expect(code).toBe(0)
    const written = readFileSync(join(folder, ".mooring/secrets.toml"), "utf8")
    expect(written).toBe('[connections.lake]\ndialect = "duckdb"\ndatabase = "lake.duckdb"\n')
  })

  it("offers the questions again when the answers do not connect, and writes what does", async () => {
    const folder = project()
    const { sees, press, ended } = terminal(folder, ["init", "--name", "lake"])
    await sees("What is it?")
    press("\r")
    await sees("Which file?")
    press("no/such/lake.duckdb\r")
    await sees("This does not connect. What now?")
    expect(existsSync(join(folder, ".mooring"))).toBe(false)
    press("\r")
    await sees("What is it?")
    press("\r")
    await sees("no/such/lake.duckdb")
    press("\u0015lake.duckdb\r")
    expect((await ended).code).toBe(0)
    const written = readFileSync(join(folder, ".mooring/secrets.toml"), "utf8")
    expect(written).toBe('[connections.lake]\ndialect = "duckdb"\ndatabase = "lake.duckdb"\n')
  })

  it("asks before it replaces, and Ctrl-C at a question changes nothing", async () => {
    const folder = project()
    const before = '[connections.pets]\nurl = "duckdb:///old.duckdb"\n'
    put(join(folder, ".mooring/secrets.toml"), before)
    const args = ["init", "--name", "pets", "--url", "duckdb:///:memory:", "--no-test"]
    const unsure = terminal(folder, args)
    await unsure.sees("Replace it?")
    unsure.press("\u0003")
    expect((await unsure.ended).code).toBe(130)
    const no = terminal(folder, args)
    await no.sees("Replace it?")
    no.press("\r")
    expect((await no.ended).code).toBe(2)
    expect(readFileSync(join(folder, ".mooring/secrets.toml"), "utf8")).toBe(before)
    const yes = terminal(folder, args)
    await yes.sees("Replace it?")
    yes.press("y")
    expect((await yes.ended).code).toBe(0)
    expect(readFileSync(join(folder, ".mooring/secrets.toml"), "utf8")).toContain(":memory:")
  })

  it("does not show a URL that is typed", async () => {
    const folder = project()
    const { sees, press, ended } = terminal(folder, ["init", "--name", "pets", "--no-test"])
    await sees("What is it?")
    press("\u001b[A")
    await sees("I have a URL")
    press("\r")
    await sees("The URL")
    press("sqlite:///canary-typed.db\r")
    const { code, shown } = await ended
    expect(code).toBe(0)
    expect(shown).not.toContain("canary-typed")
    expect(readFileSync(join(folder, ".mooring/secrets.toml"), "utf8")).toContain("canary-typed.db")
  })
})
