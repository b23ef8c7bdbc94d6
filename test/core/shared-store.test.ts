import { join } from "node:path"
import { inspect } from "node:util"
import { createClient } from "redis"
import { expect, onTestFinished } from "vitest"
import { currentEnvironment } from "../../src/core/index.ts"
import { cacheData, cacheStats, configure, connection, endSession, redisStore, withSession } from "../../src/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { runScript } from "../support/child.ts"
import { freePort } from "../support/daemon.ts"
import { useProject } from "../support/project.ts"
import { newRedis, redisServer } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { until } from "../support/waiting.ts"

const test = testWith("redis")
const pets = '[connections.pets]\nurl = "sqlite:///pets.db"\n'
const indexFile = new URL("../../src/index.ts", import.meta.url).href

async function keysOf(url: string, pattern: string): Promise<string[]> {
  const client = await createClient({ url }).connect()
  try {
    return await client.keys(pattern)
  } finally {
    client.destroy()
  }
}

test("[mooring.cache] url keeps results there, with a password from a file", async () => {
  const server = await newRedis({ password: "canary-sesame" })
  const project = useProject()
  project.write("redis-password", "canary-sesame\n")
  project.secrets(`${pets}
[mooring.cache]
url = "redis://127.0.0.1:${server.port}"
password = { file = "../redis-password" }
prefix = "shop:"
timeout = "30s"
max_age = "1h"
`)
  const db = await connection("pets", { type: "sql" })
  await db.execute("create table owners (name text)")
  expect(await db.scalar("select count(*) from owners", { ttl: "1h" })).toBe(0)
  expect(await keysOf(server.url, "shop:v:*")).toHaveLength(1)
  expect(cacheStats().stores).toMatchObject([{ name: "redis", stored: 1, errors: 0 }])
  const shown = inspect([currentEnvironment().settings, currentEnvironment()], { depth: 20, showHidden: true })
  expect(shown).not.toContain("canary")
})

test("[mooring.cache] settings of the wrong kind are errors that name them", async () => {
  for (const [line, message] of [
    ["url = 5", "url in [mooring.cache] is not a text"],
    ['url = "redis://h"\ntls = true', "tls in [mooring.cache] is not a table"],
    ['url = "rediss://h"\ntls = { verify = false }', "tls.verify in [mooring.cache] is not a setting"],
    ['url = "http://h"', "needs a url such as"],
  ] as const) {
    await withConnections({}, async () => {
      const project = useProject({ ".mooring/secrets.toml": `${pets}[mooring.cache]\n${line}\n` })
      const undo = configure({ project: project.dir, secretsFiles: [join(project.dir, ".mooring/secrets.toml")] })
      const { fileSettings } = await import("../../src/core/file-settings.ts")
      const { SecretsStore } = await import("../../src/secrets/index.ts")
      const secrets = new SecretsStore({ projectDir: project.dir })
      expect(() => fileSettings(secrets.settingValues())).toThrow(message)
      undo()
    })
  }
})

test("another url in the file is another store, and the old one is left alone", async () => {
  const [first, second] = [await newRedis(), await newRedis()]
  const text = (port: number) =>
    `${pets}[mooring.cache]\nurl = "redis://127.0.0.1:${port}"\nttl = "1h"\ntimeout = "30s"\n`
  const project = useProject({ ".mooring/secrets.toml": text(first.port) })
  const db = await connection("pets", { type: "sql" })
  await db.execute("create table owners (name text)")
  await db.query("select * from owners")
  expect(await keysOf(first.url, "mooring:v:*")).toHaveLength(1)
  project.secrets(text(second.port))
  await until(async () => {
    await db.query("select * from owners")
    return (await keysOf(second.url, "mooring:v:*")).length === 1
  })
  await first.kill()
  await db.execute("insert into owners values ('Ada')")
  expect(cacheStats().stores).toMatchObject([{ name: "redis", errors: 0 }])
})

test("sessions and databases in memory never leave the process", async () => {
  const { url } = await redisServer()
  useProject({ ".mooring/secrets.toml": pets })
  const prefix = `private-${process.pid}:`
  onTestFinished(configure({ cache: { store: redisStore({ url, prefix }) } }))
  const memory = await connection("memory", { type: "sql", dialect: "sqlite", database: ":memory:" })
  await memory.query("select 1 as n", { ttl: "1h" })
  const shared = await connection("pets", { type: "sql" })
  await shared.execute("create table owners (name text)")
  await withSession("ada", async () => {
    const own = await connection("pets", { type: "sql", scope: "session" })
    await own.query("select 2 as n", { ttl: "1h" })
  })
  await endSession("ada")
  expect(await keysOf(url, `${prefix}v:*`)).toEqual([])
  await shared.query("select 1 as n", { ttl: "1h" })
  expect(await keysOf(url, `${prefix}v:*`)).toHaveLength(1)
})

test('cacheData with persist: "shared" uses the configured store, and memory where there is none', async () => {
  const { url } = await redisServer()
  useProject()
  let calls = 0
  const make = () =>
    cacheData(async (n: number) => ({ n, call: ++calls, at: new Date(0) }), { key: "shared", persist: "shared" })
  const alone = make()
  expect([await alone(1), await alone(1)]).toMatchObject([{ call: 1 }, { call: 1 }])
  const store = redisStore({ url, prefix: `data-${process.pid}:` })
  onTestFinished(() => store.close?.() as Promise<void>)
  const elsewhere = (n: number) =>
    withConnections({}, async () => {
      configure({ cache: { store } })
      return make()(n)
    })
  expect(await elsewhere(7)).toEqual({ n: 7, call: 2, at: new Date(0) })
  expect(await elsewhere(7)).toEqual({ n: 7, call: 2, at: new Date(0) })
  await withConnections({}, async () => {
    configure({ cache: { store } })
    await make().clear(7)
  })
  expect(await elsewhere(7)).toMatchObject({ call: 3 })
})

/** A program that queries through a store in Redis, in a process of its own. */
async function runProgram(url: string) {
  const project = useProject({ ".mooring/secrets.toml": pets })
  const script = project.write(
    "program.ts",
    `import { configure, connection, redisStore } from ${JSON.stringify(indexFile)}
configure({ cache: { store: redisStore({ url: process.env.REDIS }), ttl: "1h" } })
const db = await connection("pets", { type: "sql" })
await db.execute("create table owners (name text)")
for (let at = 0; at < 10; at++) console.log(await db.scalar("select count(*) from owners"))`,
  )
  const { dir: cwd } = project
  const nodeOptions = ["--experimental-strip-types"]
  return runScript(script, { cwd, nodeOptions, env: { REDIS: url }, timeoutMs: 60_000 })
}

test("R26 a server that is down is one warning of the process, with what to do and without the password", async () => {
  const { code, stdout, stderr } = await runProgram(`redis://ada:canary@127.0.0.1:${await freePort()}`)
  expect({ code, stdout }).toEqual({ code: 0, stdout: "0\n".repeat(10) })
  expect(stderr.match(/MooringWarning/g)).toHaveLength(1)
  expect(stderr).toMatch(/The cache at redis:\/\/127\.0\.0\.1:\d+ could not be used: .*ECONNREFUSED/)
  expect(stderr).not.toContain("canary")
}, 60_000)

test("R27 a program that used a server ends by itself, also when the server says nothing", async () => {
  const [server, silent] = [await newRedis(), await newRedis()]
  await silent.kill("SIGSTOP")
  for (const { url } of [server, silent]) {
    expect(await runProgram(url)).toMatchObject({ code: 0, stdout: "0\n".repeat(10) })
  }
  await silent.kill("SIGCONT")
}, 120_000)
