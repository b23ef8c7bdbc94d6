import { readdirSync } from "node:fs"
import { expect, it } from "vitest"
import { indexFile, mooring, petsProject, type Running, start } from "./support.ts"

const endless = "select count(*) from range(100000000000) where range % 7 = 1"

/** Starts a command, and waits until its query has begun. */
async function startQuery(folder: string, args: readonly string[]): Promise<Running> {
  const announce = new URL("announce.fixture.mjs", import.meta.url).href
  const running = start(folder, ["query", ...args], { env: { NODE_OPTIONS: `--import ${announce}` } })
  await new Promise((resolve) => running.child.stderr!.once("data", resolve))
  return running
}

it.each(["table", "ndjson"])("cancels a %s query at Ctrl-C, with exit code 130", async (format) => {
  const { child, ended } = await startQuery(petsProject(), ["pets", endless, "--format", format])
  expect(child.exitCode).toBeNull()
  child.kill("SIGINT")
  expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: "<query>" })
})

it("ends with 143 when it is asked to end", async () => {
  const { child, ended } = await startQuery(petsProject(), ["pets", endless])
  child.kill("SIGTERM")
  expect((await ended).code).toBe(143)
})

it("leaves no half file behind", async () => {
  const folder = petsProject()
  const { child, ended } = await startQuery(folder, ["pets", endless, "--out", "rows.csv"])
  child.kill("SIGINT")
  expect((await ended).code).toBe(130)
  expect(readdirSync(folder)).toEqual([".mooring"])
})

const forever = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
const liteProject = () => petsProject({ ".mooring/secrets.toml": '[connections.lite]\nurl = "sqlite:///:memory:"\n' })

it("does not wait for a database that cannot cancel, at Ctrl-C", async () => {
  const { child, ended } = await startQuery(liteProject(), ["lite", forever])
  expect(child.exitCode).toBeNull()
  child.kill("SIGINT")
  expect((await ended).code).toBe(130)
})

it("does not wait for a database that cannot cancel, after a timeout", async () => {
  const { stderr } = await mooring(liteProject(), ["query", "lite", forever, "--timeout", "1s"])
  expect(stderr).toContain("took longer than")
})

it("ends at once at the second Ctrl-C", async () => {
  const folder = petsProject({
    ".mooring/secrets.toml": '[connections.slow]\ntype = "./slow.ts"\n',
    "slow.ts": `import { BaseConnection } from ${JSON.stringify(indexFile)}
      export default class Slow extends BaseConnection {
        protected _connect() { return {} }
        protected _disconnect() { return new Promise(() => setInterval(() => {}, 1000)) }
        query() { return this._use(() => { process.stderr.write("running"); return new Promise(() => {}) }) }
      }`,
  })
  const { child, ended } = start(folder, ["query", "slow", "select 1", "-f", "table"])
  await new Promise((resolve) => child.stderr!.once("data", resolve))
  child.kill("SIGINT")
  child.kill("SIGINT")
  await new Promise((resolve) => setTimeout(resolve, 300))
  child.kill("SIGINT")
  expect((await ended).code).toBe(130)
})
