import { expect, onTestFinished } from "vitest"
import { closeAll, connection, sql } from "../../../src/index.ts"
import type { SQLConnection } from "../../../src/sql/index.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { failure, onServer } from "./support.ts"

/** A connection to a database of its own, with what the statements below read. */
async function made(): Promise<SQLConnection> {
  const address = await newPostgresDatabase()
  onTestFinished(() => closeAll())
  const pets = (await connection("typed", { type: "sql", dialect: "postgresql", ...address })) as SQLConnection
  await pets.execute("create table pets (id int, name text, born date, seen timestamptz, doc jsonb, photo bytea)")
  await pets.execute("insert into pets values (11, 'x', '2024-03-10', '2024-03-10 23:30Z', '[1]', '\\x00ff10')")
  return pets
}

type Case = readonly [sql: string, params: Record<string, unknown>, result: unknown]

const at = new Date("2024-03-10T23:30:00Z")
const bytes = Buffer.from("00ff10", "hex")
const list = [{ lat: 43.65, tags: ["x"] }, { lat: null }]

const cases: readonly Case[] = [
  // A name is each place's own type.
  [
    "select :d::date::text || ' ' || (:d::timestamptz at time zone 'UTC')::text",
    { d: at },
    "2024-03-10 2024-03-10 23:30:00",
  ],
  ["select count(*)::int from pets where :n is null or name = :n", { n: null }, 1],
  ["select count(*)::int from pets where :n is null or name = :n", { n: "y" }, 0],
  ["select count(*)::int from pets where (:n is null or id = :n) and (:m is null or name = :m)", { n: 11, m: null }, 1],
  ["select count(*)::int from pets where (:n is null or id in :n)", { n: [11, 12] }, 1],
  ["select case when :x is null then 'none' else 'some' end", { x: 5 }, "some"],
  ["select case when :x is null then 'none' else 'some' end", { x: null }, "none"],
  // Types out of values, where no place says one.
  ["select jsonb_build_object('k', :v)::text", { v: "x" }, '{"k": "x"}'],
  ["select jsonb_build_object('k', :v)::text", { v: 5 }, '{"k": 5}'],
  ["select jsonb_build_object('k', :v)::text", { v: true }, '{"k": true}'],
  ["select jsonb_build_object('k', :v)::text", { v: null }, '{"k": null}'],
  ["select jsonb_build_object('k', :v)::text", { v: list }, '{"k": [{"lat": 43.65, "tags": ["x"]}, {"lat": null}]}'],
  ["select pg_typeof(:a)::text || pg_typeof(:b)::text", { a: 2 ** 40, b: [1, 2.5] }, "bigintdouble precision[]"],
  ["select abs(:x)", { x: -5.5 }, 5.5],
  ["select :a + :b", { a: 1, b: 2 }, 3],
  ["select extract(year from :d)::int", { d: at }, 2024],
  ["select (:a - :b)::text", { a: at, b: new Date(at.getTime() - 1000) }, "00:00:01"],
  ["select format('%s %s', :a, :b)", { a: "x", b: 1n }, "x 1"],
  ["select to_json(:v)::text", { v: "x" }, '"x"'],
  // Values that are not of the type that the place has.
  ["select count(*)::int from pets where id > :n", { n: 10.5 }, 1],
  ["select count(*)::int from pets where id < :n", { n: 12_345_678_901 }, 1],
  ["select count(*)::int from pets where id < :n", { n: 2n ** 80n }, 1],
  ["select count(*)::int from pets where id = any(:ids)", { ids: [11, 2 ** 40] }, 1],
  ["select greatest(:x, 3)", { x: 5.5 }, 5.5],
  ["select (date '2024-03-10' - :days)::text", { days: 3 }, "2024-03-07"],
  // One expression, though it has a parameter in it.
  [
    "select date_trunc(:unit, seen)::date::text from pets group by date_trunc(:unit, seen)",
    { unit: "month" },
    "2024-03-01",
  ],
  ["select substr(name, :n) from pets where (:m is null or id = :m) group by substr(name, :n)", { n: 1, m: null }, "x"],
  ["select distinct coalesce(name, :n) from pets order by coalesce(name, :n)", { n: "" }, "x"],
  // Bytes are bytes.
  ["select length(:b)", { b: bytes }, 3],
  ["select md5(:b) = md5(photo) from pets", { b: bytes }, true],
  ["select photo = any(:list) from pets", { list: [bytes, null] }, true],
  [
    "select jsonb_array_length(:doc)",
    {
      doc: [
        [1, { a: 1 }],
        ["s", null, true],
      ],
    },
    2,
  ],
  ["select :doc::json::text", { doc: [[1, { a: [{ b: 2 }] }], "s"] }, '[[1,{"a":[{"b":2}]}],"s"]'],
]

onServer(
  "parameters have the types of their places, or of their values where the places have none",
  async () => {
    const pets = await made()
    for (const [sql, params, result] of cases) {
      expect(await pets.scalar(sql, { params }), sql).toEqual(result)
      // Once more as a statement that the connection has prepared.
      expect(await pets.scalar(sql, { params, fresh: true }), sql).toEqual(result)
    }
  },
  60_000,
)

onServer(
  "the same inside a transaction, which nothing of it ends",
  async () => {
    const pets = await made()
    for (const readOnly of [false, true]) {
      await pets.transaction(
        async (tx) => {
          for (const [sql, params, result] of cases) expect(await tx.scalar(sql, { params }), sql).toEqual(result)
        },
        { readOnly },
      )
    }
  },
  60_000,
)

onServer("what was found for values of one kind does not hold for others", async () => {
  const pets = await made()
  const sql = "select count(*)::int from pets where extract(year from :x) = 2024 and born = :d"
  expect(await pets.scalar(sql, { params: { x: at, d: at } })).toBe(0)
  expect(await pets.scalar(sql, { params: { x: at, d: "2024-03-10" } })).toBe(1)
  const filter = "select count(*)::int from pets where :n is null or id = :n"
  for (const n of [null, 11, 11n, "11", 11.5]) {
    expect(await pets.scalar(filter, { params: { n } })).toBe(n === 11.5 ? 0 : 1)
  }
})

onServer("what is stored is never rounded: a fraction for an integer column is an error", async () => {
  const pets = await made()
  const error = await failure(pets.execute("insert into pets (id) values (:n)", { n: 10.5 }))
  expect(error).toMatchObject({ sqlState: "22P02", kind: "value" })
  expect(await failure(pets.execute("insert into pets (id) values (:n)", { n: 2 ** 40 }))).toMatchObject({
    kind: "value",
  })
})

onServer(
  "a statement that is wrong for another reason says that reason, and ends its transaction as always",
  async () => {
    const pets = await made()
    const sql = "select nothing(:x), jsonb_build_object('k', :v)"
    expect(await failure(pets.query(sql, { params: { x: 1, v: 2 } }))).toMatchObject({ sqlState: "42883" })
    const wrong = "select name, :x from pets group by :x || 'y'"
    expect(await failure(pets.query(wrong, { params: { x: "a" } }))).toMatchObject({ sqlState: "42803" })
    const failed = failure(
      pets.transaction(async (tx) => {
        const inside = await failure(tx.query(sql, { params: { x: 1, v: 2 } }))
        expect(inside).toMatchObject({ sqlState: "42883" })
        await tx.query("select 1")
      }),
    )
    expect(await failed).toMatchObject({ code: "SESSION_STATE" })
  },
)

onServer("an array for JSON is its JSON at every depth, however it is given", async () => {
  const pets = await made()
  const stored = async () => pets.scalar("select doc::text from pets where id = 1", { fresh: true })
  const expected = '[{"lat": 43.65, "tags": ["x"]}, {"lat": null}]'
  const insert = "insert into pets (id, doc) values (:id, :doc)"
  await pets.execute(insert, { id: 1, doc: list })
  expect(await stored()).toBe(expected)
  for (const way of [
    () => pets.execute("update pets set doc = :doc::jsonb where id = 1", { doc: list }),
    () => pets.execute("update pets set doc = ? where id = ?", [list, 1]),
    () =>
      pets.execute("update pets set doc = :doc where id = :id", [
        { doc: [0], id: 1 },
        { doc: list, id: 1 },
      ]),
    () => pets.transaction((tx) => tx.execute("update pets set doc = :doc where id = 1", { doc: list })),
    () =>
      pets.transaction((tx) =>
        tx
          .db()
          .updateTable("pets")
          .set({ doc: list as never })
          .where("id", "=", 1 as never)
          .execute(),
      ),
  ]) {
    await pets.execute("update pets set doc = null where id = 1")
    await way()
    expect(await stored()).toBe(expected)
  }
  // The same elements as texts are other values: they must not be answered from the same place of the cache.
  const sql = "select :doc::jsonb::text"
  expect(await pets.scalar(sql, { params: { doc: [{ a: 1 }] }, ttl: 60 })).toBe('[{"a": 1}]')
  expect(await pets.scalar(sql, { params: { doc: ['{"a":1}'] }, ttl: 60 })).toBe('["{\\"a\\":1}"]')
})

onServer("backslashes in strings are read as the session reads them, also after it has changed that", async () => {
  const address = await newPostgresDatabase()
  onTestFinished(() => closeAll())
  const options = "-c standard_conforming_strings=off -c escape_string_warning=off"
  const off = (await connection("off", { type: "sql", dialect: "postgresql", ...address, options })) as SQLConnection
  const sql = "select 'it\\'s :a' as s, :n::int as n"
  expect((await off.query(sql, { params: { n: 5 } })).toArray()).toEqual([{ s: "it's :a", n: 5 }])
  const on = (await connection("on", { type: "sql", dialect: "postgresql", ...address })) as SQLConnection
  expect(await failure(on.query(sql, { params: { n: 5 } }))).toMatchObject({ code: "BAD_PARAMS", connection: "on" })
  await on.transaction(async (tx) => {
    await tx.execute("set local standard_conforming_strings = off")
    expect(await tx.scalar(sql, { params: { n: 5 } })).toBe("it's :a")
  })
  expect(await on.scalar("select 'C:\\' || :x", { params: { x: "temp" } })).toBe("C:\\temp")
})

onServer("equal values without names in SELECT and GROUP BY are one expression", async () => {
  const pets = await made()
  await pets.execute("create table ages (age int)")
  await pets.execute("insert into ages values (?)", [[1], [2], [11]])
  const grouped = "select age / ? as ten, count(*) as n from ages where age > ? group by age / ? order by age / ?"
  const expected = [
    { ten: 0, n: 2 },
    { ten: 1, n: 1 },
  ]
  for (let i = 0; i < 3; i++) {
    expect((await pets.query(grouped, { params: [10, 0, 10, 10], fresh: true })).toArray()).toEqual(expected)
  }
  const ten = 10
  const template = sql`select age / ${ten} as ten, count(*) as n from ages group by age / ${ten} order by 1`
  expect((await pets.query(template)).toArray()).toEqual(expected)
  expect(await failure(pets.query(grouped, { params: [10, 0, 5, 5] }))).toMatchObject({ sqlState: "42803" })
})
