/** What other tests take for granted about the servers that they are given. */
import { readFileSync } from "node:fs"
import { type ConnectionOptions, createConnection } from "mysql2/promise"
import { createClient } from "redis"
import { expect, onTestFinished } from "vitest"
import { answers } from "./daemon.ts"
import { asMariaDBAdmin, type MariaDBAddress, mariadbServer, newMariaDBDatabase } from "./mariadb-database.ts"
import { newRedis, redisServer } from "./redis-database.ts"
import { testWith } from "./server-test.ts"
import { failureOf } from "./waiting.ts"

const onMariaDB = testWith("mariadb")
const onRedis = testWith("redis")

async function mariadb({ username, ...address }: MariaDBAddress, more: ConnectionOptions = {}) {
  const client = await createConnection({ ...address, user: username, ...more })
  client.on("error", () => undefined)
  onTestFinished(() => client.destroy())
  const rows = async (text: string) => (await client.query(text))[0]
  return { rows, id: client.threadId }
}

onMariaDB("a user of MariaDB has a database of his own, and no files of the server", async () => {
  const address = await newMariaDBDatabase()
  const { rows } = await mariadb(address)
  expect(await rows("show tables")).toEqual([])
  await rows("create table pets (name varchar(20))")
  await rows(`create database ${address.database}_more`)
  await rows(`drop database ${address.database}_more`)
  const beyond = [
    "select 1 into outfile '/nowhere/pets.csv'",
    "create database pets",
    "select * from mysql.global_priv",
  ]
  for (const text of beyond) expect((await failureOf(rows(text))).message, text).toMatch(/denied/)
})

onMariaDB("MariaDB's users come in over its socket and over TLS, and not with a wrong password", async () => {
  const [address, { socket, authority }] = [await newMariaDBDatabase(), await mariadbServer()]
  const { rows } = await mariadb(address, { socketPath: socket })
  expect(await rows("select current_user() as name")).toEqual([{ name: "mooring@%" }])
  const wrong = failureOf(mariadb(address, { password: "wrong" }))
  expect(await wrong).toMatchObject({ code: "ER_ACCESS_DENIED_ERROR" })
  if (authority === undefined) return
  const safe = await mariadb(address, { host: "localhost", ssl: { ca: readFileSync(authority, "utf8") } })
  expect(await safe.rows("show status like 'Ssl_cipher'")).toMatchObject([{ Value: expect.stringMatching(/./) }])
})

onMariaDB("MariaDB's administrator ends the sessions of others", async () => {
  const { rows, id } = await mariadb(await newMariaDBDatabase())
  await asMariaDBAdmin(`kill ${id}`)
  expect(await failureOf(rows("select 1"))).toMatchObject({ fatal: true })
})

async function redis(options: Parameters<typeof createClient>[0]) {
  const client = createClient({ ...options, socket: { reconnectStrategy: false, ...options?.socket } as never })
  client.on("error", () => undefined)
  onTestFinished(() => client.destroy())
  await client.connect()
  return client
}

onRedis("a Redis of a test's own stops, freezes, dies and comes back on its port", async () => {
  const first = await newRedis()
  const client = await redis({ url: first.url })
  await client.set("pet", "owl")
  await first.kill("SIGSTOP")
  let answered = false
  const asked = client.get("pet").finally(() => (answered = true))
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(answered).toBe(false)
  await first.kill("SIGCONT")
  expect(await asked).toBe("owl")
  await first.stop()
  expect(await answers(first.port)).toBe(false)
  const second = await newRedis({ port: first.port })
  expect(await (await redis({ url: second.url })).get("pet")).toBe(null)
  expect(await failureOf(newRedis({ port: first.port }))).toMatchObject({
    message: expect.stringContaining(`port ${first.port} is another server's`),
  })
  await second.kill("SIGSTOP")
  await second.kill()
  expect(await answers(first.port)).toBe(false)
})

onRedis("a Redis of a test's own may want a password, TLS and settings", async () => {
  const { url, host, port, authority } = await newRedis({
    password: "a/b c",
    tls: true,
    args: ["--maxmemory", "3mb"],
  })
  const socket = { ca: readFileSync(authority!, "utf8") } as never
  const client = await redis({ url, socket })
  expect(await client.configGet("maxmemory")).toMatchObject({ maxmemory: "3145728" })
  const without = await failureOf(redis({ url: `rediss://${host}:${port}`, socket }).then((other) => other.get("pet")))
  expect(without.message).toMatch(/NOAUTH/)
  expect((await redisServer()).port).not.toBe(port)
})
