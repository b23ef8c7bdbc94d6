import { expect, onTestFinished } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { failure, onServer } from "./support.ts"

async function opened(more: Record<string, unknown>): Promise<SQLConnection> {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { type: "sql", dialect: "mysql", username, ...address, pool_size: 1, max_overflow: 0, ...more }
  const pets = await connection<SQLConnection>("pets", options)
  onTestFinished(() => pets.close())
  return pets
}

const writable = { readOnly: false }

onServer("init_command holds for every statement, also in a session that was made fresh", async () => {
  const init_command = "set @greeting = 'hello', time_zone = '+02:00', sql_mode = 'ANSI_QUOTES'"
  for (const more of [
    { init_command },
    { query: { init_command } },
    { create_engine_kwargs: { connect_args: { init_command } } },
  ]) {
    const pets = await opened(more)
    const text = `select @greeting as "greeting", @@time_zone as zone, timestamp '2026-07-01 12:00:00' as t`
    const expected = [{ greeting: "hello", zone: "+02:00", t: new Date("2026-07-01T10:00:00Z") }]
    expect((await pets.query(text)).toArray()).toEqual(expected)
    expect((await pets.query(text, writable)).toArray()).toEqual(expected)
    expect((await pets.execute(text)).rows?.toArray()).toEqual(expected)
    expect((await pets.transaction((tx) => tx.query(text))).toArray()).toEqual(expected)
    await pets.execute("set @greeting = 'bye', time_zone = '+05:00', sql_mode = ''")
    expect((await pets.query(text)).toArray()).toEqual(expected)
    const at = new Date("2026-07-01T10:00:00Z")
    expect(await pets.scalar("select cast(? as char)", { params: [at] })).toContain("2026-07-01 12:00:00")
    await pets.close()
  }
})

onServer("text stays UTF-8 and a statement its own transaction, whatever an init_command sets", async () => {
  for (const init_command of ["set names latin1", "set autocommit = 0", "SET NAMES utf8mb4 COLLATE utf8mb4_bin"]) {
    const pets = await opened({ init_command })
    await pets.execute("create table names (name varchar(20) character set utf8mb4)")
    await pets.execute("insert into names values (:name)", { name: "Zoë" })
    await using session = pets.session
    expect(await session.scalar("select name from names where name = 'Zoë'")).toBe("Zoë")
  }
  const pets = await opened({ init_command: "set names utf8mb4 collate utf8mb4_bin" })
  expect(await pets.scalar("select 'a' = 'A'")).toBe(0)
})

onServer("an init_command may make the session read-only, and may write", async () => {
  const reader = await opened({ init_command: "set session transaction read only" })
  await reader.scalar("select 1")
  expect(await failure(reader.execute("create table never (i int)"))).toMatchObject({ driverCode: 1792 })
  await reader.scalar("select 1")
  expect(await failure(reader.execute("create table never (i int)"))).toMatchObject({ driverCode: 1792 })

  const { username, ...address } = await newMariaDBDatabase()
  const own = { type: "sql", dialect: "mysql", username, ...address, pool_size: 1, max_overflow: 0 }
  const admin = await connection<SQLConnection>("admin", own)
  onTestFinished(() => admin.close())
  await admin.execute("create table logins (at datetime)")
  const writer = await connection<SQLConnection>("writer", {
    ...own,
    init_command: "insert into logins values (now())",
  })
  onTestFinished(() => writer.close())
  // A query by a function that is not known leaves the session to be made fresh.
  await writer.execute("create function three() returns int return 3")
  for (let i = 0; i < 3; i++) expect(await writer.scalar("select three() + :i", { params: { i } })).toBe(3 + i)
  expect(Number(await admin.scalar("select count(*) from logins"))).toBeGreaterThan(1)
})

onServer("a wrong init_command fails the connect, with its name", async () => {
  const error = await failure(opened({ init_command: "selec 1" }))
  expect(error).toMatchObject({ code: "CONNECT", hint: expect.stringContaining("init_command") })
})
