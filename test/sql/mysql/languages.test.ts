import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { asMariaDBAdmin, newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { useProject } from "../../support/project.ts"
import { until } from "../../support/waiting.ts"
import { failure, onServer } from "./support.ts"

const languages = ["en_US", "de_DE", "es_ES", "fr_FR", "ja_JP", "ru_RU", "zh_CN"]

const set = [
  "create table pets (id int primary key, name varchar(9) not null unique, age tinyint, born date, n bigint, check (age > 0))",
  "create table toys (pet int, constraint owner foreign key (pet) references pets (id))",
  "create table parts (id int) partition by list (id) (partition p values in (1))",
  "insert into pets values (1, 'O''Neil', 3, '2020-01-01', 5)",
]

/** What fails, with values that no parameter holds, and what is known of it in every language. */
const mistakes: [text: string, known: object][] = [
  ["insert into pets select 2, 'O''Neil', 1, null, 1", { kind: "unique", constraint: "name" }],
  ["insert into pets values (1, null, 1, null, 1)", { kind: "notNull", column: "name" }],
  ["insert into pets (id) values (9)", { kind: "notNull", column: "name" }],
  ["insert into pets values (2, 'x', -7, null, 1)", { kind: "check", table: "pets" }],
  ["insert into toys values (4711)", { kind: "foreignKey", constraint: "owner", table: "toys", column: "pet" }],
  ["insert into pets values (2, 'x', concat('gehe', 'im''s'), null, 1)", { kind: "value" }],
  ["insert into pets values (2, 'x', 1, concat('gehe', 'im''s'), 1)", { kind: "value" }],
  ["insert into pets values (2, 'x', 1, str_to_date(concat('gehe', 'im''s'), '%Y'), 1)", { kind: "value" }],
  ["update pets set age = 1 where cast(concat('gehe', name) as date) > 0", { kind: "value" }],
  ["select 9223372036854770000 + n * 4711 from pets", { kind: "value" }],
  ["insert into parts values (4711)", { kind: "value", driverCode: 1526 }],
  ["select * from nowhere", { kind: "missing" }],
  ["selec 1", { kind: "syntax" }],
  ["kill query connection_id()", { kind: "interrupted" }],
]

onServer("errors mean the same in every language of the server, and quote no values", async () => {
  useProject()
  const pets = await connection<SQLConnection>("pets", {
    type: "sql",
    dialect: "mysql",
    ...(await newMariaDBDatabase()),
  })
  for (const text of set) await pets.execute(text)
  await using session = pets.session
  const texts = new Set<string>()
  for (const language of languages) {
    await session.execute(`set lc_messages = '${language}'`)
    for (const [text, known] of mistakes) {
      const error = await failure(session.execute(text))
      expect(error, `${language}: ${error.message}`).toMatchObject(known)
      expect(`${error.message}\n${error.stack}`).not.toMatch(/Neil|gehe|im's|'.*4711/)
      texts.add(error.message)
    }
  }
  expect(texts.size).toBeGreaterThan(mistakes.length * 3)
})

onServer("a session in German is cancelled, refused and ended as any other", async () => {
  useProject()
  const address = await newMariaDBDatabase()
  const options = { type: "sql", dialect: "mysql", ...address, pool_size: 1, max_overflow: 0 }
  const pets = await connection<SQLConnection>("pets", options)
  const other = await connection<SQLConnection>("other", options)
  await pets.execute("create table pets (id int)")
  await pets.transaction(
    async (tx) => {
      await tx.execute("set lc_messages = 'de_DE'")
      expect(await failure(tx.execute("insert into pets values (1)"))).toMatchObject({
        code: "QUERY",
        driverCode: 1792,
      })
    },
    { readOnly: true },
  )
  await using session = pets.session
  await session.execute("set lc_messages = 'de_DE'")
  const id = await session.scalar<number>("select connection_id()")
  const controller = new AbortController()
  const sleeping = failure(session.query("select sleep(60)", { signal: controller.signal }))
  const state = "select count(*) from information_schema.processlist where id = :id and info like '%sleep%'"
  await until(async () => (await other.scalar<number>(state, { params: { id }, fresh: true })) === 1)
  controller.abort()
  expect((await sleeping).name).toBe("AbortError")
  expect(await session.scalar("select connection_id()")).toBe(id)
  await asMariaDBAdmin(`kill ${id}`)
  expect(await failure(session.execute("insert into pets values (1)"))).toMatchObject({ kind: "connection" })
  expect(await other.scalar("select count(*) from pets", { fresh: true })).toBe(0)
})
