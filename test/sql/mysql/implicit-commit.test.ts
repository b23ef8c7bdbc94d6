import { expect, onTestFinished } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { onServer } from "./support.ts"

async function database(): Promise<SQLConnection> {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { type: "sql", dialect: "mysql", username, ...address, pool_size: 1, max_overflow: 0 } as const
  const pets = (await connection("committed", options)) as SQLConnection
  onTestFinished(() => pets.close())
  await pets.execute("create table pets (name varchar(9) unique)")
  return pets
}

const names = async (pets: SQLConnection) =>
  (await pets.query<{ name: string }>("select name from pets order by name")).toArray().map(({ name }) => name)

onServer("after DDL the rest of a transaction is a transaction again", async () => {
  const pets = await database()
  for (const ddl of [
    "create table more (i int)",
    "truncate table more",
    "create table more (i int)",
    "drop table more",
  ]) {
    const work = pets.transaction(async (tx) => {
      await tx.execute("insert into pets values ('kept')")
      // The third one fails, and has committed all the same.
      await tx.execute(ddl).catch((error) => expect(error).toMatchObject({ driverCode: 1050 }))
      await tx.execute("insert into pets values ('undone')")
      throw new Error("undo it")
    })
    await expect(work, ddl).rejects.toThrow("undo it")
    expect(await names(pets), ddl).toEqual(["kept"])
    await pets.execute("delete from pets")
  }
})

onServer("so it is in a session, in a savepoint and for several sets of values", async () => {
  const pets = await database()
  {
    await using session = pets.session
    await session.execute("create table more (i int)")
    await session.execute("insert into pets values ('undone')")
    await session.rollback()
    await session.execute("insert into pets values ('kept')")
    await session.commit()
  }
  expect(await names(pets)).toEqual(["kept"])
  await pets.transaction(async (tx) => {
    const inner = tx.transaction(async (nested) => {
      await nested.execute("truncate table more")
      await nested.execute("insert into pets values ('inner')")
      throw new Error("undo it")
    })
    await expect(inner).rejects.toThrow("undo it")
    await tx.transaction(async (nested) => nested.execute("truncate table more"))
    await tx.execute("insert into pets values ('outer')")
  })
  expect(await names(pets)).toEqual(["kept", "outer"])
  {
    await using session = pets.session
    await session.execute("commit")
    await session.execute("insert into pets values (:name)", [{ name: "a" }, { name: "b" }])
  }
  expect(await names(pets)).toEqual(["kept", "outer"])
})

onServer("connect() hands out a fresh and writable session, whatever it served before", async () => {
  const pets = await database()
  const before = ["select 1", "select @mine := 3", "select get_lock('raw', 0)"]
  for (const text of before) {
    await pets.query(text)
    await using borrowed = await pets.connect()
    const raw = (borrowed.raw as { promise(): { query(sql: string): Promise<[unknown]> } }).promise()
    await raw.query(`insert into pets values ('${text.length}')`)
    const [rows] = await raw.query("select @mine as mine, is_used_lock('raw') as locked, @@time_zone as zone")
    expect(rows).toEqual([{ mine: null, locked: null, zone: "+00:00" }])
  }
})
