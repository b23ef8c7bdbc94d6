import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { newPgbouncer } from "../../support/pgbouncer-server.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { useProject } from "../../support/project.ts"
import { testWith } from "../../support/server-test.ts"
import { failure } from "./support.ts"

const test = testWith("postgresql", "pgbouncer")

/** A connection behind a pooler in transaction mode. */
async function pooled(options: Record<string, unknown> = {}): Promise<SQLConnection> {
  useProject()
  const { host, port, username, database } = await newPgbouncer(await newPostgresDatabase())
  const address = { host, port, username, database }
  return connection<SQLConnection>("pets", { type: "sql", dialect: postgres, ...address, ...options })
}

/** Eight callers at once, each with statements, transactions, streams and aborts. */
async function work(pets: SQLConnection): Promise<void> {
  const worker = async (start: number) => {
    for (let i = start; i < start + 40; i++) {
      expect(await pets.scalar("select :i::int as a", { params: { i }, fresh: true })).toBe(i)
      const { numRows } = await pets.query(i % 2 ? "select 1 as a, 'x' as b" : "select array[1, 2] as a", {
        fresh: true,
      })
      expect(numRows).toBe(1)
      await pets.transaction(async (tx) => {
        await tx.execute("create temporary table t on commit drop as select 1 as a")
        expect(await tx.scalar("select a from t")).toBe(1)
      })
      if (i % 10 > 0) continue
      let count = 0
      for await (const batch of pets.stream("select generate_series(1, 5000) as i", { batchRows: 1000 }))
        count += batch.numRows
      expect(count).toBe(5000)
      expect(await failure(pets.query("select pg_sleep(30)", { timeout: 0.1 }))).toMatchObject({ code: "TIMEOUT" })
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, i) => worker(i * 1000)))
}

test("behind a pooler in transaction mode, unnamed statements never fail", async () => {
  await work(await pooled({ prepared_statements: "unnamed", pool_size: 8 }))
}, 60_000)

test("without that setting, reads notice that statements get lost, and keep none from then on", async () => {
  const pets = await pooled({ pool_size: 8 })
  const read = async (i: number) => {
    for (let time = 0; time < 40; time++) {
      expect(await pets.scalar("select :i::int as a", { params: { i }, fresh: true })).toBe(i)
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, i) => read(i)))
}, 60_000)

test("callers wait where the pooler has no place for another client", async () => {
  useProject()
  const behind = await newPostgresDatabase()
  const { host, port, username, database } = await newPgbouncer(behind, { settings: { max_client_conn: 2 } })
  const pets = await connection<SQLConnection>("pets", {
    type: "sql",
    dialect: postgres,
    host,
    port,
    username,
    database,
  })
  const reads = Array.from({ length: 6 }, (_, i) =>
    pets.scalar("select :i::int from pg_sleep(0.02)", { params: { i } }),
  )
  expect(await Promise.all(reads)).toEqual([0, 1, 2, 3, 4, 5])
})

test("each pooler's refusal waits, with a hint about the pool", async () => {
  const refusals = [
    ["08P01", "no more connections allowed (max_client_conn)"],
    ["XX000", "Max client connections reached"],
    ["XX000", "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size"],
    ["53300", "too many connections for role"],
  ] as const
  for (const [code, message] of refusals) {
    const failed = postgres.classify(Object.assign(new Error(message), { code, severity: "FATAL" }))
    expect(failed).toMatchObject({ action: "wait", kind: "connection" })
    expect(failed.hint).toMatch(/pool_size/)
  }
})
