import { existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { inspect } from "node:util"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { connection, type MooringError, type SQLConnection } from "../../src/index.ts"
import { filePath } from "../../src/sql/file-path.ts"
import { type TestProject, useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

const dialects = ["sqlite", "duckdb"] as const

let project: TestProject
beforeEach(() => {
  project = useProject()
})
afterEach(() => vi.unstubAllEnvs())

const databases = () => readdirSync(project.dir).filter((name) => /pets|memory/.test(name))

const open = (url: string) => connection<SQLConnection>("pets", { type: "sql", url, lazy: true })

test.each(
  dialects.flatMap((dialect) => [
    `${dialect}://pets.db`,
    `${dialect}://data/pets.db`,
    `${dialect}://ada:sesame@pets.db`,
    `${dialect}://localhost:80/pets.db`,
    `${dialect}://md:`,
  ]),
)("%s is refused, and the three forms are named", async (url) => {
  const error = await failureOf<MooringError>((await open(url)).execute("create table t (x integer)"))
  const dialect = url.split(":")[0]
  expect(error).toMatchObject({ code: "BAD_CONFIG" })
  for (const form of [`${dialect}:///pets.db`, `${dialect}:////var/lib/pets.db`, `${dialect}://`]) {
    expect(error.hint).toContain(form)
  }
  expect(error.message + error.hint).not.toContain("sesame")
  expect(databases()).toEqual([])
})

test.each(dialects.flatMap((dialect) => [`${dialect}://`, `${dialect}:///:memory:`]))(
  "%s is in memory",
  async (url) => {
    const made = await open(url)
    await made.execute("create table t (x integer)")
    expect(inspect(made)).toContain("memory")
    expect(databases()).toEqual([])
  },
)

test.each(dialects)("%s: ~ is the user's home", async (dialect) => {
  vi.stubEnv("HOME", project.dir)
  vi.stubEnv("USERPROFILE", project.dir)
  expect(homedir()).toBe(project.dir)
  await (await open(`${dialect}:///~/home.db`)).execute("create table t (x integer)")
  expect(existsSync(join(project.dir, "home.db"))).toBe(true)
})

test.each(dialects)("%s: a file and a link to it are one source, also where the link was first", async (dialect) => {
  mkdirSync(join(project.dir, "data"))
  symlinkSync("data", join(project.dir, "folder"))
  symlinkSync("data/pets.db", join(project.dir, "link.db"))
  const [file, ...links] = await Promise.all(
    ["data/pets.db", "link.db", "folder/pets.db"].map((path) => open(`${dialect}:///${path}`)),
  )
  await links[0]!.execute("create table t (x integer)")
  const count = "select count(*) from t"
  for (const reader of [file!, ...links]) expect(Number(await reader.scalar(count, { ttl: "1h" }))).toBe(0)
  let rows = 0
  for (const writer of [file!, ...links]) {
    await writer.execute("insert into t values (1)")
    rows++
    for (const reader of [file!, ...links]) expect(Number(await reader.scalar(count, { ttl: "1h" }))).toBe(rows)
  }
})

test("a circle of links stays the path that it is", () => {
  symlinkSync("b.db", join(project.dir, "a.db"))
  symlinkSync("a.db", join(project.dir, "b.db"))
  expect(filePath("a.db", project.dir)).toMatch(/[ab]\.db$/)
})
