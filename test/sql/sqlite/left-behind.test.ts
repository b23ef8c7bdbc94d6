import fc from "fast-check"
import { expect, test } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { connect, databaseFile, execute, failure, open, query, reading } from "./support.ts"

/** What a borrower may do to its session, and to its process. Some of it fails, which may leave something too. */
const deeds: readonly string[] = [
  "begin",
  "begin immediate",
  "savepoint here",
  "insert into t values (1)",
  "insert into t values (1) returning x",
  "create temp table left_over (x)",
  "create table temp.left_over2 as select 1 as x",
  "CREATE TEMPORARY VIEW left_view AS SELECT 1 AS x",
  "create temp trigger left_trigger after insert on t begin select 1; end",
  "create /* a */ temp /* b */ table hidden_words (x)",
  "attach ':memory:' as scratch",
  "pragma foreign_keys = off",
  "PRAGMA main.cache_size = 7",
  "pragma/**/case_sensitive_like = on",
  "pragma query_only = on",
  "pragma query_only = off",
  "pragma synchronous = off",
  "pragma temp_store = memory",
  "pragma busy_timeout = 1",
  "pragma recursive_triggers = on",
  "pragma writable_schema = on",
  "pragma locking_mode = exclusive",
  "pragma soft_heap_limit = 10000000",
  "pragma hard_heap_limit = 20000000",
  "select * from nowhere",
  "explain pragma foreign_keys = off",
]

/** Pragmas that tell something of the session and not of the file. */
const told = [
  "analysis_limit",
  "automatic_index",
  "busy_timeout",
  "cache_size",
  "cache_spill",
  "cell_size_check",
  "checkpoint_fullfsync",
  "count_changes",
  "defer_foreign_keys",
  "empty_result_callbacks",
  "foreign_keys",
  "full_column_names",
  "fullfsync",
  "hard_heap_limit",
  "ignore_check_constraints",
  "journal_size_limit",
  "legacy_alter_table",
  "locking_mode",
  "mmap_size",
  "query_only",
  "read_uncommitted",
  "recursive_triggers",
  "reverse_unordered_selects",
  "secure_delete",
  "short_column_names",
  "soft_heap_limit",
  "synchronous",
  "temp_store",
  "threads",
  "trusted_schema",
  "wal_autocheckpoint",
  "writable_schema",
]

/** Everything of a session that the next borrower could see. */
async function fingerprint(connection: DriverConnection): Promise<unknown> {
  const rows = async (text: string, run = execute) =>
    run(connection, text).then(
      ({ table }) => table.toArray(),
      (error) => String(error),
    )
  const found: Record<string, unknown> = {}
  // First, since a transaction would be seen in nothing else.
  found.transaction = await rows("commit")
  for (const pragma of told) found[pragma] = await rows(`pragma ${pragma}`)
  found.databases = await rows("select name from pragma_database_list")
  found.temporary = await rows("select type, name from temp.sqlite_schema")
  found.functions = await rows("select count(*) from pragma_function_list")
  found.like = await rows("select 'a' like 'A' as same")
  found.rows = await rows("select * from t", query)
  found.write = await rows("insert into t values (0)")
  found.undo = await rows("delete from t where x = 0")
  return found
}

test("whatever a borrower did, the next one finds a fresh session", async () => {
  const database = await open({ database: databaseFile("create table t (x)") })
  const fresh = await fingerprint(await connect(database))
  await fc.assert(
    fc.asyncProperty(fc.subarray([...deeds], { maxLength: 5 }), fc.boolean(), async (some, leavesStream) => {
      const connection = await database.connect({ signal: reading.signal })
      for (const text of some) await execute(connection, text).catch(() => undefined)
      if (leavesStream) {
        const text = "select 1 as a union all select 2"
        const stream = await connection
          .stream({ text, values: [] }, { ...reading, batchRows: 1 })
          .catch(() => undefined)
        expect(stream === undefined || stream.schema.fields.length === 1).toBe(true)
      }
      // As the pool does: who cannot be made fresh is closed, and another connection is lent.
      await connection.reset()
      const next = connection.usable ? connection : await database.connect({ signal: reading.signal })
      await execute(next, "delete from t")
      await next.reset()
      expect(await fingerprint(next)).toEqual(fresh)
      for (const one of new Set([connection, next])) await one.close()
    }),
    { numRuns: 40, examples: deeds.map((deed) => [[deed], false]) },
  )
}, 60_000)

test("query() leaves nothing in its session at all", async () => {
  const connection = await connect(await open({ database: databaseFile("create table t (x)") }))
  for (const text of deeds.filter((deed) => /^(?:pragma|create|attach|begin|savepoint)/i.test(deed))) {
    await query(connection, text).catch(() => undefined)
  }
  expect((await query(connection, "select name from pragma_database_list")).table.toArray()).toEqual([{ name: "main" }])
  expect(await failure(query(connection, "select * from left_over"))).toMatchObject({ errcode: 1 })
  expect((await query(connection, "select 'a' like 'A' as same")).table.toArray()).toEqual([{ same: 1 }])
})
