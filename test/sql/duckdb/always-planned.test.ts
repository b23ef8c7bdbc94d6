import { expect, test } from "vitest"
import { type Bindings, type Driver, loadDriver } from "../../../src/sql/dialects/duckdb/driver.ts"
import { processGlobal } from "../../../src/util/globals.ts"
import { failure, memory, query } from "./support.ts"

/**
 * An engine that takes a COPY within a SELECT, as later ones may: DuckDB plans the COPY, and runs a SELECT in its place.
 *
 * @param seen what it was asked to plan.
 */
function withWritingSelects(bindings: Bindings, seen: string[]): Bindings {
  const inner = /with \w+ as \((copy .*)\) from \w+$/
  const changed: Partial<Bindings> = {
    library_version: () => "v9.0.0",
    extract_statements: (connection, text) => bindings.extract_statements(connection, text.replace(inner, "select 1")),
    prepare: (connection, text) => {
      const isPlan = /^explain/i.test(text)
      if (isPlan) seen.push(text)
      return bindings.prepare(connection, text.replace(inner, isPlan ? "$1" : "select 1"))
    },
  }
  return new Proxy({} as Bindings, { get: (_, name) => Reflect.get(name in changed ? changed : bindings, name) })
}

test("where a SELECT may write, every SELECT is planned before it runs", async () => {
  const driver = await loadDriver()
  const planned: string[] = []
  processGlobal("duckdb@1", () => ({}) as { driver?: Driver }).driver = {
    ...driver,
    bindings: withWritingSelects(driver.bindings, planned),
  }
  const connection = await memory()
  expect(
    await failure(query(connection, "with written as (copy (select 1) to 'never.csv') from written")),
  ).toMatchObject({
    code: "READ_ONLY",
    kind: "readOnly",
    message: expect.stringMatching(/SELECT with COPY/),
  })
  expect((await query(connection, "select $1::int as a", 5)).table.toArray()).toEqual([{ a: 5 }])
  expect((await query(connection, "from range(3)")).rowCount).toBe(3)
  expect(planned).toEqual([
    expect.stringContaining("with written as"),
    "EXPLAIN (FORMAT JSON) select $1::int as a",
    "EXPLAIN (FORMAT JSON) from range(3)",
  ])
})
