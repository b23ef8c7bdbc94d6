import { expect, onTestFinished, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import { newMariaDBDatabase } from "../support/mariadb-database.ts"
import { newPostgresDatabase } from "../support/postgres-database.ts"
import { testWith } from "../support/server-test.ts"

async function opened(name: string, options: Record<string, unknown>): Promise<SQLConnection> {
  const made = (await connection(name, { type: "sql", ...options } as never)) as SQLConnection
  onTestFinished(() => made.close())
  return made
}

testWith("postgresql")("create_engine_kwargs.isolation_level is the level of transactions", async () => {
  const { host, port, username, database } = await newPostgresDatabase()
  const address = { dialect: "postgresql", host, port, username, database }
  const level = "select current_setting('transaction_isolation')"
  for (const kwargs of [
    { isolation_level: "SERIALIZABLE" },
    { isolation_level: "READ COMMITTED", execution_options: { isolation_level: "SERIALIZABLE" } },
  ]) {
    const made = await opened("level", { ...address, create_engine_kwargs: kwargs })
    expect(await made.transaction((tx) => tx.scalar(level))).toBe("serializable")
    expect(await made.transaction((tx) => tx.scalar(level), { isolation: "repeatable read" })).toBe("repeatable read")
    await made.close()
  }
  const own = await opened("autocommit", { ...address, create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
  await own.execute("create table kept (i int)")
  {
    await using session = own.session
    await session.execute("insert into kept values (1)")
  }
  expect(Number(await own.scalar("select count(*) from kept"))).toBe(1)
})

testWith("mariadb")("so it is on MySQL", async () => {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { dialect: "mysql", username, ...address }
  const own = await opened("autocommit", { ...options, create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
  await own.execute("create table kept (i int)")
  {
    await using session = own.session
    await session.execute("insert into kept values (1)")
  }
  expect(Number(await own.scalar("select count(*) from kept"))).toBe(1)
})

test("on SQLite AUTOCOMMIT keeps rows, and what is no level is an error", async () => {
  const own = await opened("memory", { url: "sqlite://", create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
  await own.execute("create table kept (i int)")
  {
    await using session = own.session
    await session.execute("insert into kept values (1)")
  }
  expect(Number(await own.scalar("select count(*) from kept"))).toBe(1)
  const wrong = opened("wrong", { url: "sqlite://", create_engine_kwargs: { isolation_level: "STRONG" } })
  await expect(wrong).rejects.toMatchObject({ code: "BAD_CONFIG", hint: expect.stringContaining("SERIALIZABLE") })
})
