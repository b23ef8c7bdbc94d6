import { expect } from "vitest"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { connect, onServer, reading, running } from "./support.ts"

onServer("a caller who leaves while the session becomes read-only leaves it to writers all the same", async () => {
  const { database } = await newMariaDBDatabase()
  const connection = await connect({ database })
  await connection.run({ text: "create table left_behind (n integer)", values: [] }, running)
  for (let i = 0; i < 60; i++) {
    const controller = new AbortController()
    const read = connection.run({ text: "select 1", values: [] }, { ...reading, signal: controller.signal })
    if (i % 3 === 0) setImmediate(() => controller.abort(new Error("left")))
    else setTimeout(() => controller.abort(new Error("left")), i % 3)
    await read.catch(() => undefined)
    await connection.run({ text: `insert into left_behind values (${i})`, values: [] }, running)
  }
  const { table } = await connection.run({ text: "select count(*) as n from left_behind", values: [] }, running)
  expect(table.toArray()).toEqual([{ n: 60 }])
})
