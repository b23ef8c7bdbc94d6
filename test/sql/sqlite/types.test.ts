import { DatabaseSync } from "node:sqlite"
import fc from "fast-check"
import { expect, test } from "vitest"
import { extensionOf } from "../../../src/tables/index.ts"
import { connect, databaseFile, execute, failure, memory, never, open, query, typesOf } from "./support.ts"

test("a declared type is its column's type", async () => {
  const connection = await memory()
  await execute(
    connection,
    `create table t (i integer, b bigint, r real, d double precision, x text, v varchar(20), y blob, o boolean,
      n numeric, m decimal(10, 2), j json, at timestamp, day date)`,
  )
  await execute(
    connection,
    `insert into t values (1, 9007199254740993, 1.5, 2, 'a', 'b', x'00ff', 1, 5, 2.5, '{"a":[1]}',
      '2026-01-31 12:00:00', '2026-01-31')`,
  )
  const { table } = await query(connection, "select * from t")
  expect(typesOf(table)).toEqual({
    i: "int64",
    b: "int64",
    r: "float64",
    d: "float64",
    x: "utf8",
    v: "utf8",
    y: "binary",
    o: "bool",
    n: "float64",
    m: "float64",
    j: "utf8",
    at: "utf8",
    day: "utf8",
  })
  expect(table.withValues({ bigint: "bigint" }).toArray()).toEqual([
    {
      i: 1n,
      b: 9007199254740993n,
      r: 1.5,
      d: 2,
      x: "a",
      v: "b",
      y: Uint8Array.of(0, 255),
      o: true,
      n: 5,
      m: 2.5,
      j: { a: [1] },
      at: "2026-01-31 12:00:00",
      day: "2026-01-31",
    },
  ])
})

test("an empty result, and one of nothing but NULL, have the declared types", async () => {
  const connection = await memory()
  await execute(connection, "create table t (i int, r real, x text, y blob, o bool, n numeric, j json, at date, z)")
  const expected = {
    i: "int64",
    r: "float64",
    x: "utf8",
    y: "binary",
    o: "bool",
    n: "float64",
    j: "utf8",
    at: "utf8",
    z: "utf8",
    e: "utf8",
  }
  expect(typesOf((await query(connection, "select *, null as e from t")).table)).toEqual(expected)
  await execute(connection, "insert into t default values")
  const { table } = await query(connection, "select *, null as e from t")
  expect(typesOf(table)).toEqual(expected)
  expect(Object.values(table.at(0)!)).toEqual(new Array(10).fill(null))
})

test("an expression has the type of its values", async () => {
  const { table } = await query(
    await memory(),
    "select 1 as i, 1.0 as r, 'a' as x, x'01' as y, count(*) as n, null as z, 1 < 2 as o",
  )
  expect(typesOf(table)).toEqual({
    i: "int64",
    r: "float64",
    x: "utf8",
    y: "binary",
    n: "int64",
    z: "utf8",
    o: "int64",
  })
})

test("NULLs before the first value do not matter", async () => {
  const { table } = await query(await memory(), "values (null, null), (null, 1.5), (7, null)")
  expect(typesOf(table)).toEqual({ column1: "int64", column2: "float64" })
  expect(table.toArray().map(Object.values)).toEqual([
    [null, null],
    [null, 1.5],
    [7, null],
  ])
})

test.each([
  ["integers and reals", "values (1), (2.5), (null), (3)", "float64", [1, 2.5, null, 3]],
  ["reals and integers", "values (2.5), (1)", "float64", [2.5, 1]],
  [
    "a real beside an integer that no float64 holds",
    "values (9007199254740993), (2.5)",
    "union<integer: int64, real: float64>",
    [9007199254740993n, 2.5],
  ],
  ["numbers and text", "values (1), ('1'), (null)", "union<integer: int64, text: utf8>", [1n, "1", null]],
  [
    "everything",
    "values ('a'), (x'01'), (2.5), (9007199254740993)",
    "union<integer: int64, real: float64, text: utf8, blob: binary>",
    ["a", Uint8Array.of(1), 2.5, 9007199254740993n],
  ],
])("a mixture keeps each value: %s", async (_, text, type, values) => {
  const { table } = await query(await memory(), text)
  expect(typesOf(table)).toEqual({ column1: type })
  expect(table.withValues({ bigint: "bigint" }).column("column1").toArray()).toEqual(values)
})

test("a declared type that the values do not keep to gives way to them", async () => {
  const connection = await memory()
  await execute(connection, "create table t (i integer, o boolean, n numeric, x text, j json)")
  await execute(connection, "insert into t values ('none', 2, 9007199254740993, x'01', '{')")
  await execute(connection, "insert into t values (5, 1, 4, 'a', 3)")
  const { table } = await query(connection, "select * from t")
  expect(typesOf(table)).toEqual({
    i: "union<integer: int64, text: utf8>",
    o: "int64",
    n: "int64",
    x: "union<text: utf8, blob: binary>",
    j: "union<integer: int64, text: utf8>",
  })
  expect(table.withValues({ bigint: "bigint" }).toArray().map(Object.values)).toEqual([
    ["none", 2n, 9007199254740993n, Uint8Array.of(1), "{"],
    [5n, 1n, 4n, "a", 3n],
  ])
})

test("a column declared JSON is parsed, numbers too, unless some value is no JSON", async () => {
  const connection = await memory()
  await execute(connection, "create table t (j json)")
  // The column's affinity is NUMERIC, so that SQLite stores the first text as a number.
  for (const text of ["12", '"a"', "[1, null]", "true"]) await execute(connection, "insert into t values (?)", text)
  const good = await query(connection, "select j from t")
  expect(extensionOf(good.table.schema.fields[0]!)).toBe("arrow.json")
  expect(good.table.column("j").toArray()).toEqual([12, "a", [1, null], true])
  const bad = await query(connection, "select j from t union all select 'not JSON'")
  expect(typesOf(bad.table)).toEqual({ j: "union<integer: int64, text: utf8>" })
})

test("integers beyond 2^53 are exact, and in JavaScript an error that names the column", async () => {
  const connection = await memory()
  const { table } = await query(connection, "select 9223372036854775807 as large, -9223372036854775808 as small")
  expect(table.withValues({ bigint: "bigint" }).at(0)).toEqual({
    large: 9223372036854775807n,
    small: -9223372036854775808n,
  })
  expect(() => table.at(0)).toThrow(/large/)
})

test("a type that changes after many batches rewrites what was read", async () => {
  const connection = await memory()
  const { table } = await query(
    connection,
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
     select case when i % 7 = 0 then null when i = 299998 then 0.5 else i end as x,
       case when i = 299998 then 'a' else i end as y from n`,
  )
  expect(typesOf(table)).toEqual({ x: "float64", y: "union<integer: int64, text: utf8>" })
  const x = table.column("x")
  const y = table.column("y")
  expect([x.at(0), x.at(6), x.at(262_143), x.at(299_997), x.at(299_999)]).toEqual([1, null, 262_144, 0.5, 300_000])
  expect([y.at(0), y.at(262_143), y.at(299_997), y.at(299_999)]).toEqual([1, 262_144, "a", 300_000])
})

test("columns of one name keep their places", async () => {
  const { table } = await query(await memory(), "select 1 as id, 'a' as id")
  expect(table.names).toEqual(["id", "id"])
  expect([table.getChildAt(0)!.at(0), table.getChildAt(1)!.at(0)]).toEqual([1, "a"])
})

const cell = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -3, max: 3 }).map(BigInt),
  fc.double({ noNaN: true }),
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  fc.constantFrom("1", "2.0", '{"a": 1}', "2026-01-31"),
  fc.uint8Array({ maxLength: 40 }),
)
const declared = fc.constantFrom("", "integer", "real", "text", "blob", "numeric", "boolean", "date")

test("whatever is stored under whatever type is read as node:sqlite reads it", async () => {
  const file = databaseFile("create table t (x)")
  const connection = await connect(await open({ database: file }))
  const direct = new DatabaseSync(file)
  direct.exec("pragma synchronous = off")
  await fc.assert(
    fc.asyncProperty(declared, fc.array(cell, { maxLength: 12 }), async (type, cells) => {
      direct.exec(`begin; drop table t; create table t (x ${type})`)
      const insert = direct.prepare("insert into t values (?)")
      for (const value of cells) insert.run(value)
      direct.exec("commit")
      const select = direct.prepare("select x from t order by rowid")
      select.setReadBigInts(true)
      const expected = select.all().map(({ x }) => x)
      const { table } = await query(connection, "select x from t order by rowid")
      const kind = typesOf(table).x
      const actual = table.withValues({ bigint: "bigint" }).column("x").toArray()
      expect(actual.map((value) => plain(value))).toEqual(expected.map((value) => plain(asColumn(value, kind))))
    }),
    { numRuns: 300 },
  )
  direct.close()
})

/** A whole column of numbers is float64 only where that is exact, and bool only where each is 0 or 1. */
function asColumn(value: unknown, type: string | undefined): unknown {
  if (typeof value !== "bigint") return value
  if (type === "bool") return value === 1n
  if (type !== "float64") return value
  expect(BigInt(Number(value))).toBe(value)
  return Number(value)
}

/** Comparable: bytes and numbers by value, minus zero apart from zero. */
function plain(value: unknown): string {
  if (value instanceof Uint8Array) return `bytes ${Array.from(value)}`
  if (typeof value !== "number" && typeof value !== "bigint") return `${typeof value} ${String(value)}`
  return Object.is(value, -0) ? "-0" : `number ${Number.isInteger(value) ? BigInt(value) : value}`
}

test("more rows or bytes than allowed are an error, and the connection goes on", async () => {
  const connection = await memory()
  const run = (text: string, maxRows: number, maxBytes: number) =>
    connection.run({ text, values: [] }, { signal: never, readOnly: true, maxRows, maxBytes })
  expect((await run("values (1), (2), (3)", 3, 1e6)).rowCount).toBe(3)
  expect(await failure(run("values (1), (2), (3)", 2, 1e6))).toMatchObject({ code: "TOO_LARGE", hint: /maxRows/ })
  expect((await run("values (1)", 0 + 1, 1e6)).rowCount).toBe(1)
  expect(await failure(run("values (1)", 0, 1e6))).toMatchObject({ code: "TOO_LARGE" })
  expect(await failure(run("select hex(zeroblob(600000)) as x", 10, 1e6))).toMatchObject({
    code: "TOO_LARGE",
    hint: /maxBytes/,
  })
  expect(connection.usable).toBe(true)
  expect((await run("select 1", 1, 1e6)).rowCount).toBe(1)
})

test("a text that JavaScript cannot hold is an error that says so, and the connection goes on", async () => {
  const connection = await memory()
  const run = (text: string) =>
    connection.run({ text, values: [] }, { signal: never, readOnly: true, maxRows: 9, maxBytes: 2 ** 31 })
  expect(await failure(run("select 1 as i, hex(zeroblob(270000000)) as x"))).toMatchObject({
    code: "TOO_LARGE",
    message: "A text of the result is longer than a text in JavaScript may be (512 MB).",
    hint: /blob/,
  })
  expect((await run("select 1")).rowCount).toBe(1)
})
