import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { useProject } from "../../support/project.ts"
import { failure, onServer } from "./support.ts"

/** A connection to a new database with two owners, and another one beside it. */
async function pets(options: Record<string, unknown> = {}): Promise<{ pets: SQLConnection; other: SQLConnection }> {
  useProject()
  const address = await newPostgresDatabase()
  const open = (name: string, more: object) =>
    connection<SQLConnection>(name, { type: "sql", dialect: postgres, ...address, ...more })
  const [made, other] = [await open("pets", options), await open("other", {})]
  await made.execute("create table owners (name text primary key, pet text not null, age int check (age > 0))")
  await made.execute("insert into owners values ('Ada', 'owl', 36), ('Bob', 'cat', 7)")
  return { pets: made, other }
}

const backends = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`

onServer("parameters by name and by position, lists, arrays and templates", async () => {
  const { pets: made } = await pets()
  const names = async (text: string, params: never) =>
    (await made.query<{ name: string }>(text, { params })).toArray().map(({ name }) => name)
  const one = "select name from owners where pet = :pet and :pet::text <> 'x:y' and age > :age"
  expect(await names(one, { pet: "owl", age: 3 } as never)).toEqual(["Ada"])
  expect(
    await names("select name from owners where pet in :pets order by 1", { pets: ["owl", "cat"] } as never),
  ).toEqual(["Ada", "Bob"])
  expect(await names("select name from owners where pet in :pets", { pets: [] } as never)).toEqual([])
  expect(await names("select name from owners where pet = any(:pets)", { pets: ["cat"] } as never)).toEqual(["Bob"])
  expect(await names("select name from owners where age = ?", [7] as never)).toEqual(["Bob"])
  expect(await names("select name from owners where age = $1", [7] as never)).toEqual(["Bob"])
})

onServer(
  "a serializable transaction is run again until it succeeds: increments add up",
  async () => {
    const { pets: made } = await pets({ pool_size: 4, max_overflow: 4 })
    let runs = 0
    const increment = () =>
      made.transaction(
        async (tx) => {
          runs++
          const age = (await tx.scalar<number>("select age from owners where name = 'Ada'"))!
          await tx.execute("update owners set age = :age where name = 'Ada'", { age: age + 1 })
        },
        { isolation: "serializable", maxAttempts: 200 },
      )
    const worker = async () => {
      for (let i = 0; i < 15; i++) await increment()
    }
    await Promise.all([worker(), worker(), worker(), worker()])
    expect(await made.scalar("select age from owners where name = 'Ada'")).toBe(96)
    expect(runs).toBeGreaterThanOrEqual(60)
  },
  60_000,
)

onServer(
  "a deadlock ends with one transaction run again",
  async () => {
    const { pets: made } = await pets()
    let arrived = 0
    let open = () => {}
    const both = new Promise<void>((resolve) => {
      open = resolve
    })
    const update = (first: string, second: string) =>
      made.transaction(async (tx) => {
        await tx.execute("update owners set age = age + 1 where name = :first", { first })
        if (++arrived === 2) open()
        await both
        await tx.execute("update owners set age = age + 1 where name = :second", { second })
      })
    await Promise.all([update("Ada", "Bob"), update("Bob", "Ada")])
    expect((await made.query("select age from owners order by name")).toArray()).toEqual([{ age: 38 }, { age: 9 }])
    expect(arrived).toBe(3)
  },
  30_000,
)

onServer(
  "connections that the server killed while idle are invisible to readers",
  async () => {
    const { pets: made, other } = await pets()
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 5 }, () => made.query("select pg_sleep(0.01)", { fresh: true })))
      await other.execute(backends)
      const asked = Array.from({ length: 10 }, (_, i) => made.scalar("select :i::int", { params: { i }, fresh: true }))
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 10 }, (_, i) => i))
    }
  },
  30_000,
)

onServer("mistakes have their kinds, and details with values stay inside", async () => {
  const { pets: made } = await pets()
  await made.execute("create table toys (owner text references owners)")
  const kinds: [text: string, kind: string, sqlState: string][] = [
    ["insert into owners values ('Ada', 'dog', 1)", "unique", "23505"],
    ["insert into toys values ('secret-name')", "foreignKey", "23503"],
    ["insert into owners values ('Eve', null, 1)", "notNull", "23502"],
    ["insert into owners values ('Eve', 'dog', -1)", "check", "23514"],
    ["selct 1", "syntax", "42601"],
    ["select * from nowhere", "missing", "42P01"],
    ["select nothing from owners", "missing", "42703"],
    ["select nothing(1)", "missing", "42883"],
    ["select 'x'::int", "value", "22P02"],
    ["select 1 / 0", "value", "22012"],
  ]
  for (const [text, kind, sqlState] of kinds) {
    const error = await failure(made.execute(text))
    expect(error, text).toMatchObject({ kind, sqlState, outcome: "failed", attempts: 1, connection: "pets" })
    // The statement's own text is shown.
    const shown = JSON.stringify({ ...error, sql: undefined })
    expect(`${error.message} ${String(error.hint)} ${shown}`).not.toContain("secret-name")
  }
  const untyped = await failure(made.query("select :x @> :y", { params: { x: "a", y: "b" } }))
  expect(untyped.sqlState).toBe("42725")
})

onServer("kysely writes the SQL and reads the catalogue", async () => {
  interface Database {
    owners: { name: string; pet: string; age: number | null }
  }
  const { pets: made } = await pets()
  await using session = (made as SQLConnection<Database>).session
  const db = session.db()
  const inserted = await db.insertInto("owners").values({ name: "Eve", pet: "dog", age: 3 }).returning("name").execute()
  expect(inserted).toEqual([{ name: "Eve" }])
  const young = await db.selectFrom("owners").select(["name"]).where("age", "<", 10).orderBy("name").execute()
  expect(young).toEqual([{ name: "Bob" }, { name: "Eve" }])
  const [table] = await db.introspection.getTables()
  expect(table).toMatchObject({ name: "owners", schema: "public" })
  expect(table!.columns.map(({ name }) => name)).toEqual(["name", "pet", "age"])
})

onServer("isolation levels and access modes are the server's", async () => {
  const { pets: made } = await pets()
  for (const [isolation, shown] of [
    ["read uncommitted", "read uncommitted"],
    ["read committed", "read committed"],
    ["repeatable read", "repeatable read"],
    ["snapshot", "repeatable read"],
    ["serializable", "serializable"],
  ] as const) {
    await made.transaction(
      async (tx) => expect(await tx.scalar("select current_setting('transaction_isolation')")).toBe(shown),
      { isolation },
    )
  }
  await made
    .transaction(
      async (tx) => {
        expect(await failure(tx.execute("delete from owners"))).toMatchObject({ sqlState: "25006", kind: "permission" })
      },
      { readOnly: true },
    )
    .catch(() => undefined)
  expect(await made.scalar("select count(*) as n from owners")).toBe(2)
})

onServer(
  "10,000 queries over a pool of two give their connections back",
  async () => {
    const { pets: made, other } = await pets({ pool_size: 2, max_overflow: 0 })
    for (let i = 0; i < 100; i++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => made.query("select :n::int as n", { params: { n: i * 100 + n } })),
      )
    }
    const open =
      "select count(*) as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    expect(await other.scalar(open)).toBe(2)
  },
  60_000,
)

onServer("what a transaction leaves in its session is gone for the next borrower", async () => {
  const { pets: made } = await pets({ pool_size: 1, max_overflow: 0 })
  await made.transaction(async (tx) => {
    await tx.execute("set search_path = nowhere")
    await tx.execute("set session characteristics as transaction isolation level serializable")
    await tx.execute("create temporary table mine as select 1 as a")
    await tx.query("select pg_advisory_lock(1), set_config('mooring.test', 'x', false)")
    await tx.execute("prepare mine as select 1")
    await tx.execute("declare held cursor with hold for select 1")
    await tx.execute("listen pets")
    await tx.execute("create temporary sequence s")
    await tx.scalar("select nextval('s')")
  })
  const [left] = (
    await made.query(`select current_setting('search_path') as path, current_setting('transaction_isolation') as isolation,
      to_regclass('pg_temp.mine') as temporary, coalesce(current_setting('mooring.test', true), '') as setting,
      (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
      (select count(*) from pg_prepared_statements where name = 'mine') as prepared,
      (select count(*) from pg_cursors where name = 'held') as cursors, (select count(*) from pg_listening_channels()) as channels`)
  ).toArray()
  expect(left).toEqual({
    path: '"$user", public',
    isolation: "read committed",
    temporary: null,
    setting: "",
    locks: 0,
    prepared: 0,
    cursors: 0,
    channels: 0,
  })
})

onServer("a transaction whose kept statements became invalid is run again", async () => {
  const { pets: made, other } = await pets({ pool_size: 1, max_overflow: 0 })
  const read = () => made.transaction(async (tx) => (await tx.query("select * from owners")).names)
  const write = () =>
    made.transaction(async (tx) => {
      const { rows } = await tx.execute("update owners set age = 8 where name = 'Bob' returning *")
      return rows.names
    })
  for (let i = 0; i < 3; i++) {
    await read()
    await write()
  }
  await other.execute("alter table owners add column born int")
  expect(await read()).toEqual(["name", "pet", "age", "born"])
  expect(await write()).toEqual(["name", "pet", "age", "born"])
})

onServer("a session says that its statement became invalid, and works again after rollback()", async () => {
  const { pets: made, other } = await pets({ pool_size: 1, max_overflow: 0 })
  await using session = made.session
  const read = async () => (await session.query("select * from owners")).names
  for (let i = 0; i < 3; i++) await read()
  await session.commit()
  await other.execute("alter table owners add column born int")
  const error = await failure(read())
  expect(error).toMatchObject({ sqlState: "0A000", hint: expect.stringContaining("run the transaction again") })
  await session.rollback()
  expect(await read()).toEqual(["name", "pet", "age", "born"])
})

onServer("a kept statement that a function deallocates inside a transaction is prepared again", async () => {
  const { pets: made } = await pets({ pool_size: 1, max_overflow: 0 })
  await made.execute(
    "create function forget() returns int language plpgsql as $$ begin execute 'deallocate all'; return 1; end $$",
  )
  const work = () => made.transaction(async (tx) => tx.scalar("select count(*) from owners where age > 1"))
  for (let i = 0; i < 3; i++) await work()
  await made.query("select forget()")
  expect(await work()).toBe(2)
})

onServer("each cursor has its own columns, though its FETCH is the same text", async () => {
  const { pets: made } = await pets({ pool_size: 1, max_overflow: 0 })
  const names = (text: string) =>
    made.transaction(async (tx) => {
      await tx.execute(`declare c cursor for ${text}`)
      return (await tx.query("fetch all from c")).names
    })
  for (const [text, expected] of [
    ["select 1 as a", ["a"]],
    ["select 1 as a, 2 as b", ["a", "b"]],
    ["select 'x' as a", ["a"]],
  ] as const) {
    expect(await names(text)).toEqual(expected)
    expect(await names(text)).toEqual(expected)
  }
})
