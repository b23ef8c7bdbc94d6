import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { mariadbServer, newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { hearWarnings } from "../../support/waiting.ts"
import { connect, connectAsAdmin, execute, failure, never, onServer, query, rows } from "./support.ts"

/** Somebody who may do everything, in a new database with a table, a sequence and some routines. */
async function scene(): Promise<{ connection: DriverConnection; owner: DriverConnection; folder: string }> {
  const { database } = await newMariaDBDatabase()
  const owner = await connectAsAdmin({ database })
  for (const text of [
    "create table owners (name varchar(20) primary key)",
    "insert into owners values ('Ada')",
    "create sequence counter",
    "create function adding() returns int begin insert into owners values ('Eve'); return 1; end",
    "create procedure adds() insert into owners values ('Eve')",
    "create procedure frees() set session transaction read write",
    "create procedure shows() select name from owners",
    "prepare stored from 'insert into owners values (1)'",
  ]) {
    await execute(owner, text)
  }
  return { connection: await connectAsAdmin({ database }), owner, folder: (await mariadbServer()).folder }
}

const eve = [{ name: "Eve" }]

onServer("the server refuses what changes data, and says which way is right", async () => {
  const { connection, owner } = await scene()
  for (const text of [
    "insert into owners values ('Eve')",
    "insert into owners values ('Eve') returning name",
    "replace into owners values ('Eve')",
    "update owners set name = 'Eve'",
    "delete from owners",
    "truncate table owners",
    "analyze insert into owners values ('Eve')",
    "/*! insert into owners values ('Eve') */",
    "/* select */ -- select\n # select\n insert into owners values ('Eve')",
    "select adding()",
    "with e as (select 'Eve' as name) select adding() from e",
    "call adds()",
    "select nextval(counter)",
    "select next value for counter",
    "select setval(counter, 7)",
  ]) {
    const error = await failure(query(connection, text))
    expect(mysql.classify(error), text).toMatchObject({ kind: "readOnly", code: "READ_ONLY", action: "fatal" })
  }
  expect(await rows(owner, "select name from owners")).toEqual([{ name: "Ada" }])
  expect((await execute(owner, "select nextval(counter) as n")).table.toArray()).toEqual([{ n: 1 }])
})

onServer("what a read-only session would let pass is refused before", async () => {
  const warnings = hearWarnings()
  const { connection, owner, folder } = await scene()
  const file = join(folder, `written-${process.pid}`)
  const secret = join(folder, "secret")
  writeFileSync(secret, "canary", { mode: 0o644 })
  for (const text of [
    // The setting itself.
    "set session transaction read write",
    "set @@session.tx_read_only = 0",
    "set tx_read_only = 0, @a = 1",
    "set statement tx_read_only = 0 for insert into owners values ('Eve')",
    "start transaction read write",
    "begin",
    "commit",
    "begin not atomic set session transaction read write; insert into owners values ('Eve'); end",
    "execute immediate 'set session transaction read write'",
    "prepare p from 'set session transaction read write'",
    "execute stored",
    "xa start 'x'",
    // The same in comments that MySQL runs, and behind those that it does not.
    "/*!50000 set session transaction read write */",
    "/*M!100000 set session transaction read write */",
    "/* select */ set session transaction read write",
    "# select\nset session transaction read write",
    "-- select\nset session transaction read write",
    "/*! */ set session transaction read write",
    // Definitions, rights, and what acts in other sessions.
    "create table never (a int)",
    "create temporary table never (a int)",
    "create table never as select 1",
    "drop table owners",
    "alter table owners add a int",
    "rename table owners to others",
    "grant all on *.* to nobody@'%'",
    "create user never",
    "optimize table owners",
    "lock tables owners write",
    "flush tables with read lock",
    "kill 1",
    "shutdown",
    "purge binary logs before now()",
    "use mysql",
    "handler owners open",
    "do get_lock('mooring', 0)",
    "load data infile '/etc/passwd' into table owners",
    // The server's files.
    `select 'x' into outfile '${file}'`,
    `select 'x' into dumpfile '${file}'`,
    `select 'x' into /* a */ outfile '${file}'`,
    `select 'x' into/*!50000 outfile*/ '${file}'`,
    `with a as (select 'x') select * from a into outfile '${file}'`,
    // Two minus signs and a name, since a no-break space is a letter to MySQL.
    `select 1--\u00a0a into outfile '${file}' from (select 1 as \u00a0a) as t`,
    `select load_file('${secret}')`,
    `select LOAD_FILE ('${secret}')`,
    `select \`load_file\`('${secret}')`,
    `select /*! load_file('${secret}') */`,
  ]) {
    const error = await failure(query(connection, text))
    expect(mysql.classify(error), text).toMatchObject({ kind: "readOnly", code: "READ_ONLY" })
    expect(error.message, text).toMatch(/query\(\) only reads|file/)
    expect(existsSync(file), text).toBe(false)
    expect(await failure(query(connection, "insert into owners values ('Eve')")), text).toMatchObject({ errno: 1792 })
  }
  expect(await rows(owner, "select name from owners")).toEqual([{ name: "Ada" }])
  expect(warnings).toEqual([])
})

onServer("what is no SQL is told as that", async () => {
  const connection = await connect()
  for (const text of ["selec 1", "set set", "creat table never (a int)", "", "1", "'select'", ")"]) {
    expect(mysql.classify(await failure(query(connection, text))), text).toMatchObject({ kind: "syntax" })
  }
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("words in strings, names and comments are no reason to refuse", async () => {
  const { connection } = await scene()
  for (const text of [
    "select 'into outfile' as a",
    "select \"load_file('x')\" as a",
    "select 1 as `into outfile`",
    "select 1 /* into outfile 'x' */ as a",
    "select 1 as a -- into outfile 'x'",
    "select 'it''s \\' into outfile' as a",
    "(select 1 as a)",
    "values (1)",
    "with a as (select 1 as a) select * from a",
    "show tables",
    "describe owners",
    "explain select * from owners",
    "analyze select * from owners",
    "check table owners",
    "select /*! straight_join */ 1 as a",
    "select 5--1 as a",
  ]) {
    expect((await query(connection, text)).rowCount, text).toBeGreaterThan(0)
  }
})

onServer("a procedure that only shows runs; one that undoes the setting undoes it for nobody else", async () => {
  const { connection, owner } = await scene()
  expect(await rows(connection, "call shows()")).toEqual([{ name: "Ada" }])
  for (let i = 0; i < 2; i++) {
    await query(connection, "call frees()")
    expect(mysql.classify(await failure(query(connection, "insert into owners values ('Eve')")))).toMatchObject({
      code: "READ_ONLY",
    })
  }
  expect(await rows(owner, "select name from owners where name = 'Eve'")).toEqual([])
})

onServer("reading and writing take turns on one connection, also after resets", async () => {
  const { connection, owner } = await scene()
  for (let i = 0; i < 3; i++) {
    expect(await failure(query(connection, "insert into owners values ('Eve')"))).toMatchObject({ errno: 1792 })
    expect((await execute(connection, "insert into owners values ('Eve')")).rowCount).toBe(1)
    expect(await rows(connection, "select name from owners where name = 'Eve'")).toEqual(eve)
    await execute(connection, "delete from owners where name = 'Eve'")
    if (i > 0) await connection.reset()
  }
  await (connection.raw as { promise(): { changeUser(options: object): Promise<void> } }).promise().changeUser({})
  await connection.reset()
  expect(await failure(query(connection, "insert into owners values ('Eve')"))).toMatchObject({ errno: 1792 })
  expect(await rows(owner, "select name from owners where name = 'Eve'")).toEqual([])
})

onServer("a session that reads again and again is set up once", async () => {
  const connection = await connect()
  const sets = async () => {
    const [row] = (await rows(
      connection,
      "select variable_value as n from information_schema.session_status where variable_name = 'Com_set_option'",
    )) as [{ n: string }]
    return Number(row.n)
  }
  const before = await sets()
  for (let i = 0; i < 5; i++) await query(connection, "select 1")
  expect(await sets()).toBe(before)
  await execute(connection, "select 1")
  await connection.reset()
  expect(await sets()).toBe(before + 2)
})

onServer("what a read leaves in its session is gone: locks and variables", async () => {
  const [connection, other] = [await connect(), await connect()]
  for (const text of [
    "select get_lock('mooring-read', 0)",
    "select @a := 5",
    "select 5 into @a",
    "select last_insert_id(7)",
  ]) {
    await query(connection, text)
    const left = "select is_used_lock('mooring-read') as locked, @a as a, last_insert_id() as id"
    expect(await rows(connection, left), text).toEqual([{ locked: null, a: null, id: 0 }])
  }
  expect(await rows(other, "select is_free_lock('mooring-read') as free")).toEqual([{ free: 1 }])
})

onServer("a stream only reads, too", async () => {
  const { connection } = await scene()
  for (const text of ["insert into owners values ('Eve')", "set session transaction read write", "select adding()"]) {
    const streaming = connection.stream({ text, values: [] }, { signal: never, readOnly: true, batchRows: 10 })
    const error = await failure(
      (async () => {
        for await (const _ of await streaming);
      })(),
    )
    expect(mysql.classify(error), text).toMatchObject({ code: "READ_ONLY" })
  }
})
