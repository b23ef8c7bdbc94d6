import { expect, test } from "vitest"
import { execute, memory, query } from "./support.ts"

test("reads rows into a table", async () => {
  const connection = await memory()
  const { table, rowCount } = await query(connection, "select i::int as id, 'name ' || i as name from range(3) t(i)")
  expect(rowCount).toBe(3)
  expect(table.toArray()).toEqual([
    { id: 0, name: "name 0" },
    { id: 1, name: "name 1" },
    { id: 2, name: "name 2" },
  ])
})

test("an empty result has its columns and types", async () => {
  const connection = await memory()
  const { table } = await query(connection, "select 1::tinyint as a, 'x' as b where false")
  expect(table.numRows).toBe(0)
  expect(table.names).toEqual(["a", "b"])
})

test("counts the rows that a statement changes", async () => {
  const connection = await memory()
  expect((await execute(connection, "create table pets (id int, name varchar)")).rowCount).toBe(0)
  const inserted = await execute(connection, "insert into pets select i, 'pet ' || i from range(5) t(i)")
  expect(inserted.rowCount).toBe(5)
  expect(inserted.table.numCols).toBe(0)
  expect((await execute(connection, "update pets set name = 'x' where id < $1", 2)).rowCount).toBe(2)
  const deleted = await execute(connection, "delete from pets where id = 4 returning id, name")
  expect(deleted.rowCount).toBe(1)
  expect(deleted.table.toArray()).toEqual([{ id: 4, name: "pet 4" }])
  expect(deleted.lastInsertId).toBeUndefined()
})
