import type { Client } from "pg"
import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { useProject } from "../../support/project.ts"
import { until } from "../../support/waiting.ts"
import { failure, onServer } from "./support.ts"

/** A connection of one session, and another one beside it. */
async function pair(): Promise<{ pets: SQLConnection; other: SQLConnection }> {
  useProject()
  const address = await newPostgresDatabase()
  const one = { type: "sql", dialect: postgres, ...address, pool_size: 1, max_overflow: 0 }
  return { pets: await connection<SQLConnection>("pets", one), other: await connection<SQLConnection>("other", one) }
}

const others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"

/** Resolves once the server has no session of the database but the asking one, and this process has heard of it. */
async function alone(other: SQLConnection): Promise<void> {
  await until(async () => (await other.scalar(`select count(*) ${others}`, { fresh: true })) === 0)
  await new Promise((resolve) => setImmediate(resolve))
}

const reasons = [
  ["idle_in_transaction_session_timeout", "25P03"],
  ["pg_terminate_backend", "57P01"],
] as const

onServer(
  "a session that the server ended while nothing ran: the error has its reason, and nothing was run",
  async () => {
    for (const [name, sqlState] of reasons) {
      for (const last of ["statement", "commit", "savepoint", "stream"]) {
        const { pets, other } = await pair()
        const error = await failure(
          pets.transaction(async (tx) => {
            if (sqlState === "25P03") await tx.execute("set local idle_in_transaction_session_timeout = '10ms'")
            else await tx.execute("select 1")
            if (sqlState === "57P01") await other.query(`select pg_terminate_backend(pid) ${others}`)
            await alone(other)
            if (last === "statement") await tx.execute("create table never (i int)")
            if (last === "savepoint") await tx.transaction((inner) => inner.execute("select 1"))
            if (last === "stream") for await (const _ of tx.stream("select 1"));
          }),
        )
        expect(error, `${name}, ${last}`).toMatchObject({
          code: "QUERY",
          kind: "connection",
          outcome: "notRun",
          sqlState,
        })
        expect(await pets.scalar("select to_regclass('never')::text")).toBe(null)
      }
    }
  },
)

onServer("a caller who swallowed an error is told what can be done where he is", async () => {
  const { pets } = await pair()
  const swallow = async (tx: { execute(sql: string): Promise<unknown> }) => {
    await tx.execute("select 1 / 0").catch(() => undefined)
  }
  const later = await failure(
    pets.transaction(async (tx) => {
      await swallow(tx)
      await tx.execute("select 1")
    }),
  )
  const atCommit = await failure(pets.transaction(swallow))
  for (const error of [later, atCommit]) {
    expect(error).toMatchObject({ code: "SESSION_STATE", hint: expect.stringContaining("leave the callback") })
    expect(error.hint).not.toContain("rollback()")
  }
  await using session = pets.session
  await swallow(session)
  expect(await failure(session.execute("select 1"))).toMatchObject({ hint: "Call rollback() to begin anew." })
})

onServer("what connect() lends keeps the process alive until it is given back, and leaves nothing", async () => {
  const { pets } = await pair()
  await pets.execute("create table kept (i int)")
  const free = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
  for (let round = 0; round < 2; round++) {
    await using borrowed = await pets.connect()
    const raw = borrowed.raw as Client
    const held = () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length
    const before = held()
    expect(before).toBeGreaterThan(free)
    raw.on("notification", () => undefined)
    // The same name each time, and another text.
    const { rows } = await raw.query({ name: "mine", text: `select ${round} as n, $1::int as p`, values: [round] })
    expect(rows).toEqual([{ n: round, p: round }])
    expect(raw.listenerCount("notification")).toBe(1)
    await raw.query("listen news")
    await raw.query("prepare p as select 1")
    expect(held()).toBe(before)
  }
  expect(await pets.scalar("select count(*) from pg_prepared_statements where name in ('p', 'mine')")).toBe(0)
  expect(await pets.scalar("select count(*) from pg_listening_channels()")).toBe(0)
})
