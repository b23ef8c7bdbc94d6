import { readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { runScript } from "../support/child.ts"
import { freePort } from "../support/daemon.ts"
import { newRedis } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { canary, indexFile, mooring, petsProject, project, put } from "./support.ts"

const withRedis = testWith("redis")

/** A project whose queries keep their results in a server. */
function sharing(url: string): string {
  return project({
    ".mooring/secrets.toml": `
[connections.pets]
url = "sqlite:///pets.db"
[connections.owners]
url = "sqlite:///owners.db"
[mooring.cache]
url = "${url}"
ttl = "1h"
# A busy machine is no outage.
timeout = "30s"
`,
  })
}

/** Runs a program that reads from both connections, and gives how often a database was asked. */
async function asked(folder: string): Promise<number> {
  const script = join(folder, "read.ts")
  put(
    script,
    `import { existsSync } from "node:fs"
import { cacheStats, connection } from ${JSON.stringify(indexFile)}
for (const name of ["pets", "owners"]) {
  const db = await connection(name, { type: "sql" })
  if (!existsSync(name + ".db")) await db.execute("create table rows (n integer)")
  await db.query("select 1 as n", { ttl: "1h" })
}
console.log(cacheStats().misses)`,
  )
  const { stdout, stderr } = await runScript(script, { cwd: folder, nodeOptions: ["--experimental-strip-types"] })
  expect(stderr).toBe("")
  return Number(stdout)
}

describe("mooring cache", () => {
  it("shows the cache on disk, and makes no folder for it", async () => {
    const folder = petsProject()
    const { code, stdout, stderr } = await mooring(folder, ["cache", "stats"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toMatch(/^CACHE {2}RESULTS {2}SIZE {2}WHERE\ndisk {3}0 {8}0 B {3}\/.*\/mooring\/project-[\w-]+\n$/)
    expect(readdirSync(join(dirname(folder), "home"))).toEqual([])
  })

  it("shows a server that is down, the reason, and no password", async () => {
    const folder = sharing(`redis://:${canary}@127.0.0.1:${await freePort()}`)
    const { code, stdout, stderr } = await mooring(folder, ["cache", "stats", "--format", "json"])
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" })
    expect(JSON.parse(stdout)).toMatchObject([
      { name: "disk", entries: 0 },
      { name: "redis", problem: expect.stringContaining("ECONNREFUSED") },
    ])
    const cleared = await mooring(folder, ["cache", "clear", "redis"])
    expect(cleared.code).toBe(1)
    expect(cleared.stderr).toContain("ECONNREFUSED")
    const forgotten = await mooring(folder, ["cache", "clear", "pets", "--debug"])
    expect(forgotten.code).toBe(1)
    expect(forgotten.stderr).toContain('The cache "redis" could not be told to forget.')
    expect(forgotten.stderr).toMatch(/ECONNREFUSED[\s\S]*Its results expire with their ttl\./)
    for (const { stdout, stderr } of [cleared, forgotten]) expect(stdout + stderr).not.toContain(canary)
    expect(stdout).not.toContain(canary)
  })

  it("says what a name could have been", async () => {
    const { code, stderr } = await mooring(petsProject(), ["cache", "clear", "pest"])
    expect(code).toBe(1)
    expect(stderr).toContain('There is no cache and no connection "pest".')
    expect(stderr).toContain('Did you mean "pets"?')
  })

  it("completes its commands, and names", async () => {
    const folder = petsProject()
    expect((await mooring(folder, ["complete", "--", "cache", ""])).stdout).toMatch(/^stats\t.*\nclear\t/)
    expect((await mooring(folder, ["complete", "--", "cache", "clear", ""])).stdout).toContain("pets\tduckdb")
  })

  const clearing = async () => {
    const { url } = await newRedis()
    const folder = sharing(url)
    expect([await asked(folder), await asked(folder)]).toEqual([2, 0])
    const { stdout } = await mooring(folder, ["cache", "stats", "--format", "json"])
    expect(JSON.parse(stdout)).toMatchObject([{ name: "disk" }, { name: "redis", entries: 2, location: url }])
    expect((await mooring(folder, ["cache", "clear", "pets"])).stdout).toBe("✔ redis: results of pets cleared\n")
    expect(await asked(folder)).toBe(1)
    expect((await mooring(folder, ["cache", "clear"])).stdout).toBe("✔ disk cleared\n✔ redis cleared\n")
    const after = await mooring(folder, ["cache", "stats", "--format", "json"])
    expect(JSON.parse(after.stdout)).toMatchObject([{ entries: 0 }, { entries: 0 }])
    expect(await asked(folder)).toBe(2)
  }

  const asking = async () => {
    const { url } = await newRedis()
    const folder = sharing(url)
    put(join(folder, "pets.db"), "")
    const ask = async (...more: string[]) =>
      (await mooring(folder, ["query", "pets", "select random() as n", "-f", "table", ...more])).stdout
    const kept = await ask("--ttl", "1h")
    expect(kept).toMatch(/\d{4}/)
    expect(await ask("--ttl", "1h")).toBe(kept)
    expect(await ask()).not.toBe(kept)
  }
  withRedis("does not answer mooring query, unless it is given a ttl", asking, 120_000)

  withRedis("clears a server for all programs, or the results of one connection", clearing, 120_000)
})
