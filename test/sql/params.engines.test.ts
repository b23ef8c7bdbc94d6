import { DatabaseSync } from "node:sqlite"
import { DuckDBInstance } from "@duckdb/node-api"
import { expect, test } from "vitest"
import { bindParams } from "../../src/sql/params.ts"
import { duckdbSyntax, sqliteSyntax } from "../../src/sql/syntaxes.ts"
import { openPets } from "../support/databases.ts"
import { testWith } from "../support/server-test.ts"

const query = `
  select 1 in :none as a, 1 not in (:none) as b, null not in :none as c, 'x' in :none as d,
    1 in :ids as e, 3 not in (:ids) as f, not 1 in :none as g, 3 not in :holes as h
  where 1 not in :none and 'x' not in :none`
const params = { none: [], ids: [1, 2], holes: [1, null] }
/** Nothing is in an empty list, not even NULL; a NULL in a list makes `not in` NULL, as SQL says. */
const expected = [0, 1, 1, 0, 1, 1, 1, null]

test("lists mean the same on SQLite", () => {
  const db = new DatabaseSync(":memory:")
  const { text, values } = bindParams(query, params, { syntax: sqliteSyntax, capabilities: { arrays: false } })
  expect(Object.values(db.prepare(text).get(...(values as number[])) ?? {})).toEqual(expected)
  db.close()
})

test("lists mean the same on DuckDB, for every type", async () => {
  const connection = await (await DuckDBInstance.create(":memory:")).connect()
  const { text, values } = bindParams(query, params, { syntax: duckdbSyntax, capabilities: { arrays: true } })
  const rows = await (await connection.runAndReadAll(text, values as number[])).getRowsJS()
  expect(rows[0]?.map((value) => (typeof value === "boolean" ? Number(value) : value))).toEqual(expected)
  for (const value of ["1", "'x'", "date '2020-01-01'", "[1]", "{'a': 1}", "1.5::decimal(5,2)", "'1'::blob", "null"]) {
    const empty = bindParams(
      `select ${value} in :none, ${value} not in :none`,
      { none: [] },
      { syntax: duckdbSyntax, capabilities: { arrays: true } },
    )
    expect((await connection.runAndReadAll(empty.text)).getRowsJS(), value).toEqual([[false, true]])
  }
  connection.closeSync()
})

testWith("postgresql")("lists mean the same on PostgreSQL, for every type", async () => {
  const { pets } = await openPets("postgresql server")
  const [row] = (await pets.query(query, { params })).toArray()
  expect(Object.values(row!).map((value) => (typeof value === "boolean" ? Number(value) : value))).toEqual(expected)
  for (const value of ["1", "'x'", "date '2020-01-01'", "array[1]", "row(1)", "1.5", "'1'::bytea", "null"]) {
    const [empty] = (
      await pets.query(`select ${value} in :none as a, ${value} not in :none as b`, { params: { none: [] } })
    ).toArray()
    expect(empty, value).toEqual({ a: false, b: true })
  }
})
