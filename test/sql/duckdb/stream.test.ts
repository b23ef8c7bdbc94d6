import { expect, test } from "vitest"
import type { RecordStream } from "../../../src/sql/dialect.ts"
import type { Table } from "../../../src/tables/index.ts"
import { connect, execute, failure, memory, never, open, query } from "./support.ts"

const reading = { signal: never, readOnly: true, batchRows: 1000 }
const many = "select i::int as i, 'row number ' || i as text from range(1000000) t(i)"

async function all(stream: RecordStream): Promise<Table[]> {
  const tables: Table[] = []
  for await (const table of stream) tables.push(table)
  return tables
}

test.each([1, 999, 2048, 5000, 100_000])("batches of %i rows", async (batchRows) => {
  const connection = await memory()
  const text = "select i::int as i, 'row number ' || i as text from range(10000) t(i)"
  const stream = await connection.stream({ text, values: [] }, { ...reading, batchRows })
  expect(stream.schema.fields.map((field) => field.name)).toEqual(["i", "text"])
  const tables = await all(stream)
  expect(tables.slice(0, -1).every((table) => table.numRows === batchRows)).toBe(true)
  expect(tables.flatMap((table) => table.column("i")!.toArray())).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
  expect(tables.at(-1)!.column("text")!.at(-1)).toBe("row number 9999")
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("an empty stream has a schema and no batches", async () => {
  const connection = await memory()
  const stream = await connection.stream({ text: "select 1 as x where $1", values: [false] }, reading)
  expect(stream.schema.fields).toHaveLength(1)
  expect(await all(stream)).toEqual([])
})

test("rows are made as they are taken", async () => {
  const connection = await memory()
  const text = "select i from range(1000000000000) t(i)"
  const stream = await connection.stream({ text, values: [] }, reading)
  let rows = 0
  for await (const table of stream) {
    rows += table.numRows
    if (rows >= 5000) break
  }
  expect(rows).toBe(5000)
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("a stream that nobody reads is freed by return()", async () => {
  const connection = await memory()
  const stream = await connection.stream({ text: many, values: [] }, reading)
  const iterator = stream[Symbol.asyncIterator]()
  await iterator.return!()
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("a failure in the middle is an error and not an end, and tells why", async () => {
  const connection = await memory()
  const text = "select case when i = $1 then error('boom at ' || i) else i::varchar end as x from range(1000000) t(i)"
  const stream = await connection.stream({ text, values: [700_000] }, reading)
  let rows = 0
  const error = await failure(
    (async () => {
      for await (const table of stream) rows += table.numRows
    })(),
  )
  expect(rows).toBeGreaterThan(0)
  expect(rows).toBeLessThan(700_000)
  expect(error.message).toMatch(/boom at 700000/)
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("a session's stream fails before its first row", async () => {
  const connection = await memory()
  const text = "select case when i = 700000 then error('boom') else i::varchar end as x from range(1000000) t(i)"
  const error = await failure(connection.stream({ text, values: [] }, { ...reading, readOnly: false }))
  expect(error.message).toMatch(/boom/)
})

test("a query that fails in the middle tells why", async () => {
  const connection = await memory()
  const text = "select case when i = 700000 then error('boom') else i::varchar end as x from range(1000000) t(i)"
  expect((await failure(query(connection, text))).message).toBe("Invalid Input Error: boom")
  expect((await failure(execute(connection, text))).message).toBe("Invalid Input Error: boom")
})

test("an abort between two batches rejects with its reason", async () => {
  const connection = await memory()
  const controller = new AbortController()
  const stream = await connection.stream({ text: many, values: [] }, { ...reading, signal: controller.signal })
  const iterator = stream[Symbol.asyncIterator]()
  expect((await iterator.next()).done).toBe(false)
  const reason = new Error("enough")
  controller.abort(reason)
  expect(
    await failure(
      (async () => {
        for (;;) if ((await iterator.next()).done) return
      })(),
    ),
  ).toBe(reason)
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
  expect(connection.usable).toBe(true)
})

test("an abort while a batch is made rejects with its reason", async () => {
  const connection = await memory()
  const reason = new Error("enough")
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), 150)
  const text = "select i from range(1000000000000) t(i) where hash(i) % 3 = 7"
  const pending = (async () =>
    all(await connection.stream({ text, values: [] }, { ...reading, signal: controller.signal })))()
  expect(await failure(pending)).toBe(reason)
  expect((await query(connection, "select 1 as x")).rowCount).toBe(1)
})

test("streams are read-only unless told otherwise", async () => {
  const connection = await memory()
  await execute(connection, "create table pets (id int)")
  const insert = { text: "insert into pets values (1) returning id", values: [] }
  const refused = await failure(connection.stream(insert, reading))
  expect(refused).toMatchObject({ code: "READ_ONLY" })
  expect((await query(connection, "from pets")).rowCount).toBe(0)
  const tables = await all(await connection.stream(insert, { ...reading, readOnly: false }))
  expect(tables.map((table) => table.toArray())).toEqual([[{ id: 1 }]])
})

test("a statement without rows streams none", async () => {
  const connection = await memory()
  await execute(connection, "create table pets (id int)")
  const insert = { text: "insert into pets values (1)", values: [] }
  const stream = await connection.stream(insert, { ...reading, readOnly: false })
  expect(stream.schema.fields).toEqual([])
  expect(await all(stream)).toEqual([])
  expect((await query(connection, "from pets")).rowCount).toBe(1)
})

test("leaving a session's stream early leaves its transaction alive", async () => {
  const database = await open()
  const connection = await connect(database)
  await execute(connection, "create table pets (id int)")
  await execute(connection, "begin transaction")
  await execute(connection, "insert into pets values (1)")
  const stream = await connection.stream({ text: many, values: [] }, { ...reading, readOnly: false })
  for await (const table of stream) if (table.numRows > 0) break
  await execute(connection, "insert into pets values (2)")
  await execute(connection, "commit")
  expect((await query(await connect(database), "from pets")).rowCount).toBe(2)
})

test("the event loop goes on while a million rows are read", async () => {
  const connection = await memory()
  let ticks = 0
  const ticking = setInterval(() => ticks++, 1)
  await query(connection, many)
  clearInterval(ticking)
  expect(ticks).toBeGreaterThan(3)
})
