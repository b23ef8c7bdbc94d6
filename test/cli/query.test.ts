import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { tableFromIPC } from "apache-arrow"
import { describe, expect, it } from "vitest"
import { mooring, petsProject, project, put, shell } from "./support.ts"

const twoRows = `select 1::bigint as id, 'Ada' as name, 1.50::decimal(5,2) as weight, timestamp '2020-01-02 03:04:05.123456' as at
  union all select 9007199254740993, null, null, null order by 1`

describe("formats", () => {
  it("writes one JSON object a line into a pipe, and nothing else", async () => {
    const { code, stdout, stderr } = await mooring(petsProject(), ["query", "pets", twoRows])
    expect(stderr).toBe("")
    expect(code).toBe(0)
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { id: 1, name: "Ada", weight: "1.50", at: "2020-01-02T03:04:05.123456" },
      { id: "9007199254740993", name: null, weight: null, at: null },
    ])
  })

  it("writes json as one array", async () => {
    const folder = petsProject()
    const { stdout } = await mooring(folder, ["query", "pets", twoRows, "--format", "json"])
    expect(JSON.parse(stdout)).toHaveLength(2)
    const none = await mooring(folder, ["query", "pets", "select 1 as a where false", "--format", "json"])
    expect(JSON.parse(none.stdout)).toEqual([])
  })

  it("writes csv, markdown and table", async () => {
    const folder = petsProject()
    const [csv, markdown, table] = await Promise.all(
      ["csv", "markdown", "table"].map((format) => mooring(folder, ["query", "pets", twoRows, "-f", format])),
    )
    expect(csv!.stdout.split("\r\n").slice(0, 2)).toEqual([
      "id,name,weight,at",
      "1,Ada,1.50,2020-01-02T03:04:05.123456",
    ])
    expect(markdown!.stdout.split("\n")[0]).toBe("| id | name | weight | at |")
    expect(table!.stdout).toMatch(/id │ name/)
  })

  it("shows all rows and columns of a table in a pipe", async () => {
    const columns = Array.from({ length: 40 }, (_, i) => `range as column_${i}`).join(", ")
    const { stdout } = await mooring(petsProject(), [
      "query",
      "pets",
      `select ${columns} from range(99)`,
      "-f",
      "table",
    ])
    expect(stdout).toContain("column_39")
    expect(stdout.trimEnd().split("\n")).toHaveLength(99 + 3)
  })

  it("writes Arrow that apache-arrow reads", async () => {
    const { bytes } = await mooring(petsProject(), ["query", "pets", twoRows, "-f", "arrow"])
    const table = tableFromIPC(bytes)
    expect(table.schema.fields.map((field) => field.name)).toEqual(["id", "name", "weight", "at"])
    expect(table.getChild("id")!.toArray()).toEqual(new BigInt64Array([1n, 9007199254740993n]))
  })

  it("writes Parquet that DuckDB reads", async () => {
    const folder = petsProject()
    const wrote = await mooring(folder, ["query", "pets", twoRows, "--out", "pets.parquet"])
    expect(wrote).toMatchObject({ code: 0, stdout: "", stderr: "" })
    const path = join(folder, "pets.parquet")
    const { stdout } = await mooring(folder, [
      "query",
      "pets",
      "select * from read_parquet(:path)",
      "-p",
      `path=${path}`,
    ])
    const { stdout: expected } = await mooring(folder, ["query", "pets", twoRows])
    expect(stdout).toBe(expected)
  })

  it.each([
    ["rows.csv", /^id,name/],
    ["rows.json", /^\[/],
    ["rows.jsonl", /^\{/],
    ["rows.md", /^\| id/],
    ["rows.txt", /│/],
    ["rows", /^\{/],
  ])("takes the format of %s from its ending", async (file, start) => {
    const folder = petsProject()
    await mooring(folder, ["query", "pets", twoRows, "--out", file])
    expect(readFileSync(join(folder, file), "utf8")).toMatch(start)
  })

  it("leaves an older file alone when the query fails, and nothing beside it", async () => {
    const folder = petsProject()
    writeFileSync(join(folder, "rows.csv"), "old")
    const failing = "select case when range > 90000 then error('boom') else range end as n from range(100000)"
    const { code, stderr } = await mooring(folder, ["query", "pets", failing, "--out", "rows.csv"])
    expect(code).toBe(1)
    expect(stderr).toContain("boom")
    expect(readFileSync(join(folder, "rows.csv"), "utf8")).toBe("old")
    expect(readdirSync(folder).sort()).toEqual([".mooring", "rows.csv"])
  })
})

describe("statements and parameters", () => {
  it("binds name=text as text and name:=json as it is typed", async () => {
    const sql = "select typeof(:a) as a, :a as va, :b + 1 as b, :c as c, :big as big, 5 in :list as found"
    const params = ["a=1", "b:=41", "c:=null", "big:=9007199254740993", "list:=[4,5]"].flatMap((one) => [
      "--param",
      one,
    ])
    const { stdout, stderr } = await mooring(petsProject(), ["query", "pets", sql, ...params])
    expect(stderr).toBe("")
    expect(JSON.parse(stdout)).toEqual({ a: "VARCHAR", va: "1", b: 42, c: null, big: "9007199254740993", found: true })
  })

  it("keeps an equals sign and line breaks in a text", async () => {
    const { stdout } = await mooring(petsProject(), ["query", "pets", "select :a as a", "-p", "a=x=1\ny:=2"])
    expect(JSON.parse(stdout)).toEqual({ a: "x=1\ny:=2" })
  })

  it("reads the statement from stdin, with and without -", async () => {
    const folder = petsProject()
    for (const args of [
      ["query", "pets", "-"],
      ["query", "pets"],
    ]) {
      const { stdout } = await mooring(folder, args, { input: "select 42 as n" })
      expect(JSON.parse(stdout)).toEqual({ n: 42 })
    }
  })

  it("reads the statement from a file", async () => {
    const folder = petsProject({ "report.sql": "-- a report\nselect 43 as n" })
    expect((await mooring(folder, ["query", "pets", "@report.sql"])).stdout).toBe('{"n":43}\n')
    expect(await mooring(folder, ["query", "pets", "@missing.sql"])).toMatchObject({ code: 2, stdout: "" })
  })

  it("does not change data, and says how to", async () => {
    const folder = petsProject()
    put(join(folder, ".mooring/secrets.toml"), '[connections.file]\nurl = "sqlite:///pets.db"\n')
    const { code, stderr } = await mooring(folder, ["query", "file", "create table t (a int)"])
    expect(code).toBe(1)
    expect(existsSync(join(folder, "pets.db"))).toBe(false)
    const refused = await mooring(petsProject(), ["query", "pets", "create table t (a int)"])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain("mooring query only reads")
    expect(stderr).toMatch(/^✖ /)
  })

  it("fails when there are more rows than asked for", async () => {
    const { code, stdout, stderr } = await mooring(petsProject(), [
      "query",
      "pets",
      "select * from range(100)",
      "--max-rows",
      "10",
    ])
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toContain("more than 10 rows")
  })

  it("gives up after the timeout", async () => {
    const endless = "select count(*) from range(100000000000) where range % 7 = 1"
    const { code, stderr } = await mooring(petsProject(), ["query", "pets", endless, "--timeout", "0.5s"])
    expect(code).toBe(1)
    expect(stderr).toContain("took longer than")
    expect(stderr).not.toContain("--debug")
  })
})

describe("mistakes", () => {
  it.each([
    [["query", "pets", "select 1", "--bogus"], "Unknown option '--bogus'"],
    [["query", "pets", "select 1", "--format", "xml"], "Allowed choices are table, json"],
    [["query", "pets", "select 1", "--max-rows", "-1"], "whole number above 0"],
    [["query", "pets", "select :a", "--param", "a"], "name=text"],
    [["query", "pets", "select :a", "-p", "a=1", "-p", "a=2"], '"a" is given twice'],
    [["query", "pets", "select :a", "-p", "a:=x"], "is not JSON"],
    [["query", "pets", " "], "The statement is empty."],
    [["query"], "Missing required argument 'name'"],
    [["qery"], "Did you mean query?"],
    [["query", "pets", "select 1", "--project", "nowhere"], "There is no folder nowhere"],
  ])("%j is not understood: exit code 2 and a sentence", async (args, sentence) => {
    const { code, stdout, stderr } = await mooring(petsProject(), args)
    expect(stderr).toContain(sentence)
    expect(stderr).not.toMatch(/^\s+at /m)
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
  })

  it("explains what is not configured", async () => {
    const { code, stderr } = await mooring(petsProject(), ["query", "pet", "select 1"])
    expect(code).toBe(1)
    expect(stderr).toContain('Did you mean "pets"?')
  })

  it("shows a stack and causes only with --debug", async () => {
    const folder = petsProject()
    const plain = await mooring(folder, ["query", "pets", "select nonsense"])
    expect(plain.stderr).not.toMatch(/^\s+at /m)
    const debug = await mooring(folder, ["query", "pets", "select nonsense", "--debug"])
    expect(debug.stderr).toMatch(/^\s+at /m)
    expect(debug.stderr).toContain("[cause]")
  })

  it("does not let a database's text command the terminal", async () => {
    const { stderr } = await mooring(petsProject(), ["query", "pets", "select error('\u001b[2Jgone')"])
    expect(stderr).toContain("gone")
    expect(stderr).not.toContain("\u001b")
  })

  it("colours errors where colours are forced, and not where NO_COLOR is set", async () => {
    const folder = project()
    const forced = await mooring(folder, ["query", "pets", "select 1"], { env: { FORCE_COLOR: "1" } })
    expect(forced.stderr).toContain("\u001b[31m✖")
    const never = await mooring(folder, ["query", "pets", "select 1"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })
    expect(never.stderr).not.toContain("\u001b")
  })
})

describe("pipes", () => {
  it.each(["ndjson", "csv", "json", "arrow"])("ends quietly when the reader of %s leaves", async (format) => {
    const line = `mooring query pets "select * from range(5000000)" -f ${format} | head -c 20 > head.txt`
    const folder = petsProject()
    const { code, stderr } = await shell(folder, line)
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(readFileSync(join(folder, "head.txt"))).toHaveLength(20)
  })

  it("writes into a device as it is", async () => {
    const { code, stdout } = await shell(petsProject(), 'mooring query pets "select 1 as a" --out /dev/stdout | cat')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"a":1}\n' })
  })
})
