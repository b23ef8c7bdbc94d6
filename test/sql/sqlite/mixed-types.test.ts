import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { expect, onTestFinished, test } from "vitest"
import { connection, write } from "../../../src/index.ts"
import { folder } from "../duckdb/support.ts"

test("texts get every row of a column whose later rows have another type, and Arrow an error", async () => {
  const path = join(folder(), "readings.db")
  const database = new DatabaseSync(path)
  database.exec("create table readings (id integer primary key, value real)")
  const add = database.prepare("insert into readings values (?, ?)")
  database.exec("begin")
  for (let i = 0; i < 300; i++) add.run(i, i / 2)
  for (const [i, value] of ["", "none", 1.5, null].entries()) add.run(300 + i, value)
  database.exec("commit")
  database.close()
  const readings = await connection("readings", { type: "sql", url: `sqlite:///${path}` })
  onTestFinished(() => readings.close())
  const rows = () => readings.stream("select * from readings order by id", { batchRows: 100 })
  const text = (stream: ReadableStream) => new Response(stream).text()
  const csv = await text(rows().toCSV())
  expect(csv.split("\r\n").slice(-6)).toEqual(["299,149.5", '300,""', "301,none", "302,1.5", "303,", ""])
  expect(await text(write(rows(), "csv"))).toBe(csv)
  const lines = (await text(rows().toNDJSON())).trim().split("\n")
  expect(lines).toHaveLength(304)
  expect(lines.slice(-4).map((line) => JSON.parse(line).value)).toEqual(["", "none", 1.5, null])
  expect(await text(write(rows(), "ndjson"))).toBe(`${lines.join("\n")}\n`)
  expect(JSON.parse(await text(write(rows(), "json")))).toHaveLength(304)
  await expect(text(rows().toIPC())).rejects.toMatchObject({ code: "BAD_VALUE" })
  await using session = readings.session
  expect(await text(session.stream("select * from readings order by id", { batchRows: 100 }).toCSV())).toBe(csv)
})
