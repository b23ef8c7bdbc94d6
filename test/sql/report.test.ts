import { inspect, types } from "node:util"
import { describe, expect, test } from "vitest"
import { MooringError, type QueryError, SQLConnection } from "../../src/index.ts"
import { redactValues } from "../../src/sql/redact-values.ts"
import { type DialectName, onEveryDatabase } from "../support/databases.ts"
import { failureOf, until } from "../support/waiting.ts"

const missing = "select * from nope"

/** Calls that fail, each inside a function whose name is then looked for in the stack. */
const calls: Record<string, (pets: SQLConnection) => Promise<unknown>> = {
  callsQuery: async (pets) => await pets.query(missing),
  callsCachedQuery: async (pets) => await pets.query(missing, { ttl: 5 }),
  callsWithTimeout: async (pets) => await pets.query(missing, { timeout: 60 }),
  callsScalar: async (pets) => await pets.scalar(missing),
  callsExecute: async (pets) => await pets.execute(missing),
  callsWithSets: async (pets) => await pets.execute("insert into nope values (?)", [[1], [2]]),
  callsTransaction: async (pets) => await pets.transaction(async (tx) => await tx.query(missing)),
  callsSession: async (pets) => {
    await using session = pets.session
    await session.query(missing)
  },
  callsStream: async (pets) => {
    for await (const batch of pets.stream(missing)) expect(batch).toBe(undefined)
  },
  callsWithoutParams: async (pets) => await pets.query("select :a", { params: { b: 1 } }),
  callsStreamWithoutParams: async (pets) => pets.stream("select :a", { params: { b: 1 } }),
  callsTogether: async (pets) => await Promise.all([pets.query(missing), pets.query(`${missing} limit 1`)]),
}

onEveryDatabase("an error has the frames of its caller, and the text of the statement", async ({ pets }) => {
  for (const [name, call] of Object.entries(calls)) {
    const error = (await failureOf(call(pets))) as QueryError
    expect(error.stack, name).toMatch(new RegExp(`at (?:async )?${name}\\b|at .*\\.${name} `))
    expect(["select :a", missing, `${missing} limit 1`, "insert into nope values (?)"], name).toContain(error.sql)
  }
})

test("callers who were cut off together each have their own statement and frames", async () => {
  const pets = new SQLConnection("pets", { url: "sqlite://", pool_size: 1, max_overflow: 0 })
  await using session = pets.session
  await session.execute("create table t (a)")
  const asksFirst = async () => await pets.query("select 1")
  const asksSecond = async () => await pets.query("select 2")
  const failing = [asksFirst(), asksSecond()].map(failureOf)
  const pool = await pets.engine
  await until(() => pool.stats.waiting === 2)
  await pets.close({ timeout: 0 })
  const [first, second] = await Promise.all(failing)
  for (const error of [first, second]) {
    expect(types.isNativeError(error)).toBe(true)
    expect(error).toBeInstanceOf(MooringError)
    expect(error).toMatchObject({ name: "MooringError", code: "ABORTED", connection: "pets", message: first!.message })
  }
  expect([first, second]).toMatchObject([{ sql: "select 1" }, { sql: "select 2" }])
  expect(first!.stack).toMatch(/asksFirst/)
  expect(second!.stack).toMatch(/asksSecond/)
  expect(first!.stack).not.toMatch(/asksSecond/)
  expect(second!.stack).not.toMatch(/asksFirst/)
})

onEveryDatabase(
  "values of parameters are in no text of an error, but in a detail that is not printed",
  async ({ pets, dialect }) => {
    const value = "vAlUe55canary"
    const type: Record<DialectName, string> = { duckdb: "int", mysql: "signed", postgresql: "int", sqlite: "int" }
    await pets.execute("create table vt (k varchar(20) primary key, n int not null check (n < 100))")
    await pets.execute("insert into vt values (:v, 1)", { v: value })
    const tries = [
      () => pets.execute("insert into vt values (:v, 2)", { v: value }),
      () => pets.execute("insert into vt values (:v, 200)", { v: `x${value}` }),
      () => pets.execute("insert into vt values (:v, null)", { v: `x${value}` }),
      () => pets.execute("insert into vt values ('z', :v)", { v: value }),
      () => pets.query(`select cast(:v as ${type[dialect]})`, { params: { v: value } }),
      () => pets.query("select cast(:v as date)", { params: { v: value } }),
      () => pets.transaction((tx) => tx.execute("insert into vt values (:v, 2)", { v: value })),
      () =>
        pets.transaction((tx) =>
          tx
            .db()
            .insertInto("vt" as never)
            .values({ k: value, n: 2 } as never)
            .execute(),
        ),
    ]
    let failed = 0
    for (const attempt of tries) {
      const error = await attempt().then(
        () => undefined,
        (reason: unknown) => reason as Error,
      )
      if (error === undefined) continue
      failed++
      const { message, stack, hint, cause } = error as QueryError
      const texts = [
        message,
        stack,
        hint,
        (cause as Error).message,
        (cause as Error).stack,
        inspect(error),
        JSON.stringify(error),
      ]
      for (const text of texts) expect(text ?? "").not.toContain(value)
    }
    expect(failed).toBeGreaterThan(3)
  },
)

onEveryDatabase("a violated constraint is named, as far as the database tells", async ({ pets, dialect }) => {
  await pets.execute("create table shops (id int primary key)")
  await pets.execute(
    "create table toys (name varchar(20) not null, price int, shop int, constraint toys_name unique (name), constraint toys_price check (price > 0), constraint toys_shop foreign key (shop) references shops (id))",
  )
  await pets.execute("insert into toys values ('ball', 5, null)")
  const about = async (values: string) => {
    const error = (await failureOf(pets.execute(`insert into toys values ${values}`))) as QueryError
    const { constraint, table, column, kind } = error
    expect(Object.keys(error)).not.toContain("detail")
    return { kind, constraint, table, column }
  }
  const server = dialect === "postgresql"
  const none = { constraint: undefined, table: undefined, column: undefined }
  const expected: Record<DialectName, object[]> = {
    postgresql: [
      { constraint: "toys_name", table: "toys", column: undefined },
      { constraint: "toys_price", table: "toys", column: undefined },
      { constraint: "toys_shop", table: "toys", column: undefined },
      { constraint: undefined, table: "toys", column: "name" },
    ],
    mysql: [
      { constraint: "toys_name" },
      { constraint: "toys_price", table: "toys" },
      { constraint: "toys_shop", table: "toys", column: "shop" },
      { column: "name" },
    ],
    sqlite: [{ table: "toys", column: "name" }, { constraint: "toys_price" }, none, { table: "toys", column: "name" }],
    duckdb: [none, { table: "toys" }, none, { table: "toys", column: "name" }],
  }
  const bad = ["('ball', 5, null)", "('rope', -1, null)", "('rope', 5, 9)", "(null, 5, null)"]
  for (const [i, values] of bad.entries()) expect(await about(values), values).toMatchObject(expected[dialect][i]!)
  if (!server) return
  const error = (await failureOf(pets.execute("insert into toys values ('ball', 5, null)"))) as QueryError
  expect(error).toMatchObject({ schema: "public", detail: "Key (name)=(ball) already exists." })
  expect(inspect(error) + JSON.stringify(error)).not.toContain("already exists.")
})

describe("values taken out of what a database says", () => {
  test.each([
    ['invalid input syntax for type integer: "x1"', ["x1"], 'invalid input syntax for type integer: "…"'],
    ["ungültige Eingabesyntax für Typ integer: »x1«", ["x1"], "ungültige Eingabesyntax für Typ integer: »…«"],
    ['value "12345678901" is out of range', [12_345_678_901], 'value "…" is out of range'],
    ['Duplicate key "k: abc" violates', ["abc"], 'Duplicate key "…" violates'],
    ["missing ): (abcdef", ["(abcdef"], "missing ): …"],
    ['relation "pets" does not exist', ["pets"], 'relation "pets" does not exist'],
    ["a is short, 'a' is quoted", ["a"], "a is short, '…' is quoted"],
    ['in a list: "yy"', [["xx", "yy"]], 'in a list: "…"'],
    ["nothing of it", [null, true, "", new Date(0)], "nothing of it"],
  ])("%s", (said, values, shown) => {
    expect(redactValues(said, { text: "select * from pets", values })).toBe(shown)
  })
})
