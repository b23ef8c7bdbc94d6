import * as kysely from "kysely"
import { expect, test } from "vitest"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { execute, memory, query } from "./support.ts"

test("Kysely compiles statements that this dialect runs", async () => {
  const parts = sqlite.kysely!(kysely)
  const db = new kysely.Kysely<{ pets: { id: number; name: string } }>({
    dialect: { ...parts, createDriver: () => new kysely.DummyDriver() },
  })
  const connection = await memory()
  const run = async (compiled: { sql: string; parameters: readonly unknown[] }) =>
    execute(connection, compiled.sql, ...compiled.parameters)
  await run(db.schema.createTable("pets").addColumn("id", "integer").addColumn("name", "text").compile())
  await run(db.insertInto("pets").values({ id: 1, name: "Ada" }).compile())
  const { sql, parameters } = db.selectFrom("pets").selectAll().where("name", "=", "Ada").compile()
  expect((await query(connection, sql, ...parameters)).table.toArray()).toEqual([{ id: 1, name: "Ada" }])
})
