import fc from "fast-check"
import { TypedParameter } from "mysql2"
import { expect, test } from "vitest"
import { bindValues } from "../../../src/sql/dialects/mysql/params.ts"
import { link, onServer } from "./reading.ts"
import { connect, execute, failure, query, rows, typesOf } from "./support.ts"

const least = -(2n ** 63n)
const greatest = 2n ** 64n - 1n

onServer("each JavaScript type has its type in SQL", async () => {
  const connection = await connect()
  const instant = new Date("2024-02-29T12:34:56.789Z")
  const bytes = new Uint8Array([0, 255, 92, 39])
  const cases: [value: unknown, type: string, read?: unknown][] = [
    [null, "null"],
    [true, "int32", 1],
    [false, "int32", 0],
    [42, "int64"],
    [-42, "int64"],
    [Number.MAX_SAFE_INTEGER, "int64"],
    [2 ** 53, "float64"],
    [1.5, "float64"],
    [1e300, "float64"],
    [-0, "int64", 0],
    [5e-324, "float64"],
    ["", "utf8"],
    ["é🦉\\'\"\0\n%_", "utf8"],
    [bytes, "binary"],
    [new Uint8Array(0), "binary"],
    [Buffer.from(bytes), "binary", bytes],
    [new Uint8Array([9, ...bytes, 9]).subarray(1, 5), "binary", bytes],
    [instant, "timestamp[us]"],
    [new Date(Date.UTC(9999, 11, 31, 23, 59, 59, 999)), "timestamp[us]"],
  ]
  for (const [value, type, read = value] of cases) {
    const { table } = await query(connection, "select ? as v", value)
    const name = `${typeof value} ${String(value)}`
    expect(typesOf(table).v?.replace(/^int(8|32)$/, "int32"), name).toBe(type)
    expect(table.at(0)!.v, name).toEqual(read)
  }
})

onServer("integers are compared as integers, and counted with as such", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table big (id bigint unsigned primary key, n bigint, d decimal(40))")
  for (const value of [9_007_199_254_740_992n, 9_007_199_254_740_993n, greatest]) {
    await execute(connection, "insert into big values (?, ?, ?)", value, -(value / 2n), value * 10n ** 15n)
  }
  const found = async (where: string, value: unknown) => {
    const { table } = await query(connection, `select cast(id as char) as id from big where ${where}`, value)
    return table.toArray().map(({ id }) => id)
  }
  for (const value of [9_007_199_254_740_992n, 9_007_199_254_740_993n, greatest]) {
    expect(await found("id = ?", value)).toEqual([`${value}`])
    expect(await found("id + 0 = ?", value)).toEqual([`${value}`])
    expect(await found("id = ?", `${value}`)).toEqual([`${value}`])
    expect(await found("d = ?", value * 10n ** 15n)).toEqual([`${value}`])
    expect(await found("n = -?", value / 2n)).toContain(`${value}`)
  }
  expect(
    await rows(connection, "select cast(? + 1 as char) as a, cast(? * ? as char) as b", 2n ** 53n, 10n ** 30n, 3),
  ).toEqual([{ a: `${2n ** 53n + 1n}`, b: `3${"0".repeat(30)}` }])
  expect(await rows(connection, "select seq from seq_1_to_9 order by seq limit ? offset ?", 2, 3n)).toEqual([
    { seq: 4 },
    { seq: 5 },
  ])
})

onServer("values go into columns of every type as they are", async () => {
  const connection = await connect()
  const instant = new Date("2024-02-29T12:34:56.789Z")
  const cases: [type: string, value: unknown, text: string][] = [
    ["int", 42, "42"],
    ["int", "42", "42"],
    ["bigint unsigned", greatest, `${greatest}`],
    ["decimal(65, 30)", `${"9".repeat(35)}.${"1".repeat(30)}`, `${"9".repeat(35)}.${"1".repeat(30)}`],
    ["decimal(65, 0)", -(10n ** 65n - 1n), `-${"9".repeat(65)}`],
    ["double", -0, "0"],
    ["double", 1e-300, "1e-300"],
    ["float", 0.5, "0.5"],
    ["boolean", true, "1"],
    ["bit(9)", 257, "100000001"],
    ["varchar(20)", 42, "42"],
    ["varchar(20)", true, "1"],
    ["varchar(20)", "é🦉\\'\"", "é🦉\\'\""],
    ["date", "2024-02-29", "2024-02-29"],
    ["date", instant, "2024-02-29"],
    ["time(3)", instant, "12:34:56.789"],
    ["time(6)", "-838:59:59.999999", "-838:59:59.999999"],
    ["datetime(6)", instant, "2024-02-29 12:34:56.789000"],
    ["datetime(6)", "2024-02-29 12:34:56.123456", "2024-02-29 12:34:56.123456"],
    ["timestamp(3)", instant, "2024-02-29 12:34:56.789"],
    ["year", 2024, "2024"],
    ["varbinary(9)", new Uint8Array([0, 255]), "00FF"],
    ["blob", "é", "C3A9"],
    ["json", '{"a": [1, "é"]}', '{"a": [1, "é"]}'],
    ["enum('a', 'b')", "b", "b"],
    ["set('a', 'b')", "a,b", "a,b"],
    ["uuid", "d08c14f7-8b37-4ab6-81ef-be71a6972255", "d08c14f7-8b37-4ab6-81ef-be71a6972255"],
    ["inet6", "::1", "::1"],
  ]
  for (const [type, value, text] of cases) {
    await execute(connection, `create or replace temporary table one (v ${type})`)
    await execute(connection, "insert into one values (?), (?)", value, null)
    const written =
      type.includes("b") && /binary|blob/.test(type) ? "hex(v)" : type.startsWith("bit") ? "bin(v)" : "cast(v as char)"
    expect(await rows(connection, `select ${written} as v from one`), `${type} ${String(value)}`).toEqual([
      { v: text },
      { v: null },
    ])
  }
})

onServer("texts, numbers, bytes and instants come back as they went, whatever they are", async () => {
  const connection = await connect()
  const values = fc.tuple(
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: least, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 2n ** 63n, max: greatest }),
    fc.uint8Array({ maxLength: 300 }),
    fc.date({ noInvalidDate: true, min: new Date("0001-01-01"), max: new Date("9999-12-31T23:59:59.999Z") }),
    fc.option(fc.maxSafeInteger()),
    fc.bigInt({ min: -(10n ** 65n - 1n), max: 10n ** 65n - 1n }),
  )
  const places = "?, ?, ?, ?, ?, ?, ?, cast(? as decimal(65))"
  await fc.assert(
    fc.asyncProperty(values, async (given) => {
      const { table } = await query(connection, `select ${places}`, ...given)
      const read = table.withValues({ bigint: "bigint" })
      const row = Array.from({ length: given.length }, (_, i) => read.getChildAt(i)!.at(0))
      const safe = given[6] === null ? null : BigInt(given[6])
      const number = Number.isSafeInteger(given[1]) ? BigInt(given[1]) : given[1]
      expect(row).toEqual([given[0], number, ...given.slice(2, 6), safe, `${given[7]}`])
    }),
    { numRuns: 200 },
  )
})

onServer("what has no value in MySQL is an error, and nothing runs", async () => {
  const connection = await connect()
  await execute(connection, "create temporary table one (v varchar(99))")
  const impossible: [value: unknown, says: string][] = [
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [10n ** 65n, "65 digits"],
    [-(10n ** 65n), "65 digits"],
    [new Date(Number.NaN), "invalid Date"],
    [new Date(Date.UTC(-1, 0, 1)), "year -1"],
    [new Date(Date.UTC(10_000, 0, 1)), "year 10000"],
    [[1], "type"],
    [{ a: 1 }, "type"],
    [Symbol("x"), "type"],
    [undefined, "type"],
  ]
  for (const [value, says] of impossible) {
    const error = await failure(execute(connection, "insert into one values (?), (?)", "x", value))
    expect(error).toMatchObject({ code: "BAD_PARAMS", message: expect.stringContaining(says) })
    expect(error.message).toContain("Parameter 2")
  }
  expect(await rows(connection, "select * from one")).toEqual([])
})

onServer("a value is never read as SQL", async () => {
  const connection = await connect()
  for (const value of ["'; drop table pets; --", "\\'; select 1; --", "?", "-1", "{}", "null", "\\", "*/"]) {
    expect(await rows(connection, "select ? as a, 1-? as b, '?' as c", value, -1)).toEqual([{ a: value, b: 2, c: "?" }])
  }
})

onServer("a mysql2 without types of parameters sends large integers as text", async () => {
  const server = await link()
  for (const value of [9_007_199_254_740_993n, greatest, least, 10n ** 40n]) {
    const table = await server.read("select cast(? as decimal(65)) as v", bindValues([value]))
    expect(table.toArray()).toEqual([{ v: `${value}` }])
  }
  expect((await server.read("select ? + 0 as v", bindValues([7]))).toArray()).toEqual([{ v: 7 }])
})

test("integers are given to mysql2 with their type", () => {
  const typed = bindValues([1, -1n, greatest, 10n ** 30n, 1.5, "x"], TypedParameter)
  expect(typed).toEqual([
    TypedParameter.LONGLONG(1n),
    TypedParameter.LONGLONG(-1n),
    TypedParameter.LONGLONG.unsigned(greatest),
    TypedParameter.NEWDECIMAL(`1${"0".repeat(30)}`),
    1.5,
    "x",
  ])
})
