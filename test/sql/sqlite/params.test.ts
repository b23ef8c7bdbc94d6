import fc from "fast-check"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Database, DriverConnection } from "../../../src/sql/dialect.ts"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { config, execute, failure, never, query } from "./support.ts"

let database: Database
let connection: DriverConnection

beforeAll(async () => {
  database = await sqlite.open(config())
  connection = await database.connect({ signal: never })
  await execute(connection, "create table t (x)")
})

afterAll(async () => {
  await connection.close()
  await database.close()
})

test.each([
  [1, "integer", "1"],
  [2 ** 53 - 1, "integer", "9007199254740991"],
  [-5, "integer", "-5"],
  [1.5, "real", "1.5"],
  [-0, "real", "0.0"],
  [2 ** 60 + 2 ** 10, "real", expect.stringMatching(/^1152921504606847|^1.15292150460684/)],
  [Number.POSITIVE_INFINITY, "real", "Inf"],
  [2n ** 63n - 1n, "integer", "9223372036854775807"],
  [-(2n ** 63n), "integer", "-9223372036854775808"],
  ["it's", "text", "it's"],
  ["", "text", ""],
  [true, "integer", "1"],
  [false, "integer", "0"],
  [null, "null", null],
  [new Date(Date.UTC(2026, 0, 31, 23, 59, 59, 7)), "text", "2026-01-31 23:59:59.007"],
  [new Date(Date.UTC(2026, 0, 31)), "text", "2026-01-31 00:00:00"],
  [Uint8Array.of(104, 105), "blob", "hi"],
  [{ a: [1, null] }, "text", '{"a":[1,null]}'],
  [[1, "a"], "text", '[1,"a"]'],
])("%s is stored as %s", async (value, type, text) => {
  const { table } = await query(connection, "select typeof(?) as type, cast(? as text) as text", value, value)
  expect(table.at(0)).toEqual({ type, text })
})

test("a Date compares with what SQLite wrote, as the instants do", async () => {
  const day = 86_400_000
  // From the year 0 to 9999, most of them whole seconds.
  const instants = fc.oneof(
    fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }).map((second) => second * 1000),
    fc.integer({ min: -719_528 * day, max: 2_932_897 * day - 1 }),
    fc.integer({ min: 0, max: 3000 }),
  )
  const text = `select datetime(?1 / 1000, 'unixepoch') as written, datetime(?1 / 1000, 'unixepoch') = ?2 as same,
    datetime(?1 / 1000, 'unixepoch') < ?2 as less, datetime(?1 / 1000, 'unixepoch') > ?2 as more`
  await fc.assert(
    fc.asyncProperty(instants, instants, async (a, b) => {
      const stored = Math.floor(a / 1000) * 1000
      const { table } = await query(connection, text, stored, new Date(b))
      const { same, less, more } = table.at(0) as Record<string, number>
      expect([same, less, more].map(Boolean)).toEqual([stored === b, stored < b, stored > b])
    }),
    { numRuns: 60 },
  )
})

test("a Date is what SQLite's own functions read", async () => {
  const { table } = await query(connection, "select unixepoch(?, 'subsec') as t", new Date(1_769_903_999_250))
  expect(table.at(0)).toEqual({ t: 1_769_903_999.25 })
})

test.each([
  [Number.NaN, /NaN/],
  [2n ** 63n, /64 bits/],
  [-(2n ** 63n) - 1n, /64 bits/],
  [new Date(Number.NaN), /Date/],
  [new Date(Date.UTC(10_000, 0)), /years 0 to 9999/],
  [new Date(Date.UTC(-1, 0)), /years 0 to 9999/],
  [undefined, /undefined/],
  [() => 1, /function/],
  [{ a: 1n }, /JSON/],
])("%s is refused", async (value, message) => {
  const error = await failure(query(connection, "select ?", value))
  expect(error).toMatchObject({ code: "BAD_PARAMS", message })
})

test.each([
  ["select ?, ?", [1]],
  ["select ?", []],
  ["select ?", [1, 2]],
  ["select 1", [1]],
  ["select ?2", [1]],
  ["select :a, $b, @c", [1, 2, 3]],
  ["select :a", []],
  ["select @a", [1]],
  ["select $a", [1]],
  ["select $1, $3", [1, 2, 3]],
  ["select $1, $2", [1]],
  ["select $1", [1, 2]],
  ["select $1, ?", [1, 2]],
  ["select ?1, $2", [1, 2]],
  ["select ?, ?", [new Date(0)]],
])("%s with %j values is refused, and binds no NULL", async (text, values) => {
  for (let i = 0; i < 2; i++) {
    expect(await failure(query(connection, text, ...values))).toMatchObject({ code: "BAD_PARAMS" })
  }
})

test.each(["select $2 as b, $1 as a, $2 as c", "select ?2 as b, ?1 as a, ?2 as c"])(
  "numbered placeholders take the values by their numbers: %s",
  async (text) => {
    expect((await query(connection, text, 1, 2)).table.at(0)).toEqual({ b: 2, a: 1, c: 2 })
    expect((await query(connection, text, "x", null)).table.at(0)).toEqual({ b: null, a: "x", c: null })
  },
)

test("what looks like a placeholder inside strings, names and comments is none", async () => {
  const { table } = await query(
    connection,
    `select ':a ?' as "b ?", [x].v as [:c] -- ? :d
    from (select ? as v /* $1 */) as \`x\``,
    5,
  )
  expect(table.at(0)).toEqual({ "b ?": ":a ?", ":c": 5 })
})

test("the same statement is counted anew for other values", async () => {
  expect((await query(connection, "select ? as x", 1)).table.at(0)).toEqual({ x: 1 })
  expect(await failure(query(connection, "select ? as x"))).toMatchObject({
    message: /1 placeholder, and 0 values/,
  })
  expect((await query(connection, "select ? as x", "a")).table.at(0)).toEqual({ x: "a" })
})

test.each(["select 1; select 2", "select 1;; select", "insert into t values (1); drop table t", "select 1; -- a\n x"])(
  "several statements are refused: %s",
  async (text) => {
    for (const run of [query, execute]) {
      const error = await failure(run(connection, text))
      expect(error).toMatchObject({ code: expect.stringMatching(/^(QUERY|ERR_SQLITE_ERROR)$/) })
    }
    expect((await query(connection, "select count(*) as n from t")).table.at(0)).toEqual({ n: 0 })
  },
)

test.each(["select 1;", "select 1 ; -- the end", "select 1;;\n/* a ; b */ ;", " -- first\n select 1 /* last"])(
  "one statement with something behind it runs: %s",
  async (text) => {
    expect((await query(connection, text)).rowCount).toBe(1)
  },
)

test.each(["", "  ", ";", "-- nothing", "/* nothing */"])("a text without a statement is refused: %j", async (text) => {
  const error = await failure(query(connection, text))
  expect(error).toMatchObject({ code: "QUERY", kind: "syntax", message: "The text has no statement." })
  expect(sqlite.classify(error)).toMatchObject({ action: "fatal" })
})
