import { readParquet } from "parquet-wasm"
import { expect } from "vitest"
import { type Format, type Table, write } from "../../src/index.ts"
import { Table as Tables } from "../../src/tables/index.ts"
import { fieldTypeName } from "../../src/tables/types.ts"
import { type DialectName, onEveryDatabase } from "../support/databases.ts"

/** A column of JSON, one of 32-bit floats and one of whole seconds; SQLite has neither such floats nor times. */
const columns: Record<DialectName, string> = {
  duckdb: "j json, f float, s timestamp_s",
  mysql: "j json, f float, s datetime(0)",
  postgresql: "j json, f real, s timestamp(0)",
  sqlite: "j json, f real, s text",
}
const document = '{"id":1234567890123456789,"fare":1.10}'

const text = (table: Table, format: Format) => new Response(write(table, format)).text()

onEveryDatabase("numbers keep their digits and times their type in what is written", async ({ pets, dialect }) => {
  await pets.execute(`create table digits (${columns[dialect]})`)
  await pets.execute("insert into digits values (:document, 0.1, '2024-02-29 12:30:00')", { document })
  const table = await pets.query("select j, f, s from digits")

  expect(() => table.at(0)).toThrow(expect.objectContaining({ code: "BAD_VALUE" }))
  expect(table.withValues({ bigint: "string" }).at(0)?.j).toEqual({ id: "1234567890123456789", fare: 1.1 })
  expect(JSON.stringify(table)).toContain('"j":{"id":"1234567890123456789","fare":1.1},"f":0.1,')
  expect(await text(table, "ndjson")).toContain(`"j":${document},"f":0.1,`)
  expect(await text(table, "csv")).toContain(`"${document.replaceAll('"', '""')}",0.1,`)
  expect(await text(table, "table")).toMatch(/"id":1234567890123456789,"fare":1\.10\} *│ *0\.1 │/)

  const bytes = new Uint8Array(await new Response(write(table, "parquet")).arrayBuffer())
  const back = Tables.fromIPC(readParquet(bytes).intoIPCStream())
  expect(back.column("s").toArray()).toEqual(table.column("s").toArray())
  if (dialect !== "sqlite") expect(fieldTypeName(back.column("s").field)).toMatch(/^timestamp/)
})
