import type { Client } from "pg"
import { afterAll, beforeAll, expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { type PostgresPair, startPostgresPair } from "../../support/postgres-standby.ts"
import { useProject } from "../../support/project.ts"
import { until } from "../../support/waiting.ts"
import { failure, onServer } from "./support.ts"

let pair: PostgresPair

beforeAll(async () => {
  pair = await startPostgresPair()
}, 120_000)

afterAll(() => pair?.stop())

function open(name: string, port: number, more: object = {}): Promise<SQLConnection> {
  const options = { dialect: "postgresql", host: "127.0.0.1", username: "postgres", database: "postgres", port }
  return connection<SQLConnection>(name, { type: "sql", ...options, ...more })
}

/** Resolves once the standby has what the primary has by now. */
async function caughtUp(primary: SQLConnection, standby: SQLConnection): Promise<void> {
  const place = await primary.scalar<string>("select pg_current_wal_lsn()::text", { fresh: true })
  const reached = "select pg_last_wal_replay_lsn() >= :place::pg_lsn"
  await until(async () => (await standby.scalar(reached, { params: { place }, fresh: true })) === true)
}

onServer(
  "a read that recovery cancels on a standby is run again, and a bounded number of times",
  async () => {
    useProject()
    const primary = await open("primary", pair.primary.port)
    const standby = await open("standby", pair.standby.port)
    await primary.execute("create table kept as select g from generate_series(1, 200) g")
    await caughtUp(primary, standby)
    // Begins to read, and says so by its place in pg_stat_activity; afterwards rows that it may see are removed.
    const slow = "select count(*) as n, min(pg_sleep(0.05)::text) as s from kept"
    const isRunning =
      "select count(*) from pg_stat_activity where query like '%pg_sleep(0.05)%' and state = 'active' and pid <> pg_backend_pid()"
    // A second connection stands ready, so that it sees the read begin.
    await Promise.all([standby.scalar(isRunning, { fresh: true }), standby.scalar("select pg_sleep(0.1)")])
    const reading = standby.query<{ n: number }>(slow)
    await until(async () => (await standby.scalar<number>(isRunning, { fresh: true }))! > 0)
    await primary.execute("delete from kept where g > 50")
    await using borrowed = await primary.connect()
    await (borrowed.raw as Client).query("vacuum kept")
    expect((await reading).at(0)?.n).toBe(50)
  },
  60_000,
)

onServer("a write that a standby refuses is of the kind readOnly, and does not advise execute()", async () => {
  useProject()
  const standby = await open("standby", pair.standby.port)
  const error = await failure(standby.execute("create table never (i int)"))
  expect(error).toMatchObject({ code: "QUERY", kind: "readOnly", sqlState: "25006", outcome: "failed" })
  expect(error.hint).not.toContain("execute()")
})

onServer("after a failover, connections to a server that only reads now are not lent again", async () => {
  useProject()
  const admin = await open("admin", pair.primary.port)
  await admin.execute("create table fo (i int)")
  const pets = await open("pets", pair.primary.port, { pool_size: 1, max_overflow: 0 })
  const insert = () => pets.execute("insert into fo values (1)")
  const session = () => pets.scalar("select pg_backend_pid()", { fresh: true })
  const before = await session()
  await insert()
  expect(await session()).toBe(before)
  await using borrowed = await admin.connect()
  const run = (text: string) => (borrowed.raw as Client).query(text)
  await run("alter system set default_transaction_read_only = on")
  await run("select pg_reload_conf()")
  await until(async () => (await pets.scalar("show default_transaction_read_only", { fresh: true })) === "on")
  expect(await failure(insert())).toMatchObject({ kind: "readOnly", sqlState: "25006" })
  await run("set default_transaction_read_only = off")
  await run("alter system reset default_transaction_read_only")
  await run("select pg_reload_conf()")
  await insert()
  expect(await session()).not.toBe(before)
})
