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

/** As SQLAlchemy's AUTOCOMMIT: what was run stays, and `commit()` and `rollback()` do nothing. */
async function keepsRows(options: Record<string, unknown>): Promise<void> {
  const own = await opened("autocommit", options)
  await own.execute("create table kept (i int)")
  {
    await using session = own.session
    await session.execute("insert into kept values (1)")
    await session.rollback()
    await session.execute("insert into kept values (2)")
    await session.commit()
  }
  expect(Number(await own.scalar("select count(*) from kept"))).toBe(2)
  await own.execute("drop table kept")
  await own.close()
  const strict = await opened("strict", { ...options, autocommit: true })
  await expect(strict.session.commit()).rejects.toMatchObject({ code: "SESSION_STATE" })
  await strict.close()
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
    expect(await made.scalar(level)).toBe("serializable")
    expect((await made.execute(level)).rows?.toArray()).toEqual([{ current_setting: "serializable" }])
    for await (const batch of made.stream(level)) expect(batch.toArray()).toEqual([{ current_setting: "serializable" }])
    // Also after a session that was made fresh, and for the driver's own connection.
    await made.execute("select set_config('default_transaction_isolation', 'read committed', false)")
    expect(await made.scalar(level)).toBe("serializable")
    expect(await made.transaction((tx) => tx.scalar(level), { isolation: "repeatable read" })).toBe("repeatable read")
    await made.close()
  }
  await keepsRows({ ...address, create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
})

testWith("mariadb")("so it is on MySQL", async () => {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { dialect: "mysql", username, ...address }
  await keepsRows({ ...options, create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
  await keepsRows({ ...options, create_engine_kwargs: { connect_args: { autocommit: true } } })
  await keepsRows({ ...options, query: { autocommit: "1" } })

  const made = await opened("level", { ...options, create_engine_kwargs: { isolation_level: "READ_COMMITTED" } })
  const level = "select @@tx_isolation as level"
  const writable = { readOnly: false }
  expect([await made.scalar(level), await made.scalar(level, writable)]).toEqual(["READ-COMMITTED", "READ-COMMITTED"])
  expect((await made.execute(level)).rows?.toArray()).toEqual([{ level: "READ-COMMITTED" }])
  for await (const batch of made.stream(level)) expect(batch.toArray()).toEqual([{ level: "READ-COMMITTED" }])
  await made.execute("set session transaction isolation level serializable")
  expect(await made.scalar(level, writable)).toBe("READ-COMMITTED")
})

test("on SQLite AUTOCOMMIT keeps rows, and what is no level is an error", async () => {
  await keepsRows({ url: "sqlite://", create_engine_kwargs: { isolation_level: "AUTOCOMMIT" } })
  const wrong = opened("wrong", { url: "sqlite://", create_engine_kwargs: { isolation_level: "STRONG" } })
  await expect(wrong).rejects.toMatchObject({ code: "BAD_CONFIG", hint: expect.stringContaining("SERIALIZABLE") })
})
