import { join } from "node:path"
import { afterEach, describe, expect, it, vi } from "vitest"
import { closeAll, configure, type DiagnoseOptions, diagnose, type Step } from "../src/index.ts"
import { canary, indexFile, project } from "./cli/support.ts"

let undo: (() => void) | undefined
afterEach(async () => {
  undo?.()
  await closeAll({ timeout: 1 })
})

const use = (files: Record<string, string>) => {
  const folder = project(files)
  undo = configure({ project: folder })
  return folder
}
const secrets = (text: string) => ({ ".mooring/secrets.toml": text })
const all = async (name: string, options?: DiagnoseOptions): Promise<Step[]> => {
  const steps: Step[] = []
  for await (const step of diagnose(name, options)) steps.push(step)
  return steps
}

describe("diagnose", () => {
  it("goes through every step", async () => {
    use(secrets('[connections.pets]\nurl = "duckdb:///:memory:"\n'))
    const steps = await all("pets")
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "secrets ok",
      "section ok",
      "type ok",
      "driver ok",
      "connect ok",
      "ping ok",
      "version ok",
    ])
    expect(steps.find(({ name }) => name === "driver")?.detail).toMatch(/^@duckdb\/node-api \d/)
    expect(steps.find(({ name }) => name === "version")?.detail).toMatch(/^v\d/)
    for (const { milliseconds, hint } of steps) {
      expect(milliseconds).toBeGreaterThanOrEqual(0)
      expect(hint).toBeUndefined()
    }
  })

  it("skips what there is not: a section, a driver, a version", async () => {
    const folder = use(secrets('[connections.api]\ntype = "./api.ts"\n'))
    const { writeFileSync } = await import("node:fs")
    const text = `import { BaseConnection } from ${JSON.stringify(indexFile)}
      export default class Api extends BaseConnection { protected _connect() { return {} } }`
    writeFileSync(join(folder, "api.ts"), text)
    const steps = await all("api")
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      "secrets ok",
      "section ok",
      "type ok",
      "driver skipped",
      "connect ok",
      "ping ok",
      "version skipped",
    ])
  })

  it.each([
    ["secrets", '[connections.pets]\nurl = "', "is not valid TOML"],
    ["section", "", "Nothing is configured"],
    ["section", '[connections.pets]\nurl = "duckdb://$' + '{NOT_SET_ANYWHERE}"\n', "NOT_SET_ANYWHERE"],
    ["section", '[connections.pet]\nurl = "duckdb:///:memory:"\n', "Nothing is configured"],
    ["type", '[connections.pets]\ntype = "nonsense"\n', "which is unknown"],
    ["type", '[connections.pets]\nurl = "oracel:///x"\n', "There is no dialect"],
    ["type", '[connections.pets]\ntype = "./nowhere.ts"\n', "was not found"],
    ["connect", '[connections.pets]\nurl = "duckdb:///:memory:?nonsense=1"\n', "has a key, which DuckDB does not have"],
  ])("fails at %s and stops there: %j", async (name, text, sentence) => {
    use(secrets(text))
    const steps = await all("pets")
    const last = steps.at(-1)!
    expect(last).toMatchObject({ name, status: "failed" })
    expect(last.detail).toContain(sentence)
    expect(last.hint).not.toBe("")
    expect(steps.slice(0, -1).every(({ status }) => status !== "failed")).toBe(true)
  })

  it("takes a secret that a class puts into its error out again", async () => {
    const folder = use(secrets(`[connections.api]\ntype = "./api.ts"\ntoken = "${canary}"\n`))
    const { writeFileSync } = await import("node:fs")
    const text = `import { BaseConnection } from ${JSON.stringify(indexFile)}
      export default class Api extends BaseConnection {
        protected _connect({ token }) { throw new Error("no such token: " + token) } }`
    writeFileSync(join(folder, "api.ts"), text)
    const steps = await all("api")
    expect(steps.at(-1)).toMatchObject({ name: "connect", status: "failed", detail: "no such token: ***" })
    expect(JSON.stringify(steps)).not.toContain(canary)
  })

  it("takes the name from a variable, as connection() does", async () => {
    use(secrets('[connections.pets]\nurl = "duckdb:///:memory:"\n'))
    vi.stubEnv("WHICH_CONNECTION", "pets")
    expect((await all("env:WHICH_CONNECTION")).at(-1)).toMatchObject({ name: "version", status: "ok" })
    vi.stubEnv("WHICH_CONNECTION", "")
    expect(await all("env:WHICH_CONNECTION")).toMatchObject([
      { status: "failed", hint: expect.stringContaining("Set") },
    ])
    vi.unstubAllEnvs()
  })

  it("ends with the signal's reason when it aborts", async () => {
    use(secrets('[connections.pets]\nurl = "duckdb:///:memory:"\n'))
    const controller = new AbortController()
    const reason = new Error("enough")
    const seen: string[] = []
    const run = async () => {
      for await (const step of diagnose("pets", { signal: controller.signal })) {
        seen.push(step.name)
        if (step.name === "type") controller.abort(reason)
      }
    }
    await expect(run()).rejects.toBe(reason)
    expect(seen).toEqual(["secrets", "section", "type"])
  })

  it("does not wait longer for a connect than it was told", async () => {
    const folder = use(secrets('[connections.api]\ntype = "./api.ts"\n'))
    const { writeFileSync } = await import("node:fs")
    const text = `import { BaseConnection } from ${JSON.stringify(indexFile)}
      export default class Api extends BaseConnection { protected _connect() { return new Promise(() => {}) } }`
    writeFileSync(join(folder, "api.ts"), text)
    const steps = await all("api", { timeout: 0.1 })
    expect(steps.at(-1)).toMatchObject({ name: "connect", status: "failed" })
    expect(steps.at(-1)!.detail).toContain("0.1 s")
  })
})
