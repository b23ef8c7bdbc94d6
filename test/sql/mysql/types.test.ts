import { expect, test } from "vitest"
import { columnReader } from "../../../src/sql/dialects/mysql/types.ts"
import { fieldTypeName, type Table } from "../../../src/tables/index.ts"
import { failure, link, onServer } from "./reading.ts"

const typesOf = (table: Table) =>
  Object.fromEntries(table.schema.fields.map((field) => [field.name, fieldTypeName(field)]))

/** Lets dates in that no calendar has. */
const lax = "set sql_mode = 'ALLOW_INVALID_DATES'"

const madeFrom = `
  create table made as select cast(seq as signed) as i, cast(seq * 9007199254740993 as decimal(20)) as l,
    cast(seq / 7 as decimal(12, 5)) as d, cast(-seq / 3 as decimal(65, 30)) as w, seq % 5 as s, seq / 7e0 as f,
    concat('é', seq) as t, date_add(date'2020-01-01', interval seq day) as a from seq_1_to_500`

onServer("expressions are as exact as columns", async () => {
  const server = await link()
  await server.run(madeFrom)
  const expressions = [
    "d * d",
    "d / 3",
    "w / 7",
    "w * d",
    "-w",
    "d % 1.7",
    "l * 1000",
    "l div 7",
    "round(d, s)",
    "round(w, 3)",
    "truncate(d, s)",
    "ceiling(d)",
    "abs(w)",
    "greatest(d, w)",
    "coalesce(d, i)",
    "if(s = 1, 1.5, 20)",
    "case s when 1 then 0.5 when 2 then i else null end",
    "cast(w as decimal(65, 0))",
    "1e0 + 0.1 - f",
    "i + 0.25",
    "i * 1.000000000000000000000000000001",
    "0.1 * 0.1",
    "-.5",
    "18446744073709551115 + i",
    "99999999999999999999999999999999999999999999999999999999999999999 - i",
    "sum(d) over (order by i)",
    "avg(w) over (order by i)",
    "sum(i) over (order by i)",
    "(select d from made m where m.i = made.i union all select 1.25 limit 1)",
  ]
  for (const expression of expressions) {
    const table = await server.read(`select ${expression} as v, cast(${expression} as char) as t from made`)
    const type = fieldTypeName(table.schema.fields[0]!)
    const scale = Number(/decimal\d+\(\d+, (\d+)\)/.exec(type)?.[1] ?? Number.NaN)
    const read = table.withValues({ bigint: "string" }).getChild("v")!.toArray()
    const texts = table.getChild("t")!.toArray() as (string | null)[]
    if (/^u?int/.test(type)) expect(read.map(String), expression).toEqual(texts)
    else if (type === "float64") expect(read, expression).toEqual(texts.map((text) => text && Number(text)))
    else expect(read, `${expression}: ${type}`).toEqual(texts.map((text) => text && withScale(text, scale)))
  }
})

/** The server may leave out zeros at the end. */
function withScale(text: string, scale: number): string {
  const [whole, fraction = ""] = text.split(".")
  return scale === 0 ? whole! : `${whole!.replace(/^(-?)$/, "$10")}.${fraction.padEnd(scale, "0")}`
}

onServer("expressions of other kinds have the type of their values", async () => {
  const server = await link()
  await server.run(madeFrom)
  const table = await server.read(`
    select count(*) as n, max(t) as m, min(a) as a, group_concat(s) as g, json_arrayagg(i) as j, std(f) as x,
      bit_or(i) as b, max(i > 3) as k, null as z, cast(max(i) as unsigned) as u, unix_timestamp('2024-01-01') as e,
      timediff('10:00:00', '12:30:00.5') as d, now(6) > '2020-01-01' as o, unhex('00ff') as h, uuid() as i,
      last_day('2024-02-01') as l, addtime('2024-01-01 00:00:00', '1:00:00.25') as p, inet6_aton('::1') as q, b'101' as r
    from made`)
  expect(typesOf(table)).toEqual({
    n: "int64",
    m: "utf8",
    a: "date",
    g: "utf8",
    j: "json",
    x: "float64",
    b: "uint64",
    k: "int32",
    z: "null",
    u: "uint64",
    e: "int64",
    d: "duration[us]",
    o: "int32",
    h: "binary",
    i: "utf8",
    l: "date",
    p: "utf8",
    q: "binary",
    r: "binary",
  })
  const [row] = table.toArray()
  expect(row).toMatchObject({ n: 500, z: null, d: "PT-2H-30M-0.5S", h: new Uint8Array([0, 255]), l: "2024-02-29" })
})

onServer("the server's own tables and answers can be read, by both protocols", async () => {
  const server = await link()
  await server.run(madeFrom)
  for (const sql of [
    "show tables",
    "show columns from made",
    "show create table made",
    "show variables like 'character%'",
    "explain select * from made where i > 3",
    "analyze table made",
    "select * from information_schema.columns where table_name = 'made'",
    "select * from information_schema.tables where table_schema = database()",
  ]) {
    const table = await server.read(sql)
    expect(table.numRows, sql).toBeGreaterThan(0)
    expect((await server.readText(sql)).schema, sql).toEqual(table.schema)
  }
})

onServer("a date that no calendar has is an error that names its column, or NULL if asked for", async () => {
  const server = await link()
  await server.run(
    lax,
    "create table made (i int, d date, t datetime(3), s timestamp null)",
    "insert into made values (1, '2024-02-29', '2024-02-29 10:00:00.5', '2024-02-29 10:00:00')",
  )
  const whole = await server.read("select * from made")
  for (const [column, value] of [
    ["d", "0000-00-00"],
    ["d", "2024-00-00"],
    ["d", "2024-02-00"],
    ["d", "2023-02-29"],
    ["d", "2024-04-31"],
    ["t", "0000-00-00"],
    ["t", "1999-00-01 10:00:00"],
    ["s", "0000-00-00"],
  ] as const) {
    await server.run(
      "delete from made where i > 1",
      `insert into made (i, ${column}) values (2, '${value}'), (3, null)`,
    )
    for (const read of [server.read.bind(server), (sql: string) => server.readText(sql)]) {
      const error = await failure(read(`select * from made order by i`))
      expect(error, value).toMatchObject({
        code: "BAD_VALUE",
        message: expect.stringContaining(`"${column}"`),
        hint: expect.stringContaining("zero_dates"),
      })
      expect(error.message).toContain(value.slice(0, 10))
    }
    const asked = { zeroDates: "null" } as const
    for (const table of [
      await server.read("select * from made order by i", [], asked),
      await server.readText("select * from made order by i", asked),
    ]) {
      expect(table.schema).toEqual(whole.schema)
      expect(table.toArray().slice(0, 1)).toEqual(whole.toArray())
      expect(table.toArray().slice(1)).toEqual([
        { i: 2, d: null, t: null, s: null },
        { i: 3, d: null, t: null, s: null },
      ])
    }
  }
})

onServer("every day from the year 0 to 9999 is the day that it says", async () => {
  const server = await link()
  const days = `
    select distinct concat(lpad(y.seq, 4, 0), '-', m.seq, '-', d.seq) as d
    from seq_0_to_9999_step_7 y, seq_1_to_12 m, seq_1_to_28_step_9 d
    union select concat(lpad(seq, 4, 0), '-02-29') from seq_4_to_9999_step_4 where last_day(concat(lpad(seq, 4, 0), '-02-01')) like '%29'`
  const table = await server.read(`select cast(d as date) as v, cast(cast(d as date) as char) as t from (${days}) days`)
  expect(table.numRows).toBeGreaterThan(70_000)
  expect(table.getChild("v")!.toArray()).toEqual(table.getChild("t")!.toArray())
})

onServer("a time is a length of time, to the last microsecond of its range", async () => {
  const server = await link()
  const text = `
    select time'838:59:59.999999' as a, time'-838:59:59.999999' as b, time'00:00:00' as c, time'-00:00:00.000001' as d,
      time'24:00:00' as e, cast(null as time) as f`
  for (const table of [await server.read(text), await server.readText(text)]) {
    expect(table.toArray()).toEqual([
      { a: "PT838H59M59.999999S", b: "PT-838H-59M-59.999999S", c: "PT0S", d: "PT-0.000001S", e: "PT24H", f: null },
    ])
  }
})

onServer("text that is not UTF-8 is an error that says how to get its bytes", async () => {
  const server = await link()
  await server.run("create table made (a varchar(9), b varchar(9))", "insert into made values ('x', 'é'), ('ü', 'y')")
  const good = (await server.read("select * from made")).toArray()
  for (const charset of ["latin1", "utf16"]) {
    await server.run(`set character_set_results = ${charset}`)
    for (const read of [server.read.bind(server), (sql: string) => server.readText(sql)]) {
      const error = await failure(read("select * from made"))
      expect(error).toMatchObject({ code: "BAD_VALUE", hint: expect.stringContaining("cast(`a` as binary)") })
    }
  }
  // Each row of these is half a character; together they are UTF-8.
  await server.run(
    "set character_set_results = latin1",
    "create table halves (i int, v varchar(9) character set latin1)",
    "insert into halves values (1, _latin1 x'78C3'), (2, _latin1 x'A9')",
  )
  expect(await failure(server.read("select v from halves order by i"))).toMatchObject({ code: "BAD_VALUE" })
  await server.run("set character_set_results = utf8mb4")
  expect((await server.read("select * from made")).toArray()).toEqual(good)
  expect((await server.read("select v from halves order by i")).toArray()).toEqual([{ v: "xÃ" }, { v: "©" }])
  // The server takes halves of UTF-16's pairs for characters.
  expect(await failure(server.read("select _utf8mb4 x'EDA080' as v"))).toMatchObject({ code: "BAD_VALUE" })
})

onServer("json is parsed, and marked as such", async () => {
  const server = await link()
  await server.run("create table made (j json)", `insert into made values ('{"a": [1, "é"]}'), ('null'), (null)`)
  const table = await server.read("select j from made")
  expect([typesOf(table), table.toArray()]).toEqual([{ j: "json" }, [{ j: { a: [1, "é"] } }, { j: null }, { j: null }]])
  expect(table.getChild("j")!.nullCount).toBe(1)
})

onServer("a geometry is its WKB, marked as such", async () => {
  const server = await link()
  const table = await server.read("select st_geomfromtext('POINT(1 2)', 4326) as g")
  expect(table.schema.fields[0]!.metadata?.get("ARROW:extension:name")).toBe("geoarrow.wkb")
  expect(Buffer.from(table.toArray()[0]!.g as Uint8Array).toString("hex")).toBe(
    "0101000000000000000000f03f0000000000000040",
  )
})

onServer("columns of one name, of no name, and many of them", async () => {
  const server = await link()
  const table = await server.read("select 1 as a, 2 as a, 3, '' as ``")
  expect(table.schema.fields.map(({ name }) => name)).toEqual(["a", "a", "3", ""])
  expect([0, 1, 2].map((i) => table.getChildAt(i)!.at(0))).toEqual([1, 2, 3])
  const many = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? "null" : `${i} as c${i}`))
  const wide = await server.read(`select ${many.join(", ")} from seq_1_to_20`)
  expect([wide.numCols, wide.numRows, wide.getChildAt(2999)!.at(19)]).toEqual([3000, 20, 2999])
})

onServer("an empty result has its columns and types", async () => {
  const server = await link()
  await server.run(madeFrom)
  const whole = await server.read("select * from made")
  for (const none of [
    await server.read("select * from made where false"),
    await server.readText("select * from made limit 0"),
  ]) {
    expect(none.schema).toEqual(whole.schema)
    expect(none.numRows).toBe(0)
  }
})

onServer("more rows or bytes than were asked for are an error, and no cut", async () => {
  const server = await link()
  const select = "select repeat('x', 1000) as v from seq_1_to_5000"
  for (const read of [
    (options: object) => server.read(select, [], options),
    (options: object) => server.readText(select, options),
  ]) {
    expect(await failure(read({ maxRows: 4999 }))).toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("4999 rows"),
    })
    expect(await failure(read({ maxBytes: 1_000_000 }))).toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("1000000 bytes"),
    })
    expect((await read({ maxRows: 5000, maxBytes: 6_000_000 })).numRows).toBe(5000)
  }
})

onServer("rows of more than 16 MiB, which take several packets, are whole", async () => {
  const server = await link()
  for (const size of [2 ** 24 - 20, 2 ** 24 - 1, 2 ** 24, 2 ** 25 + 7]) {
    const select = `select 7 as a, repeat('0123456789', ${Math.ceil(size / 10)}) as v, 8 as b, md5(repeat('0123456789', ${Math.ceil(size / 10)})) as m`
    for (const table of [await server.read(select), await server.readText(select)]) {
      const [row] = table.toArray()
      expect([row!.a, row!.b, (row!.v as string).length]).toEqual([7, 8, Math.ceil(size / 10) * 10])
      expect(await md5(row!.v as string)).toBe(row!.m)
    }
  }
})

async function md5(text: string): Promise<string> {
  const { createHash } = await import("node:crypto")
  return createHash("md5").update(text).digest("hex")
}

test("types that only MySQL has", () => {
  const column = (columnType: number, characterSet: number) => {
    const definition = { name: "v", columnType, characterSet, flags: 0, columnLength: 100, decimals: 0 }
    return fieldTypeName(columnReader(definition).field)
  }
  // JSON has a number of its own there, and the binary collation; VECTOR is new in version 9.
  expect([column(245, 63), column(242, 63)]).toEqual(["json", "binary"])
})
