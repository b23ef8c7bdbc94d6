import { once } from "node:events"
import type { Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { asMariaDBAdmin, newMariaDBDatabase, newMariaDBUser } from "../../support/mariadb-database.ts"
import { useProject } from "../../support/project.ts"
import { rawServer } from "../../support/raw-server.ts"
import { failure, onServer } from "./support.ts"

async function database(more: Record<string, unknown> = {}): Promise<SQLConnection> {
  const { username, ...address } = await newMariaDBDatabase()
  const pets = await connection("failing", { type: "sql", dialect: "mysql", username, ...address, ...more })
  onTestFinished(() => pets.close())
  return pets as SQLConnection
}

/** What a replica answers to a write. */
const refusals = [
  [1290, "The MariaDB server is running with the --read-only option so it cannot execute this statement"],
  [1836, "Running in read-only mode"],
] as const

onServer("a connection whose server accepts no writes is not used again", async () => {
  const pets = await database({ pool_size: 1, max_overflow: 0 })
  const id = () => pets.scalar<bigint>("select connection_id()")
  for (const [number, message] of refusals) {
    const refused = `begin not atomic signal sqlstate 'HY000' set mysql_errno = ${number}, message_text = '${message}'; end`
    const before = await id()
    const told = { code: "QUERY", kind: "readOnly", driverCode: number, outcome: "failed", hint: /accepts no writes/ }
    const { hint, ...rest } = told
    const error = await failure(pets.execute(refused))
    expect(error).toMatchObject(rest)
    expect(error.hint).toMatch(hint)
    const after = await id()
    expect(after).not.toBe(before)
    expect(await failure(pets.transaction((tx) => tx.execute(refused)))).toMatchObject(rest)
    expect(await id()).not.toBe(after)
  }
})

onServer("connections that were idle when a server refused a write are replaced as well", async () => {
  const pets = await database({ pool_size: 3, max_overflow: 0 })
  const ids = async () => {
    const sessions = Array.from({ length: 3 }, () => pets.session)
    const found = await Promise.all(sessions.map((session) => session.scalar<bigint>("select connection_id()")))
    await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()))
    return found
  }
  const before = await ids()
  expect(await ids()).toEqual(expect.arrayContaining(before))
  const [[number, message]] = refusals
  const refused = `begin not atomic signal sqlstate 'HY000' set mysql_errno = ${number}, message_text = '${message}'; end`
  expect(await failure(pets.execute(refused))).toMatchObject({ kind: "readOnly" })
  const after = await ids()
  expect(after.filter((id) => before.includes(id))).toEqual([])
  expect(await ids()).toEqual(expect.arrayContaining(after))
})

test("a session that the server ended while nothing ran: the error has its reason, and nothing was run", async () => {
  useProject()
  const packet = (number: number, body: Buffer) => Buffer.concat([Buffer.from([body.length, 0, 0, number]), body])
  const greeting =
    "\n8.0.30\0\x01\0\0\x0012345678\0\x0f\xa2\xff\x02\0\x0b\0\x15" +
    "\0".repeat(10) +
    "123456789012\0mysql_native_password\0"
  const ok = (status: number) => Buffer.from([0, 0, 0, status, 0, 0, 0])
  const reason = Buffer.from(
    "\xff\xbf\x0f#HY000The client was disconnected by the server because of inactivity.",
    "latin1",
  )
  const heard: string[] = []
  const sockets: Socket[] = []
  const port = await rawServer((socket) => {
    let isIn = false
    let status = 2
    sockets.push(socket)
    socket.write(packet(0, Buffer.from(greeting, "latin1")))
    socket.on("data", (data) => {
      heard.push(data.toString("latin1"))
      // A transaction is open.
      if (data.includes("BEGIN")) status = 3
      socket.write(packet(isIn ? 1 : 2, ok(status)))
      isIn = true
    })
  })
  const url = `mysql://pets:word@127.0.0.1:${port}/pets?ssl_mode=DISABLED`
  const pets = await connection<SQLConnection>("pets", { type: "sql", url })
  onTestFinished(() => pets.close())
  const error = await failure(
    pets.transaction(async (tx) => {
      await tx.execute("set @a = 1")
      const [socket] = sockets as [Socket]
      const isOver = once(socket, "close")
      socket.end(packet(0, reason))
      await isOver
      await tx.execute("set @a = 2")
    }),
  )
  expect(heard.join()).not.toContain("set @a = 2")
  expect(error).toMatchObject({ kind: "connection", outcome: "notRun", driverCode: 4031 })
  expect(error.hint).toContain("wait_timeout")
})

onServer("a server that may not write for another reason is what it was", async () => {
  const pets = await database({ pool_size: 1, max_overflow: 0 })
  const before = await pets.scalar("select connection_id()")
  const message = "The MariaDB server is running with the --secure-file-priv option so it cannot execute this statement"
  const refused = `begin not atomic signal sqlstate 'HY000' set mysql_errno = 1290, message_text = '${message}'; end`
  expect(await failure(pets.execute(refused))).toMatchObject({ kind: "permission", driverCode: 1290 })
  expect(await pets.scalar("select connection_id()")).toBe(before)
})

onServer("callers wait where the user may have no more connections", async () => {
  const owner = await newMariaDBDatabase()
  const user = await newMariaDBUser(owner.database, "word")
  await asMariaDBAdmin(`alter user ${user.username}@'%' with max_user_connections 2`)
  const pets = await connection("limited", { type: "sql", dialect: "mysql", ...owner, ...user })
  onTestFinished(() => pets.close())
  const reads = Array.from({ length: 6 }, (_, i) =>
    (pets as SQLConnection).scalar(`select ${i} + 0 * sleep(0.02) as a`),
  )
  expect(await Promise.all(reads)).toEqual([0, 1, 2, 3, 4, 5])
})

onServer("a user's limit on connections waits, one on statements in an hour does not", async () => {
  const limit = (errno: number, resource: string) =>
    mysql.classify(
      Object.assign(new Error(`User 'a' has exceeded the '${resource}' resource (current value: 2)`), {
        errno,
        sqlState: "42000",
      }),
    )
  expect(limit(1226, "max_user_connections")).toMatchObject({ action: "wait", kind: "connection" })
  expect(limit(1203, "max_user_connections")).toMatchObject({ action: "wait", kind: "connection" })
  expect(limit(1203, "max_user_connections").hint).toMatch(/pool_size/)
  expect(limit(1226, "max_queries_per_hour")).toMatchObject({ action: "fatal" })
})
