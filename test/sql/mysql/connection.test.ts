import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { asMariaDBAdmin, mariadbAdmin, newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { useProject } from "../../support/project.ts"
import { failure, onServer } from "./support.ts"

/** A connection to a new database with two owners, and another one beside it. */
async function pets(options: Record<string, unknown> = {}): Promise<{ pets: SQLConnection; other: SQLConnection }> {
  useProject()
  const address = await newMariaDBDatabase()
  const open = (name: string, more: object) =>
    connection<SQLConnection>(name, { type: "sql", dialect: mysql, ...address, ...more })
  const [made, other] = [await open("pets", options), await open("other", {})]
  await made.execute(
    "create table owners (name varchar(20) primary key, pet varchar(20) not null, age int check (age > 0))",
  )
  await made.execute("insert into owners values ('Ada', 'owl', 36), ('Bob', 'cat', 7)")
  return { pets: made, other }
}

/** Ends all connections of a database, as an administrator would. */
async function endAll(database: SQLConnection): Promise<void> {
  const list = "select id from information_schema.processlist where db = database() and id <> connection_id()"
  const ids = (await database.query<{ id: number }>(list, { fresh: true })).toArray().map(({ id }) => `kill ${id}`)
  for (const id of ids) await asMariaDBAdmin(id).catch(() => undefined)
}

onServer("parameters by name and by position, lists and templates", async () => {
  const { pets: made } = await pets()
  const names = async (text: string, params: never) =>
    (await made.query<{ name: string }>(text, { params })).toArray().map(({ name }) => name)
  const one = "select name from owners where pet = :pet and concat(:pet, '') <> 'x:y' and age > :age -- :pet\n # :age"
  expect(await names(one, { pet: "owl", age: 3 } as never)).toEqual(["Ada"])
  expect(
    await names("select name from owners where pet in :pets order by 1", { pets: ["owl", "cat"] } as never),
  ).toEqual(["Ada", "Bob"])
  expect(await names("select name from owners where pet in :pets", { pets: [] } as never)).toEqual([])
  expect(await names("select name from owners where pet not in :pets order by 1", { pets: [] } as never)).toEqual([
    "Ada",
    "Bob",
  ])
  expect(await names("select name from owners where age = ?", [7] as never)).toEqual(["Bob"])
  expect(
    await names("select name from owners where name = 'it\\'s :x' or pet = \"?\" or age = ?", [7] as never),
  ).toEqual(["Bob"])
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
  "after a deadlock nothing runs outside of the transaction that the server has rolled back",
  async () => {
    const { pets: made } = await pets()
    const [first, second] = [made.session, made.session]
    try {
      await first.execute("update owners set age = 1 where name = 'Ada'")
      await second.execute("update owners set age = 2 where name = 'Bob'")
      const [a, b] = await Promise.allSettled([
        first.execute("update owners set age = 1 where name = 'Bob'"),
        second.execute("update owners set age = 2 where name = 'Ada'"),
      ])
      expect([a, b].map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"])
      const victim = a.status === "rejected" ? first : second
      const said = (a.status === "rejected" ? a : (b as PromiseRejectedResult)).reason
      expect(said).toMatchObject({ kind: "deadlock", driverCode: 1213 })
      const later = await failure(victim.execute("insert into owners values ('Eve', 'dog', 1)"))
      expect(later).toMatchObject({ code: "SESSION_STATE" })
      await victim.rollback()
      await victim.execute("insert into owners values ('Zoe', 'dog', 1)")
    } finally {
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
    }
    expect((await made.query("select name from owners order by name")).toArray()).toEqual([
      { name: "Ada" },
      { name: "Bob" },
    ])
  },
  30_000,
)

onServer("a failed statement leaves its transaction as it is, and savepoints undo alone", async () => {
  const { pets: made } = await pets()
  await made.transaction(async (tx) => {
    await tx.execute("insert into owners values ('Eve', 'dog', 1)")
    await tx.execute("insert into owners values ('Ada', 'dog', 1)").catch(() => undefined)
    await tx
      .transaction(async (inner) => {
        await inner.execute("delete from owners")
        throw new Error("no")
      })
      .catch(() => undefined)
  })
  expect(await made.scalar("select count(*) as n from owners")).toBe(3)
})

onServer(
  "connections that the server killed while idle are invisible to readers",
  async () => {
    const { pets: made, other } = await pets()
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 5 }, () => made.query("select sleep(0.01)", { fresh: true })))
      await endAll(other)
      const asked = Array.from({ length: 10 }, (_, i) =>
        made.scalar("select cast(:i as int)", { params: { i }, fresh: true }),
      )
      expect(await Promise.all(asked)).toEqual(Array.from({ length: 10 }, (_, i) => i))
    }
  },
  60_000,
)

onServer("mistakes have their kinds, and values stay inside", async () => {
  const { pets: made } = await pets()
  await made.execute(
    "create table toys (owner varchar(20), foreign key (owner) references owners (name)) engine=innodb",
  )
  await made.execute("insert into owners values ('secret-name', 'dog', 1)")
  const kinds: [text: string, params: unknown[], kind: string, driverCode: number, sqlState: string][] = [
    ["insert into owners values (?, 'dog', 1)", ["secret-name"], "unique", 1062, "23000"],
    ["insert into toys values (?)", ["secret-nobody"], "foreignKey", 1452, "23000"],
    ["insert into owners values (?, null, 1)", ["secret-name2"], "notNull", 1048, "23000"],
    ["insert into owners (name) values (?)", ["secret-name2"], "notNull", 1364, "HY000"],
    ["insert into owners values (?, 'dog', -1)", ["secret-name2"], "check", 4025, "23000"],
    ["selct 1", [], "syntax", 1064, "42000"],
    ["select * from nowhere", [], "missing", 1146, "42S02"],
    ["select nothing from owners", [], "missing", 1054, "42S22"],
    ["select nothing(1)", [], "missing", 1305, "42000"],
    ["insert into owners values ('Eve', 'dog', ?)", ["secret-number"], "value", 1366, "22007"],
    ["insert into owners values ('Eve', ?, 1)", [`secret-${"x".repeat(30)}`], "value", 1406, "22001"],
    ["update owners set age = ?", [10n ** 12n], "value", 1264, "22003"],
    ["update owners set age = age + cast(? as int)", ["secret-12x"], "value", 1292, "22007"],
    ["create table owners (a int)", [], "syntax", 1050, "42S01"],
    ["select * from mysql.user", [], "permission", 1142, "42000"],
    ["select * from elsewhere.pets", [], "permission", 1142, "42000"],
  ]
  for (const [text, params, kind, driverCode, sqlState] of kinds) {
    const error = await failure(made.execute(text, params as never))
    expect(error, text).toMatchObject({ driverCode, sqlState, outcome: "failed", attempts: 1, connection: "pets" })
    expect([text, error.kind]).toEqual([text, kind])
    const cause = error.cause as Error
    const shown = [error.message, error.hint, JSON.stringify(error), cause.message, cause.stack, JSON.stringify(cause)]
    expect(shown.join(" ")).not.toContain("secret-")
  }
})

onServer("kysely writes the SQL and reads the catalogue", async () => {
  interface Database {
    owners: { name: string; pet: string; age: number | null }
  }
  const { pets: made } = await pets()
  await using session = (made as SQLConnection<Database>).session
  const db = session.db()
  const inserted = await db.insertInto("owners").values({ name: "Eve", pet: "dog", age: 3 }).executeTakeFirst()
  expect(inserted.numInsertedOrUpdatedRows).toBe(1n)
  const young = await db.selectFrom("owners").select(["name"]).where("age", "<", 10).orderBy("name").execute()
  expect(young).toEqual([{ name: "Bob" }, { name: "Eve" }])
  const [table] = await db.introspection.getTables()
  expect(table).toMatchObject({ name: "owners" })
  expect(table!.columns.map(({ name }) => name)).toEqual(["name", "pet", "age"])
})

onServer("isolation levels and access modes are the server's", async () => {
  const { pets: made, other } = await pets({ pool_size: 1, max_overflow: 0 })
  const admin = await connection<SQLConnection>("admin", { type: "sql", dialect: mysql, ...(await mariadbAdmin()) })
  const transactions = `select trx_isolation_level from information_schema.innodb_trx where trx_mysql_thread_id = :id`
  expect(() => made.begin({ isolation: "chaos" as never })).toThrow("no isolation level")
  for (const [isolation, shown] of [
    ["read uncommitted", "READ UNCOMMITTED"],
    ["read committed", "READ COMMITTED"],
    ["repeatable read", "REPEATABLE READ"],
    ["snapshot", "REPEATABLE READ"],
    ["serializable", "SERIALIZABLE"],
  ] as const) {
    for (const readOnly of [true, false]) {
      await made.transaction(
        async (tx) => {
          const id = await tx.scalar<number>("select connection_id() from owners limit 1")
          // The server renews this table once nobody has looked at it for a tenth of a second.
          const seen = () => admin.scalar(transactions, { params: { id }, fresh: true })
          await expect.poll(seen, { message: isolation, interval: 200, timeout: 5000 }).toBe(shown)
          if (!readOnly) return
          const error = await failure(tx.execute("delete from owners where name = 'Nobody'"))
          expect(error).toMatchObject({ driverCode: 1792, kind: "permission" })
        },
        { isolation, readOnly },
      )
    }
  }
  // What commits by itself does not open the door.
  const opened = made.transaction(
    async (tx) => {
      await tx.execute("create table never (a int)")
    },
    { readOnly: true },
  )
  expect(await failure(opened)).toMatchObject({ driverCode: 1792 })
  expect(await other.scalar("select count(*) from owners")).toBe(2)
  // And nothing of it is left to the next borrower.
  expect((await made.execute("delete from owners where name = 'Bob'")).rowCount).toBe(1)
})

onServer("a snapshot is taken at once", async () => {
  const { pets: made, other } = await pets()
  await made.transaction(
    async (tx) => {
      await tx.scalar("select 1")
      await other.execute("delete from owners")
      expect(await tx.scalar("select count(*) from owners")).toBe(2)
    },
    { isolation: "snapshot" },
  )
})

onServer(
  "2,000 queries over a pool of two give their connections back",
  async () => {
    const { pets: made, other } = await pets({ pool_size: 2, max_overflow: 0 })
    for (let i = 0; i < 20; i++) {
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => made.query("select :n as n", { params: { n: i * 100 + n } })),
      )
    }
    const open =
      "select count(*) as n from information_schema.processlist where db = database() and id <> connection_id()"
    expect(await other.scalar(open)).toBe(2)
  },
  60_000,
)

onServer("what a transaction leaves in its session is gone for the next borrower", async () => {
  const { pets: made } = await pets({ pool_size: 1, max_overflow: 0 })
  await made.transaction(async (tx) => {
    await tx.execute("set session transaction isolation level serializable")
    await tx.execute("set sql_mode = '', time_zone = '+09:00', @mine = 1")
    await tx.execute("set names latin1")
    await tx.execute("create temporary table mine as select 1 as a")
    await tx.query("select get_lock('pets', 0)")
    await tx.execute("prepare mine from 'select 1'")
    await tx.execute("use information_schema")
  })
  const [left] = (
    await made.query(`select @@tx_isolation = @@global.tx_isolation as isolation, @@sql_mode = @@global.sql_mode as mode,
      @@time_zone as zone, @mine as mine, is_used_lock('pets') as locked, @@character_set_results as charset,
      @@in_transaction as open, 'é🦉' as text, database() like 'test%' as home`)
  ).toArray()
  expect(left).toEqual({
    isolation: 1,
    mode: 1,
    zone: "+00:00",
    mine: null,
    locked: null,
    charset: "utf8mb4",
    open: 0,
    text: "é🦉",
    home: 1,
  })
  expect(await failure(made.query("select * from mine"))).toMatchObject({ kind: "missing" })
  expect(await failure(made.execute("execute mine"))).toMatchObject({ driverCode: 1243 })
})

onServer("so is what somebody did with the driver's own connection", async () => {
  const { pets: made } = await pets({ pool_size: 1, max_overflow: 0 })
  await using own = await made.connect()
  const raw = own.raw as { promise(): { query(sql: string): Promise<unknown> } }
  await raw.promise().query("use information_schema")
  await raw.promise().query("set @@session.tx_read_only = 0, names latin1")
  await own[Symbol.asyncDispose]()
  expect(await made.scalar("select name from owners where 'é' = convert('é' using utf8mb4) order by name")).toBe("Ada")
  expect(await failure(made.query("delete from owners"))).toMatchObject({ code: "READ_ONLY" })
})

onServer("without a database in the configuration, a session that moved into one is not lent again", async () => {
  useProject()
  const { database, ...address } = await newMariaDBDatabase()
  const made = await connection<SQLConnection>("pets", { type: "sql", dialect: mysql, ...address, pool_size: 1 })
  expect(await made.scalar("select database()")).toBe(null)
  await made.execute(`use ${database}`)
  expect(await made.scalar("select database()", { fresh: true })).toBe(null)
})

onServer("backslashes in strings are read as the session reads them", async () => {
  const { pets: off, other } = await pets({ sql_mode: "NO_BACKSLASH_ESCAPES" })
  const sql = "select 'C:\\' as dir, :n as n, 'D:\\' as other"
  expect((await off.query(sql, { params: { n: 5 } })).toArray()).toEqual([{ dir: "C:\\", n: 5, other: "D:\\" }])
  expect(await failure(other.query(sql, { params: { n: 5 } }))).toMatchObject({ code: "BAD_PARAMS" })
})
