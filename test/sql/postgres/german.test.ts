import type { Client } from "pg"
import { afterAll, beforeAll, expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { type PostgresServer, startPostgres, stopPostgres } from "../../support/postgres-server.ts"
import { useProject } from "../../support/project.ts"
import { unavailable } from "../../support/requirements.ts"
import { testWith } from "../../support/server-test.ts"
import { until } from "../../support/waiting.ts"
import { failure } from "./support.ts"

// A server's texts depend on lc_messages: nothing may be decided by them.
const inGerman = testWith("postgresql", "german")

let server: PostgresServer

beforeAll(async () => {
  if (unavailable("german") === undefined) server = await startPostgres({ language: "de_DE" })
}, 120_000)

afterAll(async () => {
  if (server) await stopPostgres(server.folder)
})

let made = 0

/** A connection of one session. */
function open(name: string, more: object = {}): Promise<SQLConnection> {
  const { host, port, user: username, database } = server
  const options = { type: "sql", dialect: "postgresql", host, port, username, database, pool_size: 1, max_overflow: 0 }
  return connection<SQLConnection>(name, { ...options, ...more })
}

/** Two connections, and the name of a table of the test's own. */
async function start(): Promise<{ pets: SQLConnection; other: SQLConnection; table: string }> {
  useProject()
  return { pets: await open("pets"), other: await open("other"), table: `tiere_${++made}` }
}

inGerman("the server speaks German", async () => {
  const { pets } = await start()
  const error = await failure(pets.query("select * from nirgends"))
  expect(error.message).toContain("Relation »nirgends« existiert nicht")
  expect(error).toMatchObject({
    kind: "missing",
    sqlState: "42P01",
    hint: expect.stringContaining("Line 1, column 15"),
  })
})

inGerman("prepared statements that a change outdated are prepared anew", async () => {
  const { pets, other, table } = await start()
  await other.execute(`create table ${table} (a int)`)
  const ask = async () => (await pets.query(`select * from ${table}`)).names
  for (let i = 0; i < 3; i++) expect(await ask()).toEqual(["a"])
  await other.execute(`alter table ${table} add column b int`)
  for (let i = 0; i < 3; i++) expect(await ask()).toEqual(["a", "b"])
  let runs = 0
  const names = await pets.transaction(async (tx) => {
    if (++runs === 1) await other.execute(`alter table ${table} add column c int`)
    return (await tx.query(`select * from ${table}`)).names
  })
  expect(names).toEqual(["a", "b", "c"])
  expect(runs).toBe(2)
})

inGerman("prepared statements that the session lost are prepared anew", async () => {
  const { pets } = await start()
  for (let i = 0; i < 3; i++) await pets.query("select 1 as n")
  await using borrowed = await pets.connect()
  await (borrowed.raw as Client).query("deallocate all")
  await borrowed[Symbol.asyncDispose]()
  expect(await pets.scalar("select 1 as n", { fresh: true })).toBe(1)
})

inGerman("parameters get their types, and errors their hints", async () => {
  const { pets, table } = await start()
  await pets.execute(`create table ${table} (n int)`)
  expect(await pets.scalar("select :a is null", { params: { a: 1 } })).toBe(false)
  const grouped = `select n + :a as m from ${table} group by n + :a`
  expect((await pets.query(grouped, { params: { a: 1 } })).numRows).toBe(0)
  const several = await failure(pets.query("select 1; select 2"))
  expect(several).toMatchObject({ sqlState: "42601", hint: expect.stringContaining("Give one statement at a time.") })
  const secret = await failure(pets.query("select :a::int", { params: { a: "Geheimnis" } }))
  expect(secret).toMatchObject({ kind: "value", sqlState: "22P02" })
  expect(`${secret.message} ${secret.stack} ${secret.hint}`).not.toContain("Geheimnis")
})

inGerman("what a constraint is about is known", async () => {
  const { pets, table } = await start()
  await pets.execute(`create table ${table} (name text not null constraint ${table}_key unique)`)
  await pets.execute(`insert into ${table} values ('Ada')`)
  const about = { constraint: `${table}_key`, schema: "public", table }
  const twice = await failure(pets.execute(`insert into ${table} values ('Ada')`))
  expect(twice).toMatchObject({ kind: "unique", ...about, detail: "Schlüssel »(name)=(Ada)« existiert bereits." })
  const none = await failure(pets.execute(`insert into ${table} values (null)`))
  expect(none).toMatchObject({ kind: "notNull", schema: "public", table, column: "name" })
})

inGerman("what changes something is refused by query(), and by transactions that only read", async () => {
  const { pets, table } = await start()
  await pets.execute(`create table ${table} (n int)`)
  await pets.execute(
    `create function ${table}_add() returns int language sql as 'insert into ${table} values (1) returning n'`,
  )
  for (const text of [`insert into ${table} values (1) returning n`, `delete from ${table}`, `select ${table}_add()`]) {
    expect(await failure(pets.query(text)), text).toMatchObject({
      code: "READ_ONLY",
      hint: expect.stringMatching(/execute\(\)/),
    })
  }
  const inside = pets.transaction((tx) => tx.execute(`delete from ${table}`), { readOnly: true })
  expect(await failure(inside)).toMatchObject({ sqlState: "25006", code: "QUERY" })
  expect(await pets.scalar(`select count(*) from ${table}`)).toBe(0)
})

inGerman("a statement is cancelled, and its session goes on", async () => {
  const { pets, other } = await start()
  const id = await pets.scalar<number>("select pg_backend_pid()")
  const controller = new AbortController()
  const sleeping = failure(pets.query("select pg_sleep(60)", { signal: controller.signal }))
  const running = "select state = 'active' and query like '%pg_sleep%' from pg_stat_activity where pid = :id"
  await until(async () => (await other.scalar(running, { params: { id }, fresh: true })) === true)
  controller.abort()
  expect((await sleeping).name).toBe("AbortError")
  expect(await pets.scalar("select pg_backend_pid()", { fresh: true })).toBe(id)
  const late = await failure(
    pets.transaction(async (tx) => {
      await tx.execute("set local statement_timeout = 10")
      await tx.execute("select pg_sleep(60)")
    }),
  )
  expect(late).toMatchObject({ kind: "interrupted", sqlState: "57014" })
})

inGerman("a session that the server ended is known by its reason", async () => {
  const { pets, other } = await start()
  const sessions = "from pg_stat_activity where pid = :id"
  for (const sqlState of ["25P03", "57P01"]) {
    const work = pets.transaction(async (tx) => {
      const id = await tx.scalar<number>("select pg_backend_pid()")
      if (sqlState === "25P03") await tx.execute("set local idle_in_transaction_session_timeout = 10")
      else await other.query(`select pg_terminate_backend(pid) ${sessions}`, { params: { id } })
      await until(
        async () => (await other.scalar(`select count(*) ${sessions}`, { params: { id }, fresh: true })) === 0,
      )
      await new Promise((resolve) => setImmediate(resolve))
      await tx.execute("select 1")
    })
    expect(await failure(work)).toMatchObject({ kind: "connection", outcome: "notRun", sqlState })
  }
  // Readers do not notice it.
  const id = await pets.scalar<number>("select pg_backend_pid()", { fresh: true })
  await other.query(`select pg_terminate_backend(pid) ${sessions}`, { params: { id } })
  expect(await pets.scalar("select 1", { fresh: true })).toBe(1)
})

inGerman("what is wrong with a login is known", async () => {
  const { pets } = await start()
  await pets.execute("create role scram login password 'richtig'")
  await pets.execute("create role tls_only login")
  const logins: [more: object, error: object][] = [
    [
      { username: "scram", password: "falsch" },
      { code: "CONNECT", hint: "Check username and password." },
    ],
    [{ username: "scram" }, { code: "CONNECT", hint: "None is configured: set password." }],
    [{ database: "nirgends" }, { code: "CONNECT", hint: "Check the database's name." }],
    [{ username: "niemand" }, { code: "CONNECT", hint: expect.stringContaining("pg_hba.conf") }],
    [
      { username: "tls_only", sslmode: "disable" },
      { code: "CONNECT", hint: expect.stringContaining("pg_hba.conf") },
    ],
  ]
  for (const [i, [more, error]] of logins.entries()) {
    const refused = await open(`refused_${i}`, more).then(
      (db) => failure(db.query("select 1")),
      (reason) => reason,
    )
    expect(refused, JSON.stringify(more)).toMatchObject(error)
  }
  if (server.authority === undefined) return
  // Where the server refuses a link without TLS, the next attempt has it.
  const safe = await open("safe", { username: "tls_only", sslmode: "allow" })
  expect(await safe.scalar("select ssl from pg_stat_ssl where pid = pg_backend_pid()")).toBe(true)
})
