import { expect, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import { duckdb } from "../../src/sql/dialects/duckdb/index.ts"
import { mysql } from "../../src/sql/dialects/mysql/index.ts"
import { newMariaDBDatabase } from "../support/mariadb-database.ts"
import { newPostgresDatabase } from "../support/postgres-database.ts"
import { useProject } from "../support/project.ts"
import { testWith } from "../support/server-test.ts"
import { failureOf } from "../support/waiting.ts"

/** Runs the statements as transaction(), which must not run them again. */
async function fail(made: SQLConnection, ...statements: string[]): Promise<Error & { hint?: string }> {
  let runs = 0
  const error = await failureOf(
    made.transaction(async (tx) => {
      runs++
      for (const statement of statements) await tx.execute(statement)
    }),
  )
  expect(runs).toBe(1)
  return error
}

const full = { code: "QUERY", kind: "diskFull", outcome: "failed", hint: expect.stringMatching(/space/) }

test("SQLite: a full database is of kind diskFull", async () => {
  useProject()
  const pets = await connection("pets", { type: "sql", url: "sqlite:///pets.db" })
  await pets.execute("create table t (x)")
  const many =
    "insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000) select i from n"
  expect(await fail(pets, "pragma max_page_count = 5", many)).toMatchObject(full)
})

// A disk cannot be filled without a file system of one's own, which takes root; these are DuckDB's words on one.
test.each([
  'TransactionContext Error: Failed to commit: Could not write file "/tiny/f.duckdb": No space left on device',
  'IO Error: Could not write file "/tiny/f.duckdb.wal": No space left on device',
  'IO Error: Could not write file "C:\\f.duckdb": There is not enough space on the disk.',
])("DuckDB: %s", (message) => {
  expect(duckdb.classify(new Error(message))).toMatchObject({ action: "fatal", kind: "diskFull" })
})

test("DuckDB: after a fatal error on a full disk its connection is lost, too", () => {
  const message = "FATAL Error: Failed to create checkpoint: Could not write file: No space left on device"
  expect(duckdb.classify(new Error(message))).toMatchObject({ action: "lost", kind: "diskFull" })
})

testWith("postgresql")("PostgreSQL: 53100 is of kind diskFull", async () => {
  useProject()
  const pets = await connection("pets", { type: "sql", dialect: "postgresql", ...(await newPostgresDatabase()) })
  expect(await fail(pets, "do $$ begin raise 'could not extend file' using errcode = '53100'; end $$")).toMatchObject(
    full,
  )
})

testWith("mariadb")("MariaDB: a table that has no room is of kind diskFull", async () => {
  useProject()
  const pets = await connection("pets", { type: "sql", dialect: "mysql", ...(await newMariaDBDatabase()) })
  await pets.execute("create table t (x char(200)) engine = memory max_rows = 1")
  const many = "insert into t select repeat('x', 200) from seq_1_to_1000000"
  expect(await fail(pets, "set max_heap_table_size = 16384", many)).toMatchObject(full)
})

test.each([
  [1021, "Disk full (/tmp/#sql); waiting for someone to free some space..."],
  [1026, "Error writing file './pets/t' (errno: 28 \"No space left on device\")"],
  [1030, 'Got error 28 "Kein Speicherplatz mehr" from storage engine InnoDB'],
  [3, "Error writing file '/tmp/MLfd=42' (OS errno 28 - No space left on device)"],
])("MySQL: %i is of kind diskFull", (errno, message) => {
  const error = Object.assign(new Error(message), { errno, sqlState: "HY000" })
  expect(mysql.classify(error)).toMatchObject({ action: "fatal", kind: "diskFull" })
})

test("MySQL: another number of the storage engine is something else", () => {
  const message = 'Got error 168 "Unknown (generic) error from engine" from storage engine InnoDB'
  const error = Object.assign(new Error(message), { errno: 1030, sqlState: "HY000" })
  expect(mysql.classify(error).kind).toBe("other")
})
