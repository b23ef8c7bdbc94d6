import fc from "fast-check"
import { expect, test } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { extensionOf, typeName } from "../../../src/tables/index.ts"
import { childFields } from "../../../src/tables/types.ts"
import { arrowTexts } from "./arrow-text.ts"
import { execute, failure, memory, query } from "./support.ts"

/** Columns whose text has to be asked for in another way than by a cast. */
const asText: Record<string, string> = {
  blob: "hex(blob)",
  // DuckDB's own text of the greatest one is a millisecond too late.
  timestamp_tz: "make_timestamp(epoch_us(timestamp_tz)) || '+00'",
  geometry: "hex(st_aswkb(geometry))",
  int_array: "to_json(int_array::varchar[])",
  double_array: "to_json(list_transform(double_array, x -> 'float ' || x))",
  date_array: "to_json(date_array::varchar[])",
  timestamp_array: "to_json(timestamp_array::varchar[])",
  timestamptz_array: "to_json(timestamptz_array::varchar[])",
  varchar_array: "to_json(varchar_array)",
  nested_int_array: "to_json(nested_int_array::varchar[][])",
  struct: "to_json(struct::struct(a varchar, b varchar))",
  struct_of_arrays: "to_json(struct_of_arrays::struct(a varchar[], b varchar[]))",
  array_of_structs: "to_json(array_of_structs::struct(a varchar, b varchar)[])",
  map: "to_json(map)",
  fixed_int_array: "to_json(fixed_int_array::varchar[3])",
  fixed_varchar_array: "to_json(fixed_varchar_array)",
  fixed_nested_int_array: "to_json(fixed_nested_int_array::varchar[3][3])",
  fixed_nested_varchar_array: "to_json(fixed_nested_varchar_array)",
  fixed_struct_array: "to_json(fixed_struct_array::struct(a varchar, b varchar)[3])",
  struct_of_fixed_array: "to_json(struct_of_fixed_array::struct(a varchar[3], b varchar[3]))",
  fixed_array_of_int_list: "to_json(fixed_array_of_int_list::varchar[][3])",
  list_of_fixed_int_array: "to_json(list_of_fixed_int_array::varchar[3][])",
}

async function texts(connection: DriverConnection, expression: string, from: string): Promise<unknown[]> {
  const { table } = await query(connection, `select (${expression})::varchar as text from ${from}`)
  const found = table.column("text")!.toArray() as (string | null)[]
  return expression.startsWith("to_json") ? found.map((text) => (text === null ? null : JSON.parse(text))) : found
}

function comparable(value: unknown): unknown {
  // Floating-point numbers compare as numbers: the same one has many texts.
  if (typeof value === "string" && value.startsWith("float ")) {
    const text = value.slice(6).replace("inf", "Infinity").replace("Infinityinity", "Infinity").replace("nan", "NaN")
    return Number(text)
  }
  if (Array.isArray(value)) return value.map(comparable)
  return value
}

test("every type of test_all_types() is what DuckDB says it is", async () => {
  const connection = await memory()
  const { table } = await query(connection, "from test_all_types()")
  expect(table.numRows).toBe(3)
  expect(table.numCols).toBeGreaterThan(50)
  for (const column of table.columns) {
    const { name } = column
    const own = name === "float" || name === "double"
    const expression = asText[name] ?? `"${name}"`
    const expected = await texts(connection, expression, "test_all_types()")
    const found = arrowTexts(column).map(comparable)
    const wanted = own ? expected.map((text) => (text === null ? null : Number(text))) : expected.map(comparable)
    expect([
      name,
      found.map((value) => (name === "float" && value !== null ? Math.fround(value as number) : value)),
    ]).toEqual([
      name,
      wanted.map((value) => (name === "float" && value !== null ? Math.fround(value as number) : value)),
    ])
  }
})

test("the Arrow types are those of the documentation", async () => {
  const connection = await memory()
  const { table } = await query(connection, "from test_all_types()")
  const types = Object.fromEntries(table.columns.map((column) => [column.name, typeName(column.type)]))
  expect(types).toMatchObject({
    bool: "bool",
    tinyint: "int8",
    ubigint: "uint64",
    hugeint: "decimal128(38, 0)",
    uhugeint: "decimal256(39, 0)",
    bignum: "utf8",
    date: "date",
    time: "time[us]",
    time_ns: "time[ns]",
    time_tz: "utf8",
    timestamp_s: "timestamp[s]",
    timestamp_ms: "timestamp[ms]",
    timestamp: "timestamp[us]",
    timestamp_ns: "timestamp[ns]",
    timestamp_tz: "timestamp[us, UTC]",
    float: "float32",
    dec_4_1: "decimal128(4, 1)",
    dec38_10: "decimal128(38, 10)",
    uuid: "utf8",
    interval: "interval[months, days, ns]",
    blob: "binary",
    bit: "utf8",
    small_enum: "dictionary<utf8>",
    large_enum: "dictionary<utf8>",
    int_array: "list<int32>",
    fixed_int_array: "fixedSizeList<int32>",
    struct: "struct<a: int32, b: utf8>",
    map: "map<utf8, utf8>",
    union: "union<name: utf8, age: int16>",
    geometry: "binary",
  })
  const extensions = Object.fromEntries(table.columns.map((column) => [column.name, extensionOf(column.field)]))
  expect(extensions).toMatchObject({
    hugeint: "mooring.integer",
    uhugeint: "mooring.integer",
    geometry: "geoarrow.wkb",
  })
  expect(extensions.varchar).toBeUndefined()
})

/** Expressions of any row number `i`, NULL for some. */
const columns: Record<string, string> = {
  short: "'s' || (i % 7)",
  long: "'a text of more than twelve bytes, number ' || i",
  mixed: "repeat('é', (hash(i) % 20)::int)",
  maybe: "case when hash(i) % 3 = 0 then repeat('long enough to leave the vector ', (i % 4)::int) end",
  "empty or not": "case when i % 2 = 0 then '' else md5(i::varchar) end",
  blob: "case when i % 5 > 0 then encode(repeat('b', (i % 30)::int)) end",
  integer: "case when i % 4 > 0 then i::int end",
  boolean: "case when i % 3 > 0 then i % 2 = 0 end",
  "decimal 4": "case when i % 6 > 0 then (i % 900)::decimal(4, 1) - 450 end",
  "decimal 9": "(i - 5000)::decimal(9, 4)",
  "decimal 18": "((i - 5000) * 1000000)::decimal(18, 6)",
  "decimal 38": "((i - 5000)::decimal(38, 10))",
  hugeint: "(i - 5000)::hugeint * 1000000000000000000000",
  uuid: "case when i % 9 > 0 then ('00000000-0000-4000-8000-' || lpad(i::varchar, 12, '0'))::uuid end",
  bit: "case when i % 9 > 0 then bitstring(right(bin(i), 60), (i % 60 + 1)::int + 60) end",
  bignum: "case when i % 9 > 0 then ((i - 5000) || repeat('7', (i % 40)::int))::bignum end",
  timetz: "case when i % 9 > 0 then timetz '10:00:00+05:30' + to_seconds(i) end",
  interval:
    "case when i % 9 > 0 then to_months((i % 50)::int) + to_days((i % 70)::int) - to_microseconds(i * 1000001) end",
  list: "case when i % 5 > 0 then list_transform(range(i % 6), x -> case when x <> 3 then 'element ' || (i * x) end) end",
  "list of lists": "case when i % 5 > 0 then [[i], [], null, [i, null]] end",
  struct:
    "case when i % 5 > 0 then {'a': i, 'b': case when i % 2 = 0 then 'inside a struct, ' || i end, 'c': [i, i + 1]} end",
  array: "(case when i % 5 > 0 then ['element ' || i, null, 'x'] end)::varchar[3]",
  "array of structs":
    "(case when i % 5 > 0 then [{'a': i, 'b': 'text in an array ' || i}, null] end)::struct(a bigint, b varchar)[2]",
  map: "case when i % 5 > 0 then map {'key ' || i: [i, null], 'other': []} end",
  "nested enum": "case when i % 5 > 0 then [('b' || (i % 3))::enum('b0', 'b1', 'b2')] end",
}

/** Leaves as text: what a struct or list is cast to before it becomes JSON. */
const nestedCasts: Record<string, string> = {
  list: "varchar[]",
  "list of lists": "varchar[][]",
  struct: "struct(a varchar, b varchar, c varchar[])",
  array: "varchar[3]",
  "array of structs": "struct(a varchar, b varchar)[2]",
  map: "map(varchar, varchar[])",
  "nested enum": "varchar[]",
}

test.each(Object.keys(columns))("many chunks of %s, as they come and in any order", async (name) => {
  const connection = await memory()
  await execute(connection, `create table t as select i, ${columns[name]} as x from range(9000) t(i)`)
  const text = name === "blob" ? "hex(x)" : name in nestedCasts ? `to_json(x::${nestedCasts[name]})` : "x"
  for (const from of [
    "t",
    "(select * from t order by hash(i))",
    "(select * from t where hash(i) % 3 = 0)",
    "(select * from t limit 1)",
  ]) {
    const { table } = await query(connection, `select x from ${from}`)
    expect(arrowTexts(table.columns[0]!)).toEqual(await texts(connection, text, from))
  }
})

test("a list's rows may lie anywhere in its child", async () => {
  const connection = await memory()
  // A join by position gives vectors that are slices of others.
  const from = `(select a.x from (select range(i % 7) as x, i from range(5000) t(i)) a
    join (select (hash(i) % 5000)::bigint as i from range(5000) t(i)) b on a.i = b.i)`
  const { table } = await query(connection, `select x from ${from} order by x`)
  expect(arrowTexts(table.columns[0]!)).toEqual(await texts(connection, "to_json(x::varchar[])", `${from} order by x`))
})

test("strings of any length beside each other", async () => {
  const connection = await memory()
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.oneof(fc.string({ maxLength: 14 }), fc.string({ unit: "binary", maxLength: 60 })))),
      async (values) => {
        // What JavaScript allows and UTF-8 does not becomes a replacement character on the way in.
        const wellFormed = values.map((value) => value?.toWellFormed() ?? null)
        const { table } = await query(connection, "select unnest($1::varchar[]) as x", wellFormed)
        expect(table.column("x")!.toArray()).toEqual(wellFormed)
      },
    ),
    { numRuns: 100 },
  )
})

test("JSON and VARIANT are text that says that it is JSON", async () => {
  const connection = await memory()
  const { table } = await query(
    connection,
    `select '{"a": [1, 2]}'::json as j,
            {'a': 1, 'd': date '2020-01-02', 'n': 12345678901234567890::hugeint, 'm': 1.50::decimal(4, 2), 'z': null,
             'l': [1, 2], 's': 'it''s "quoted"', 'f': 'nan'::double, 'o': -0.0::double, 'b': 'ab'::blob, 't': true}::variant as v,
            case when i > 0 then [i]::variant end as w,
            [i::variant] as lv,
            ['[1]'::json] as lj
     from range(2) t(i)`,
  )
  expect(childFields(table.column("lj")!.type).map(extensionOf)).toEqual(["arrow.json"])
  expect(table.columns.slice(0, 3).map((column) => extensionOf(column.field))).toEqual([
    "arrow.json",
    "arrow.json",
    "arrow.json",
  ])
  const [j, v, w, lv] = table.columns.map((column) => arrowTexts(column))
  expect(j).toEqual(['{"a": [1, 2]}', '{"a": [1, 2]}'])
  expect(v![0]).toBe(
    '{"a":1,"d":"2020-01-02","n":12345678901234567890,"m":1.50,"z":null,"l":[1,2],"s":"it\'s \\"quoted\\"","f":"NaN","o":-0.0,"b":"ab","t":true}',
  )
  expect(w).toEqual([null, "[1]"])
  expect(lv).toEqual([["0"], ["1"]])
})

test("infinite dates and timestamps keep DuckDB's numbers", async () => {
  const connection = await memory()
  const expressions = ["date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"].flatMap((type) => [
    `'infinity'::${type}`,
    `'-infinity'::${type}`,
  ])
  const { table } = await query(connection, `select ${expressions.map((x, i) => `${x} as c${i}`).join(", ")}`)
  expect(table.columns.flatMap((column) => arrowTexts(column))).toEqual(
    expressions.map((expression) => (expression.includes("-") ? "-infinity" : "infinity")),
  )
})

test("NULL has no type but DuckDB's own", async () => {
  const connection = await memory()
  const { table } = await query(connection, "select null as a, [] as b, [null] as c from range(2)")
  expect(table.columns.map((column) => arrowTexts(column))).toEqual([
    [null, null],
    [[], []],
    [[null], [null]],
  ])
})

test("a union's NULL is a NULL of its first member", async () => {
  const connection = await memory()
  const { table } = await query(
    connection,
    `select case when i % 3 = 0 then null
                 when i % 3 = 1 then union_value(n := i::int)::union(s varchar, n int)
                 else ('text number ' || i)::union(s varchar, n int) end as u
     from range(5000) t(i)`,
  )
  expect(arrowTexts(table.columns[0]!)).toEqual(
    Array.from({ length: 5000 }, (_, i) => (i % 3 === 0 ? null : i % 3 === 1 ? String(i) : `text number ${i}`)),
  )
})

test("an interval that Arrow cannot hold is an error that says so", async () => {
  const connection = await memory()
  const error = await failure(query(connection, "select to_microseconds(9223372036854775807) as x"))
  expect(error).toMatchObject({ code: "BAD_VALUE", message: expect.stringContaining("INTERVAL") })
})

test("columns of one name keep their places", async () => {
  const connection = await memory()
  const { table } = await query(connection, "select 1 as a, 2 as a, 'x' as a")
  expect(table.names).toEqual(["a", "a", "a"])
  expect(table.columns.map((column) => column.at(0))).toEqual([1, 2, "x"])
})
