import { afterAll, beforeAll, expect, test, vi } from "vitest"
import type { Database, DriverConnection, RecordStream } from "../../../src/sql/dialect.ts"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { type Table, typeName } from "../../../src/tables/index.ts"
import { config, countTo, execute, failure, never, query, stopDeadlines, typesOf } from "./support.ts"

let database: Database
let connection: DriverConnection

beforeAll(async () => {
  database = await sqlite.open(config())
  connection = await database.connect({ signal: never })
  await execute(connection, "create table t (i integer, n numeric, x)")
  await execute(connection, `insert into t select i, i, i from (${countTo(2000)})`)
  await execute(connection, "insert into t values (null, 2.5, 'text'), ('late', 1, 1)")
})

afterAll(async () => {
  await connection.close()
  await database.close()
})

function stream(text: string, batchRows = 100, signal: AbortSignal = never): Promise<RecordStream> {
  return connection.stream({ text, values: [] }, { signal, readOnly: true, batchRows })
}

async function collect(records: RecordStream): Promise<Table[]> {
  const tables: Table[] = []
  for await (const table of records) tables.push(table)
  return tables
}

const numbers = (tables: Table[], name: string) => tables.flatMap((table) => table.column(name).toArray())

test("batches have their size, their order, and one schema", async () => {
  const records = await stream(`select i, 'row ' || i as text from (${countTo(1050)})`)
  expect(records.schema.fields.map(({ name, type }) => [name, typeName(type)])).toEqual([
    ["i", "int64"],
    ["text", "utf8"],
  ])
  const tables = await collect(records)
  expect(tables.map(({ numRows }) => numRows)).toEqual([...new Array(10).fill(100), 50])
  expect(numbers(tables, "i")).toEqual(Array.from({ length: 1050 }, (_, i) => i + 1))
  expect(tables.at(-1)!.at(-1)).toEqual({ i: 1050, text: "row 1050" })
})

test("a stream whose connection is closed under it says so", async () => {
  const other = await database.connect({ signal: never })
  const records = await other.stream(
    { text: countTo(1000), values: [] },
    { signal: never, readOnly: true, batchRows: 10 },
  )
  const batches = records[Symbol.asyncIterator]()
  await batches.next()
  // It answers when the batch that is fetched ahead has come.
  await vi.waitFor(() => other.ping({ signal: never }), 10_000)
  await other.close()
  await batches.next()
  expect(await failure(batches.next())).toMatchObject({ code: "ABORTED", message: /was closed while a statement ran/ })
})

test.each([0, 1, 99, 100, 101, 200])("%i rows", async (rows) => {
  const tables = await collect(await stream(`select * from (${countTo(rows + 1)}) limit ${rows}`))
  expect(tables.length).toBe(Math.max(1, Math.ceil(rows / 100)))
  expect(numbers(tables, "i")).toHaveLength(rows)
})

test("a statement without rows gives an empty schema or its columns", async () => {
  const records = await stream("select i, n from t where i < 0")
  expect(records.schema.fields.map(({ type }) => typeName(type))).toEqual(["int64", "float64"])
  expect((await collect(records)).map(({ numRows }) => numRows)).toEqual([0])
})

test("a NUMERIC column has one type, whole numbers or not", async () => {
  const tables = await collect(await stream("select n from t order by rowid"))
  expect(new Set(tables.map((table) => typesOf(table).n))).toEqual(new Set(["float64"]))
  expect(numbers(tables, "n").slice(-3)).toEqual([2000, 2.5, 1])
})

test.each(["i", "x"])("a later value of another type is an error that names the column: %s", async (name) => {
  const records = await stream(`select ${name} from t order by rowid`)
  const error = await failure(collect(records))
  expect(error).toMatchObject({ code: "BAD_VALUE", message: new RegExp(`"${name}" .* INTEGER .* TEXT`), hint: /cast/ })
  const cast = await collect(await stream(`select cast(${name} as text) as x from t order by rowid`))
  expect(numbers(cast, "x")).toHaveLength(2002)
  expect(connection.usable).toBe(true)
})

test("the first batch grows until NULLs at the beginning have a type", async () => {
  const records = await stream(`select nullif(max(i - 1000, 0), 0) as x from (${countTo(3000)})`, 100)
  expect(typeName(records.schema.fields[0]!.type)).toBe("int64")
  const x = numbers(await collect(records), "x")
  expect(x.slice(998, 1002)).toEqual([null, null, 1, 2])
  expect(x).toHaveLength(3000)
})

test("rows are made as they are asked for, and leaving the loop ends the statement", async () => {
  const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
  const seen: number[] = []
  for await (const table of await stream(endless)) {
    seen.push(table.column("i").at(0) as number)
    if (seen.length === 3) break
  }
  expect(seen).toEqual([1, 101, 201])
  expect((await query(connection, "select 1")).rowCount).toBe(1)
})

test("a stream that nobody reads does not hold up its connection", async () => {
  await stream("with recursive n(i) as (select 1 union all select i + 1 from n) select i from n")
  await connection.reset()
  expect(connection.usable).toBe(true)
  expect((await query(connection, "select 1")).rowCount).toBe(1)
})

test("batches of large rows have fewer of them", async () => {
  const records = await stream(`select zeroblob(10000000) as x from (${countTo(30)})`, 30)
  const sizes = (await collect(records)).map(({ numRows }) => numRows)
  expect(Math.max(...sizes)).toBeLessThan(10)
  expect(sizes.reduce((sum, size) => sum + size)).toBe(30)
})

test.each([
  ["the first", 0],
  ["a later", 1],
])("an abort stops %s batch while it is being read", async (_, batches) => {
  const controller = new AbortController()
  const endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
  const reason = new Error("enough")
  const wait = stopDeadlines()
  const abortSoon = () => void wait(50).then(() => controller.abort(reason))
  if (batches === 0) abortSoon()
  const error = await failure(
    (async () => {
      for await (const table of await stream(endless, 3_000_000, controller.signal)) {
        expect(table.numRows).toBe(3_000_000)
        abortSoon()
      }
    })(),
  )
  expect(error).toBe(reason)
  expect(connection.usable).toBe(true)
})

test("an error in the middle comes after the batches before it", async () => {
  const records = await stream(
    `select abs(case i when 250 then -9223372036854775808 else i end) as x from (${countTo(900)})`,
  )
  const seen: number[] = []
  const error = await failure(
    (async () => {
      for await (const table of records) seen.push(table.numRows)
    })(),
  )
  expect(error).toMatchObject({ message: /integer overflow/ })
  expect(seen).toEqual([100, 100])
})

test("an abort in the middle rejects with its reason", async () => {
  stopDeadlines()
  const controller = new AbortController()
  const records = await stream(
    "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n",
    100,
    controller.signal,
  )
  const reason = new Error("enough")
  const error = await failure(
    (async () => {
      for await (const _ of records) controller.abort(reason)
    })(),
  )
  expect(error).toBe(reason)
  expect((await query(connection, "select 1")).rowCount).toBe(1)
})
