import fc from "fast-check"
import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { setVariable, useProject } from "../../support/project.ts"
import { hearWarnings } from "../../support/waiting.ts"
import { connect, execute, failure, onServer, query, rows } from "./support.ts"

onServer("values are read by the types that the server gives the parameters", async () => {
  const connection = await connect()
  const instant = new Date("2024-02-29T12:34:56.789Z")
  const cases: [type: string, value: unknown, text: string][] = [
    ["int4", 42, "42"],
    ["int4", "42", "42"],
    ["int8", 2n ** 62n, "4611686018427387904"],
    ["numeric", "1e-30", "0.000000000000000000000000000001"],
    ["float8", 1e300, "1e+300"],
    ["float8", -0, "-0"],
    ["float8", Number.NaN, "NaN"],
    ["float8", Number.NEGATIVE_INFINITY, "-Infinity"],
    ["text", 42, "42"],
    ["text", "é🦉\\'\"", "é🦉\\'\""],
    ["text", true, "true"],
    ["bool", true, "true"],
    ["bool", 0, "false"],
    ["bytea", new Uint8Array([0, 255, 92]), "\\x00ff5c"],
    ["bytea", "\\x01", "\\x01"],
    ["date", instant, "2024-02-29"],
    ["time", instant, "12:34:56.789"],
    ["timetz", instant, "12:34:56.789+00"],
    ["timestamp", instant, "2024-02-29 12:34:56.789"],
    ["timestamptz", instant, "2024-02-29 13:34:56.789+01"],
    ["text", instant, "2024-02-29 12:34:56.789+00"],
    ["timestamp", new Date(Date.UTC(-43, 2, 15)), "0044-03-15 00:00:00 BC"],
    ["date", new Date(8.64e15), "275760-09-13"],
    ["jsonb", [1, "a", null, { b: true }], '[1, "a", null, {"b": true}]'],
    ["json", '{"a": 1}', '{"a": 1}'],
    ["int4[]", [1, null, 3], "{1,NULL,3}"],
    [
      "int4[]",
      [
        [1, 2],
        [3, 4],
      ],
      "{{1,2},{3,4}}",
    ],
    ["int4[]", [], "{}"],
    ["text[]", ["NULL", "", 'a"b\\c', "{x}", ","], '{"NULL","","a\\"b\\\\c","{x}",","}'],
    ["bytea[]", [new Uint8Array([1]), null], '{"\\\\x01",NULL}'],
    ["date[]", [instant], "{2024-02-29}"],
    ["timestamptz[]", [instant], '{"2024-02-29 13:34:56.789+01"}'],
    ["jsonb[]", [[1, 2], "{}"], '{"[1, 2]","{}"}'],
    ["uuid", "d08c14f7-8b37-4ab6-81ef-be71a6972255", "d08c14f7-8b37-4ab6-81ef-be71a6972255"],
    ["inet", "10.0.0.1/8", "10.0.0.1/8"],
    ["int4range", "[1,5)", "[1,5)"],
    ["interval", "1 day", "1 day"],
  ]
  await execute(connection, "set timezone = 'Europe/Berlin'")
  for (const [type, value, text] of cases) {
    for (let time = 0; time < 3; time++) {
      const [row] = await rows(connection, `select $1::${type}::text as v`, value)
      expect(row, `${type} ${String(value)}`).toEqual({ v: text })
    }
  }
  expect(
    await rows(connection, "select $1::int is null and $2::text is null and $3::int[] is null as n", null, null, null),
  ).toEqual([{ n: true }])
})

onServer("texts, numbers and bytes come back as they went, whatever they are", async () => {
  const connection = await connect()
  const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((value) => !value.includes("\0"))
  const values = fc.tuple(
    text,
    fc.double(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.uint8Array({ maxLength: 100 }),
    fc.array(fc.option(text), { maxLength: 5 }),
    fc.date({ noInvalidDate: true, min: new Date(Date.UTC(-4000, 0, 1)) }),
  )
  await fc.assert(
    fc.asyncProperty(values, async (given) => {
      const asked =
        "select $1::text as a, $2::float8 as b, $3::int8 as c, $4::bytea as d, $5::text[] as e, $6::timestamptz as f"
      const { table } = await query(connection, asked, ...given)
      expect(Object.values(table.withValues({ bigint: "bigint" }).toArray()[0]!)).toEqual(given)
    }),
    { numRuns: 300 },
  )
})

onServer("too few, too many and impossible values are errors, and nothing runs", async () => {
  const connection = await connect()
  for (let time = 0; time < 3; time++) {
    for (const values of [[], [1, 2]]) {
      expect(await failure(query(connection, "select $1::int as a", ...values))).toMatchObject({ code: "BAD_PARAMS" })
    }
    expect(await rows(connection, "select $1::int as a", 1)).toEqual([{ a: 1 }])
  }
  expect(await failure(query(connection, "select $1::int", Symbol("x")))).toMatchObject({ code: "BAD_PARAMS" })
  expect(await failure(query(connection, "select $1::json", [1n]))).toMatchObject({ code: "BAD_PARAMS" })
  const many = Array.from({ length: 70_000 }, (_, i) => i)
  const text = `select ${many.map((i) => `$${i + 1}::int`).join(" + ")}`
  expect(await failure(query(connection, text, ...many))).toBeInstanceOf(Error)
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("a value is never read as SQL", async () => {
  const connection = await connect()
  const evil = ["'; drop table pets; --", "\\'; select 1; --", "$1", "-1", "{}", "null"]
  for (const value of evil) {
    expect(await rows(connection, "select $1 as a, 1-$2::int as b", value, -1)).toEqual([{ a: value, b: 2 }])
  }
})

onServer("bytes that are no text are errors that say what to do", async () => {
  useProject()
  const open = (name: string, database: string, address: object) =>
    connection<SQLConnection>(name, { type: "sql", dialect: "postgresql", ...address, database })
  const address = await newPostgresDatabase()
  const pets = await open("pets", address.database, address)
  const nul = [
    () => pets.query("select :x as x", { params: { x: "a\0b" } }),
    () => pets.query("select :x::text[] as x", { params: { x: ["a\0b"] } }),
    () => pets.query("select :x::jsonb as x", { params: { x: { a: "\0" } } }),
  ]
  for (const run of nul) {
    expect(await failure(run())).toMatchObject({ kind: "value", hint: expect.stringMatching(/NUL/) })
  }
  const ascii = `${address.database}_ascii`
  await pets.execute(`create database ${ascii} encoding 'SQL_ASCII' template template0`, undefined)
  const old = await open("old", ascii, address)
  await old.execute("create table t (name text)")
  await old.execute("insert into t values (E'M\\xfcller')")
  const error = await failure(old.query("select name from t"))
  expect(error).toMatchObject({ kind: "value", sqlState: "22021", hint: expect.stringContaining("LATIN1") })
  const converted = /convert_from\(.*\)/.exec(String(error.hint))![0]
  expect(await old.scalar(`select ${converted} from t`)).toBe("Müller")
  await old.close()
  await pets.execute(`drop database ${ascii} with (force)`)
  const array = await failure(pets.query("select 1 = :x", { params: { x: ["1234'5", "6"] } }))
  expect(`${array.message}${array.stack}`).not.toMatch(/1234|"6"/)
})

onServer("a statement with rows and no columns has its rows", async () => {
  useProject()
  const pets = await connection<SQLConnection>("pets", {
    type: "sql",
    dialect: "postgresql",
    ...(await newPostgresDatabase()),
  })
  const text = "select from generate_series(1, 3)"
  const table = await pets.query(text)
  expect([table.numRows, table.numCols, table.toArray()]).toEqual([3, 0, [{}, {}, {}]])
  const { rowCount, rows: given } = await pets.execute(text)
  expect([rowCount, given.toArray()]).toEqual([3, [{}, {}, {}]])
})

onServer("PGSERVICE is said to be ignored", async () => {
  useProject()
  setVariable("PGSERVICE", "shop")
  const warnings = hearWarnings()
  const { host, ...address } = await newPostgresDatabase()
  setVariable("PGHOST", host)
  const pets = await connection<SQLConnection>("pets", { type: "sql", dialect: "postgresql", ...address })
  expect(await pets.scalar("select 1")).toBe(1)
  expect(warnings).toEqual([expect.stringContaining("PGSERVICE is ignored")])
})
