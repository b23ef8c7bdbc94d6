import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { execute, failure, memory, query, reading } from "./support.ts"

test.each([
  [null, '"NULL"', null],
  [true, "BOOLEAN", "true"],
  [0, "INTEGER", "0"],
  [-(2 ** 31), "INTEGER", "-2147483648"],
  [2 ** 31, "BIGINT", "2147483648"],
  [Number.MAX_SAFE_INTEGER, "BIGINT", "9007199254740991"],
  [2 ** 63, "DOUBLE", "9.223372036854776e+18"],
  [-(2 ** 63), "DOUBLE", "-9.223372036854776e+18"],
  [1e300, "DOUBLE", "1e+300"],
  [-0, "DOUBLE", "-0.0"],
  [0.5, "DOUBLE", "0.5"],
  [Number.NaN, "DOUBLE", "nan"],
  [Number.NEGATIVE_INFINITY, "DOUBLE", "-inf"],
  [5n, "BIGINT", "5"],
  [-(2n ** 63n), "BIGINT", "-9223372036854775808"],
  [2n ** 63n, "HUGEINT", "9223372036854775808"],
  [-(2n ** 127n), "HUGEINT", "-170141183460469231731687303715884105728"],
  [2n ** 127n, "UHUGEINT", "170141183460469231731687303715884105728"],
  [2n ** 128n - 1n, "UHUGEINT", "340282366920938463463374607431768211455"],
  ["", "VARCHAR", ""],
  ["it's \0 🦆", "VARCHAR", "it's \0 🦆"],
  [new Date(-1), "TIMESTAMP WITH TIME ZONE", "1969-12-31 23:59:59.999+00"],
  [Uint8Array.of(0, 255, 97), "BLOB", "\\x00\\xFFa"],
  [new Uint8Array(0), "BLOB", ""],
  [[], '"NULL"[]', "[]"],
  [[null], '"NULL"[]', "[NULL]"],
  [[1, null, 2], "INTEGER[]", "[1, NULL, 2]"],
  [[1, 2 ** 40], "BIGINT[]", "[1, 1099511627776]"],
  [[1, 2n ** 70n], "HUGEINT[]", "[1, 1180591620717411303424]"],
  [[1, 0.5], "DOUBLE[]", "[1.0, 0.5]"],
  [["a", "b"], "VARCHAR[]", "[a, b]"],
  [[[], [1]], "INTEGER[][]", "[[], [1]]"],
  [[[1], [0.5], null], "DOUBLE[][]", "[[1.0], [0.5], NULL]"],
  [[new Date(0)], "TIMESTAMP WITH TIME ZONE[]", "['1970-01-01 00:00:00+00']"],
])("%s is bound as %s", async (value, type, text) => {
  const connection = await memory()
  const { table } = await query(connection, "select typeof($1) as type, $2::varchar as text", value, value)
  expect(table.toArray()).toEqual([{ type, text }])
})

test("an empty list is a list of anything", async () => {
  const connection = await memory()
  await execute(connection, "create table t (a int[], b varchar[], c struct(x int)[])")
  await execute(connection, "insert into t values ($1, $1, $1)", [])
  expect((await query(connection, "select * from t where not list_contains($1, 5)", [])).table.numRows).toBe(1)
})

test.each([
  ["a bigint beyond 128 bits", 2n ** 128n],
  ["a bigint beyond 128 bits", -(2n ** 127n) - 1n],
  ["no type in common", [1, "a"]],
  ["no type in common", [0.5, 2n ** 63n - 1n]],
  ["no type in common", [[1], 1]],
  ["DuckDB has none for", undefined],
  ["DuckDB has none for", new Date(Number.NaN)],
  ["DuckDB has none for", new Map()],
])("%s is refused", async (message, value) => {
  const error = await failure(query(await memory(), "select $1 as x", value))
  expect(error).toMatchObject({ code: "BAD_PARAMS", message: expect.stringContaining(message) })
  expect(error.message).toContain("Parameter 1")
})

test("values and placeholders must fit", async () => {
  const connection = await memory()
  expect(await failure(query(connection, "select $1, $2", 1))).toMatchObject({
    code: "BAD_PARAMS",
    message: "The statement has 2 placeholders, and 1 value for them.",
  })
  expect(await failure(query(connection, "select $1", 1, 2))).toMatchObject({
    code: "BAD_PARAMS",
    message: "Parameter 2 has no placeholder in the statement.",
  })
  expect(await failure(query(connection, "select $1, $3", 1, 2, 3))).toMatchObject({
    code: "BAD_PARAMS",
    hint: "Number them from $1 without gaps.",
  })
  expect(await failure(query(connection, "select $a", 1))).toMatchObject({ code: "BAD_PARAMS" })
  expect((await query(connection, "select $2 - $1 as x", 1, 5)).table.toArray()).toEqual([{ x: 4 }])
})

test("numbers come back as they were", async () => {
  const connection = await memory()
  const { table } = await query(connection, "select $1::double as a", 0.1)
  expect(table.column("a")!.at(0)).toBe(0.1)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger())), async (numbers) => {
      const result = await query(connection, "select unnest($1::double[]) as x", numbers)
      expect(result.table.column("x")!.toArray()).toEqual(numbers)
    }),
    { numRuns: 50 },
  )
})

describe("long lists", () => {
  const text = (sql: string, count: number) =>
    sql.replaceAll("LIST", Array.from({ length: count }, (_, i) => `$${i + 1}`).join(", "))

  test.each<[string, string, unknown[], unknown]>([
    ["integers", "select count(*) as n from range(3000) t(i) where i in (LIST)", numbers(1000), 1000],
    ["none of them", "select count(*) as n from range(3000) t(i) where i not in (LIST)", numbers(1000), 2000],
    ["a NULL among them", "select count(*) as n from range(3) t(i) where i not in (LIST)", [null, ...numbers(1000)], 0],
    ["bigints", "select count(*) as n from range(3000) t(i) where i in (LIST)", numbers(1000).map(BigInt), 1000],
    [
      "strings",
      "select count(*) as n from range(3000) t(i) where i::varchar in (LIST)",
      numbers(1000).map(String),
      1000,
    ],
    // A placeholder has the type of what it is compared with; a list has its own.
    [
      "strings for integers",
      "select count(*) as n from range(3000) t(i) where i in (LIST)",
      numbers(1000).map(String),
      1000,
    ],
    [
      "strings for dates",
      "select count(*) as n from range(9) t(i) where date '2024-01-01' + i::int in (LIST)",
      ["2024-01-02", ...Array(600).fill("2025-01-01")],
      1,
    ],
    ["twice", "select count(*) as n from range(9) t(i) where i in (LIST) and i + 1 in (LIST)", numbers(600), 9],
    [
      "inside a string",
      "select count(*) as n from range(9) t(i) where ' in ($1, $2)' <> '' and i in (LIST)",
      numbers(600),
      9,
    ],
  ])("%s", async (_name, sql, values, expected) => {
    const connection = await memory()
    const full = text(sql, values.length)
    expect((await query(connection, full, ...values)).table.toArray()).toEqual([{ n: expected }])
    expect((await execute(connection, full, ...values)).table.toArray()).toEqual([{ n: expected }])
  })

  test("binding them gives way to others, and to the signal", async () => {
    const connection = await memory()
    const values = numbers(5000).map((n) => n + 0.5)
    const controller = new AbortController()
    setImmediate(() => setImmediate(() => controller.abort(new Error("enough"))))
    const options = { ...reading, signal: controller.signal }
    const sql = text("select count(*) from range(10) t(i) where i in (LIST)", values.length)
    await expect(connection.run({ text: sql, values }, options)).rejects.toThrow("enough")
    expect((await query(connection, "select 1 as one")).table.toArray()).toEqual([{ one: 1 }])
  })
})

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}
