import fc from "fast-check"
import { expect, onTestFinished } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { onServer } from "./support.ts"

/** What stored functions do where a statement's text shows only their names. */
const bodies: Readonly<Record<string, string>> = {
  sets_variable: "begin set @tenant = 'A'; return 1; end",
  assigns: "begin declare x int; set x = (@tenant := 5); return x; end",
  reads_into: "begin select 7 into @tenant; return 1; end",
  calls: "return sets_variable()",
  locks: "return get_lock('left', 0)",
  zones: "begin set time_zone = '+05:00'; return 1; end",
  frees: "begin set session tx_read_only = 0; return 1; end",
  modes: "begin set sql_mode = 'ANSI_QUOTES'; return 1; end",
  remembers: "return last_insert_id(77)",
  makes_table: "begin create temporary table if not exists left_table (i int); return 1; end",
  isolates: "begin set session transaction isolation level serializable; return 1; end",
}

const statements: readonly string[] = [
  ...Object.keys(bodies).map((name) => `select ${name}() as a`),
  "select * from view_of_all",
  "select 1 as a from owned where sets_variable() = 1",
  "select @tenant := 3 as a",
  "select get_lock('left', 0) as a",
  "select last_insert_id(9) as a",
  "select `get_lock`('left', 0) as a",
  "select /*!40000 get_lock('left', 0), */ 1 as a",
  "call sets_all()",
]

const changing: readonly string[] = [
  "insert into owned (name) values ('cat')",
  "insert into watched values (1)",
  "set @tenant = 1",
  "create temporary table left_table (i int)",
  "prepare left_statement from 'select 1'",
  "use information_schema",
  "set session transaction isolation level read uncommitted",
]

/** How a borrower runs a statement. */
const ways: Readonly<Record<string, (pets: SQLConnection, sql: string) => Promise<unknown>>> = {
  query: (pets, sql) => pets.query(sql),
  cached: (pets, sql) => pets.query(sql, { ttl: 1 }),
  scalar: (pets, sql) => pets.scalar(sql),
  stream: async (pets, sql) => {
    for await (const batch of pets.stream(sql)) void batch
  },
  execute: (pets, sql) => pets.execute(sql),
  transaction: (pets, sql) => pets.transaction((tx) => tx.execute(sql)),
  session: async (pets, sql) => {
    await using session = pets.session
    await session.execute(sql)
  },
  connect: async (pets, sql) => {
    await using borrowed = await pets.connect()
    await (borrowed.raw as { promise(): { query(sql: string): Promise<unknown> } }).promise().query(sql)
  },
}

const fingerprint = `select @tenant as tenant, is_used_lock('left') as locked, last_insert_id() as inserted,
  database() as home, @@session.time_zone as zone, @@session.sql_mode as mode, @@session.tx_isolation as isolation,
  @@session.tx_read_only as reading, @@session.character_set_client as charset, @@session.autocommit as autocommit`

async function seen(pets: SQLConnection): Promise<unknown> {
  const [row] = (await pets.query(fingerprint)).toArray()
  const table = await pets.scalar("select i from left_table").catch((error) => (error as { kind: string }).kind)
  const prepared = await pets.execute("execute left_statement").catch((error) => (error as { kind: string }).kind)
  return { row, table, prepared }
}

onServer("whatever one borrower runs, the next one finds a fresh session", async () => {
  const { username, ...address } = await newMariaDBDatabase()
  const options = { type: "sql", dialect: "mysql", username, ...address, pool_size: 1, max_overflow: 0 } as const
  const pets = (await connection("leftovers", options)) as SQLConnection
  onTestFinished(() => pets.close())
  for (const [name, body] of Object.entries(bodies)) await pets.execute(`create function ${name}() returns int ${body}`)
  await pets.execute("create table owned (id int auto_increment primary key, name text)")
  await pets.execute("create table watched (i int)")
  await pets.execute("create trigger watching before insert on watched for each row set new.i = locks() + assigns()")
  await pets.execute(
    "create view view_of_all as select sets_variable() as a, locks() as b, remembers() as c, zones() as d",
  )
  await pets.execute(
    "create procedure sets_all() begin set @tenant = 1; do get_lock('left', 0); set time_zone = '+03:00'; end",
  )
  const fresh = await seen(pets)

  const step = fc.oneof(
    fc.record({ way: fc.constantFrom(...Object.keys(ways)), sql: fc.constantFrom(...statements) }),
    fc.record({
      way: fc.constantFrom("execute", "transaction", "session", "connect"),
      sql: fc.constantFrom(...changing),
    }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
      for (const { way, sql } of steps) {
        await ways[way]!(pets, sql).catch(() => undefined)
        // Also one that a query runs without seeing anything.
        await pets.query("select 1")
      }
      expect(await seen(pets)).toEqual(fresh)
    }),
    { numRuns: 60 },
  )
})
