import { expect } from "vitest"
import { integerExtension, typeName } from "../../../src/tables/index.ts"
import { connect, execute, failure, onServer, query, rows, typesOf } from "./support.ts"

/** How thousands of values of a type are made, what they become, and how the server's text of one looks in JavaScript. */
interface Case {
  readonly type: string
  /** An expression over `i`, which is 1, 2, 3, … */
  readonly value: string
  readonly arrow: string
  readonly expected?: (text: string) => unknown
}

const bits = (from: string) => `('x' || md5('${from}' || i))::bit(64)::bigint`
/** 0 to 1, the same in each run. */
const chance = (from: string) => `(abs(${bits(from)}) / 9223372036854775808.0)`
const pick = (...values: string[]) => `(array[${values.join(", ")}])[1 + i % ${values.length}]`
const words = `array_to_string(array(select chr((array[97, 233, 8364, 129417, 34, 92, 39, 123, 44, 10])[1 + (i * n + n * n) % 10])
  from generate_series(1, i % 40) n), '')`

/** What the type's output function writes; casts to text change some (`char(n)`, `inet`). */
const written = "case when v is null then null else format('%s', v) end"

const asIs = (text: string): unknown => text
const float = (text: string): number => Number(text)

/** `0044-03-15 BC` → `-000043-03-15` */
function date(text: string): string {
  const match = /^(\d+)(-\d\d-\d\d)( BC)?$/.exec(text)
  if (match === null) return text
  const year = match[3] ? 1 - Number(match[1]) : Number(match[1])
  if (year >= 0 && year <= 9999) return `${String(year).padStart(4, "0")}${match[2]}`
  return `${year < 0 ? "-" : "+"}${String(Math.abs(year)).padStart(6, "0")}${match[2]}`
}

function time(text: string): string {
  const [clock, fraction = ""] = text.split(".")
  return `${clock}.${fraction.padEnd(6, "0")}`
}

/** `0044-03-15 10:00:00.5+00 BC` → `-000043-03-15T10:00:00.500000Z` */
function timestamp(text: string): string {
  const match = /^(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(\+00)?( BC)?$/.exec(text)
  return match === null ? text : `${date(match[1]! + (match[4] ?? ""))}T${time(match[2]!)}${match[3] ? "Z" : ""}`
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.slice(2), "hex"))
}

const range = (low: string, high: string, type: string) =>
  `${type}(least(${low}, ${high}), greatest(${low}, ${high}), (array['[]', '[)', '(]', '()'])[1 + i % 4])`
const someDate = `(date '2000-01-01' + (${chance("d")} * 4000000 - 2450000)::int)`
const someTimestamp = `(timestamp '2000-01-01' + make_interval(secs => ${chance("t")} * 3e11 - 2e11))`

const cases: readonly Case[] = [
  { type: "bool", value: "i % 3 = 0", arrow: "bool", expected: (text) => text === "t" },
  { type: "int2", value: `(${bits("a")} >> 48)::int2`, arrow: "int16", expected: float },
  { type: "int4", value: `(${bits("a")} >> 32)::int4`, arrow: "int32", expected: float },
  { type: "int8", value: bits("a"), arrow: "int64", expected: BigInt },
  { type: "oid", value: `(${bits("a")} & 4294967295)::oid`, arrow: "uint32", expected: float },
  {
    type: "xid8",
    value: `(${chance("a")} * 18446744073709551615)::numeric(20)::text::xid8`,
    arrow: "uint64",
    expected: BigInt,
  },
  {
    type: "float4",
    value: `case i % 20 when 0 then 'NaN' when 1 then '-Infinity' when 2 then '-0' else (${chance("f")} - 0.5) * 10 ^ (i % 70 - 35) end::float4`,
    arrow: "float32",
    expected: (text) => Math.fround(Number(text)),
  },
  {
    type: "float8",
    value: `case i % 20 when 0 then 'NaN' when 1 then 'Infinity' when 2 then '-0' else (${chance("f")}::float8 - 0.5) * 10::float8 ^ (i % 600 - 300) end::float8`,
    arrow: "float64",
    expected: float,
  },
  {
    type: "numeric",
    value: `case i % 20 when 0 then 'NaN' when 1 then 'Infinity' when 2 then '-Infinity' else ((${chance("n")} - 0.5) * 10::numeric ^ (i % 90 - 30))::text end::numeric`,
    arrow: "utf8",
  },
  ...[
    [1, 0],
    [5, 5],
    [9, 2],
    [18, 4],
    [19, 3],
    [38, 0],
    [38, 38],
    [38, 17],
  ].map(([p, s]) => decimalCase(p!, s!, 128)),
  ...[
    [39, 0],
    [60, 20],
    [76, 76],
    [76, 1],
  ].map(([p, s]) => decimalCase(p!, s!, 256)),
  { type: "numeric(80, 3)", value: `(${chance("n")} * 10::numeric ^ 70)::numeric(80, 3)`, arrow: "utf8" },
  { type: "numeric(3, -2)", value: "(i % 999 * 100)", arrow: "utf8" },
  { type: "money", value: `(${chance("m")} * 1e9 - 5e8)::numeric::money`, arrow: "utf8" },
  { type: "text", value: words, arrow: "utf8" },
  { type: "varchar(100)", value: words, arrow: "utf8" },
  { type: "char(50)", value: words, arrow: "utf8" },
  { type: '"char"', value: "chr(32 + i % 90)", arrow: "utf8" },
  { type: "name", value: "left('n' || md5(i::text), 60)", arrow: "utf8" },
  { type: "bytea", value: `decode(repeat(md5(i::text), i % 5), 'hex')`, arrow: "binary", expected: bytes },
  {
    type: "date",
    value: `case i % 20 when 0 then 'infinity' when 1 then '-infinity' else ${someDate} end`,
    arrow: "date",
    expected: date,
  },
  {
    type: "time",
    value: `(time '00:00' + make_interval(secs => ${chance("t")} * 86400))`,
    arrow: "time[us]",
    expected: time,
  },
  {
    type: "timetz",
    value: `(${chance("t")} * 86399 || ' seconds')::interval::time::text || (i % 29 - 14)`,
    arrow: "utf8",
  },
  {
    type: "timestamp",
    value: `case i % 20 when 0 then 'infinity' when 1 then '-infinity' else ${someTimestamp} end`,
    arrow: "timestamp[us]",
    expected: timestamp,
  },
  {
    type: "timestamptz",
    value: `case i % 20 when 0 then 'infinity' when 1 then '-infinity' else ${someTimestamp} at time zone 'UTC' end`,
    arrow: "timestamp[us, UTC]",
    expected: timestamp,
  },
  {
    type: "interval",
    value: `make_interval(months => (${bits("m")} >> 52)::int, days => (${bits("d")} >> 50)::int, secs => (${bits("s")} >> 24) / 1e6)`,
    arrow: "interval[months, days, ns]",
  },
  { type: "uuid", value: "md5(i::text)::uuid", arrow: "utf8" },
  {
    type: "json",
    value: `json_build_object('a', i, 'b', ${words}, 'c', array[1, null, i])`,
    arrow: "utf8",
    expected: JSON.parse,
  },
  {
    type: "jsonb",
    value: `jsonb_build_object('a', i, 'b', ${words}, 'c', array[1, null, i])`,
    arrow: "utf8",
    expected: JSON.parse,
  },
  { type: "xml", value: `xmlelement(name pet, i)`, arrow: "utf8" },
  {
    type: "inet",
    value: pick(`('10.' || i % 256 || '.1.2/' || i % 33)`, `'::ffff:1.2.3.4'`, `to_hex(i) || '::1/64'`),
    arrow: "utf8",
  },
  { type: "cidr", value: pick(`('10.' || i % 256 || '.0.0/16')`, `to_hex(1 + i % 60000) || '::/64'`), arrow: "utf8" },
  { type: "macaddr", value: "left(md5(i::text), 12)", arrow: "utf8" },
  { type: "macaddr8", value: "left(md5(i::text), 16)", arrow: "utf8" },
  { type: "bit(7)", value: "(i % 128)::bit(7)", arrow: "utf8" },
  { type: "varbit", value: "left((i::bit(31))::text, i % 32)", arrow: "utf8" },
  { type: "tsvector", value: `to_tsvector('simple', 'cat ' || i || ' owl ' || ${words})`, arrow: "utf8" },
  { type: "point", value: "point(i / 7.0, -i)", arrow: "utf8" },
  { type: "box", value: "box(point(i / 7.0, -i), point(1, 2))", arrow: "utf8" },
  { type: "int4range", value: range("i", "100", "int4range"), arrow: "utf8" },
  { type: "numrange", value: range("i / 7.0", "100", "numrange"), arrow: "utf8" },
  { type: "daterange", value: range(someDate, "date '2000-01-01'", "daterange"), arrow: "utf8" },
  { type: "tstzrange", value: range(`${someTimestamp} at time zone 'UTC'`, "now()", "tstzrange"), arrow: "utf8" },
  { type: "int4multirange", value: "int4multirange(int4range(i, i + 2), int4range(i + 5, null))", arrow: "utf8" },
  { type: "regclass", value: pick("'pg_class'", "'pg_type'"), arrow: "utf8" },
  { type: "mood", value: pick("'glad'", "'so so'", `'"sad"'`), arrow: "utf8" },
  { type: "pet", value: `row(i, ${words}, array[i])::pet`, arrow: "utf8" },
  { type: "age", value: "i % 100", arrow: "int32", expected: float },
  { type: "price", value: "i / 100.0", arrow: "decimal128(8, 2)" },
]

function decimalCase(precision: number, scale: number, width: number): Case {
  return {
    type: `numeric(${precision}, ${scale})`,
    value: `((${chance("n")} - 0.5) * 10::numeric ^ (i % ${precision} - ${scale}))`,
    arrow: `decimal${width}(${precision}, ${scale})`,
  }
}

const exact = { bigint: "bigint", timestamp: "string", date: "string" } as const

async function withTypes() {
  const connection = await connect()
  await execute(connection, "set timezone = 'UTC'")
  await execute(connection, "set intervalstyle = 'iso_8601'")
  await execute(connection, "create type pg_temp.mood as enum ('glad', 'so so', '\"sad\"')")
  await execute(connection, "create type pg_temp.pet as (id int, name text, ages int[])")
  await execute(connection, "create domain pg_temp.age as int4")
  await execute(connection, "create domain pg_temp.price as numeric(8, 2)")
  await execute(connection, "set search_path = pg_temp, public")
  return connection
}

for (const { type, value, arrow, expected = asIs } of cases) {
  onServer(`${type}: 2,000 values are those that the server writes as text`, async () => {
    const connection = await withTypes()
    const made = `select i, (case when i % 13 <> 0 then ${value} end)::${type} as v from generate_series(1, 2000) i`
    const { table } = await query(connection, `select v, ${written} as t from (${made}) made order by i`)
    const column = table.withValues(exact).getChild("v")!
    expect(typeName(column.field.type)).toBe(arrow)
    const texts = table.getChild("t")!.toArray() as (string | null)[]
    expect(column.toArray()).toEqual(texts.map((text) => (text === null ? null : expected(text))))
    expect(new Set(texts).size).toBeGreaterThan(type === "bool" ? 2 : 1)
  })

  onServer(`${type}[]: arrays with NULLs, empty, and of two dimensions`, async () => {
    const connection = await withTypes()
    const made = `select i, (case when i % 13 <> 0 then ${value} end)::${type} as v from generate_series(1, 600) i`
    const text = `
      select array_agg(v order by i) filter (where i % 7 > 0)::${type}[] as v, array_agg(${written} order by i) filter (where i % 7 > 0) as t
      from (${made}) made group by i / 7 % 40 - (i % 7) / 9 order by min(i)`
    const { table } = await query(connection, text)
    const column = table.withValues(exact).getChild("v")!
    expect(typeName(column.field.type)).toBe(`list<${arrow}>`)
    const texts = table.getChild("t")!.toArray() as (string | null)[][]
    const read = (element: string | null) => (element === null ? null : expected(element))
    expect(column.toArray()).toEqual(texts.map((array) => array.map(read)))

    const nested = `select array[array_agg(v order by i), array_agg(v order by -i)]::${type}[] as v, array_agg(${written} order by i) as t from (${made}) made`
    const { table: deep } = await query(connection, `${nested} union all select '{}', null union all select null, null`)
    const [first, ...rest] = deep.withValues(exact).getChild("v")!.toArray()
    const flat = (deep.getChild("t")!.at(0) as string[]).map(read)
    expect(first).toEqual([flat, [...flat].reverse()])
    expect(rest).toEqual([[], null])
  })
}

onServer("hstore and its arrays are text, where the extension is", async (context) => {
  const connection = await connect()
  const [available] = await rows(connection, "select 1 from pg_available_extensions where name = 'hstore'")
  if (available === undefined) return context.skip("this server has no extension hstore")
  await execute(connection, "create extension if not exists hstore")
  const { table } = await query(
    connection,
    "select 'a=>1, \"b c\"=>NULL'::hstore as h, array['x=>y'::hstore, null] as a",
  )
  expect(table.toArray()).toEqual([{ h: '"a"=>"1", "b c"=>NULL', a: ['"x"=>"y"', null] }])
})

onServer("json is parsed, and marked as such", async () => {
  const connection = await connect()
  const { table } = await query(connection, "select '{\"a\": [1]}'::jsonb as a, array['1'::json, 'null', null] as b")
  expect(table.toArray()).toEqual([{ a: { a: [1] }, b: [1, null, null] }])
  expect(table.schema.fields[0]!.metadata?.get("ARROW:extension:name")).toBe("arrow.json")
  expect(integerExtension).not.toBe("arrow.json")
})

onServer("a numeric that no decimal can be is an error that says what to do", async () => {
  const connection = await connect()
  const error = await failure(query(connection, "select 'NaN'::numeric(10, 2) as n"))
  expect(error).toMatchObject({
    code: "BAD_VALUE",
    message: expect.stringContaining('"n"'),
    hint: expect.stringContaining("::text"),
  })
  expect(await rows(connection, "select 1.50::numeric(10, 2) as n")).toEqual([{ n: "1.50" }])
})

onServer("values beyond Arrow's are errors that say what to do", async () => {
  const connection = await connect()
  for (const value of ["timestamp '294276-01-01'", "interval '4000000 hours'"]) {
    const error = await failure(query(connection, `select ${value} as v`))
    expect(error).toMatchObject({ code: "BAD_VALUE", message: expect.stringContaining('"v"') })
  }
})

onServer("arrays of several depths in one column are an error; lower bounds are dropped", async () => {
  const connection = await connect()
  const mixed = "select a::int[] as a from (values ('{1}'), ('{{2}}')) t(a)"
  expect(await failure(query(connection, mixed))).toMatchObject({ code: "BAD_VALUE" })
  const { table } = await query(
    connection,
    "select '[2:3]={1,2}'::int[] as a, '[0:0]={x}'::text[] as b, '1 2'::int2vector as c",
  )
  expect(table.toArray()).toEqual([{ a: [1, 2], b: ["x"], c: [1, 2] }])
  expect(typesOf(table)).toEqual({ a: "list<int32>", b: "list<utf8>", c: "list<int16>" })
})

onServer("NULLs stand between arrays as well as in them", async () => {
  const connection = await connect()
  const text = `
    select case when i % 3 > 0 then array[i, null, i + 1] end as a, case when i % 3 > 0 then array[[i::text], ['x']] end as b
    from generate_series(0, 9) i`
  const expected = Array.from({ length: 10 }, (_, i) =>
    i % 3 > 0 ? { a: [i, null, i + 1], b: [[`${i}`], ["x"]] } : { a: null, b: null },
  )
  expect(await rows(connection, text)).toEqual(expected)
})

onServer("columns of one name, of no name, and many of them", async () => {
  const connection = await connect()
  const { table } = await query(connection, "select 1 as a, 2 as a, 3")
  expect(table.schema.fields.map(({ name }) => name)).toEqual(["a", "a", "?column?"])
  expect([0, 1, 2].map((i) => table.getChildAt(i)!.at(0))).toEqual([1, 2, 3])
  const many = Array.from({ length: 1600 }, (_, i) => `${i} as c${i}`)
  const wide = await query(connection, `select ${many.join(", ")} from generate_series(1, 50)`)
  expect([wide.table.numCols, wide.table.numRows, wide.table.getChildAt(1599)!.at(49)]).toEqual([1600, 50, 1599])
})

onServer("text of any server encoding comes as UTF-8", async () => {
  const connection = await connect()
  await execute(connection, "drop database if exists latin")
  await execute(connection, "create database latin encoding 'LATIN1' locale 'C' template template0")
  const latin = await connect({ database: "latin" })
  expect(await rows(latin, "select 'é' || chr(255) as a, $1 as b", "ß")).toEqual([{ a: "éÿ", b: "ß" }])
})

onServer("text of a session that changed its encoding is let in where it is UTF-8", async () => {
  const connection = await connect()
  await execute(connection, "set client_encoding = 'LATIN1'")
  expect(await rows(connection, "select 'owl' as name, null::text as b")).toEqual([{ name: "owl", b: null }])
  const error = await failure(query(connection, "select chr(233) as name"))
  expect(error).toMatchObject({ code: "BAD_VALUE", hint: expect.stringContaining("reset client_encoding") })
  await connection.reset()
  expect(await rows(connection, "select chr(233) as name")).toEqual([{ name: "é" }])
})

onServer(
  "large values are whole",
  async () => {
    const connection = await connect()
    const text =
      "select repeat('é', 20000000) as a, decode(repeat('00ff', 5000000), 'hex') as b, i from generate_series(1, 3) i"
    const { table } = await query(connection, text)
    expect((table.getChild("a")!.at(2) as string).length).toBe(20_000_000)
    expect((table.getChild("b")!.at(2) as Uint8Array).length).toBe(10_000_000)
    expect(table.getChild("i")!.toArray()).toEqual([1, 2, 3])
  },
  60_000,
)
