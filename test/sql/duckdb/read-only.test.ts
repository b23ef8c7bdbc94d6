import { existsSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { DriverConnection } from "../../../src/sql/dialect.ts"
import { duckdb } from "../../../src/sql/dialects/duckdb/index.ts"
import { changingFunctions } from "../../../src/sql/dialects/duckdb/plan-guard.ts"
import { execute, failure, folder, memory, query } from "./support.ts"

async function pets(): Promise<DriverConnection> {
  const connection = await memory()
  await execute(connection, "create table pets (id int primary key, name varchar, born date)")
  await execute(connection, "insert into pets values (1, 'Ada', '2020-01-01'), (2, 'Bob', '2021-01-01')")
  await execute(connection, "create sequence ids")
  return connection
}

test.each([
  "select * from pets",
  "with p as (select * from pets) select count(*) from p",
  "from pets",
  "values (1), (2)",
  "table pets",
  "describe pets",
  "summarize pets",
  "show tables",
  "show all tables",
  "pragma version",
  "pragma table_info('pets')",
  "explain select * from pets",
  "EXPLAIN ANALYZE select * from pets where name <> '--' -- a comment",
  "/* a */ explain (analyze, format json) select * from pets",
  "explain (select 1)",
  "pivot pets on name using count(*)",
  "pivot (select id, name, id % 2 as odd from pets) on name, odd using sum(id)",
  "pivot pets on name in ('Ada', 'Bob') using count(*)",
  "unpivot (select 1 as a, 2 as b) on a, b",
  ";; select 1 ;; -- the end",
  "from query('select 1')",
  "from query_table('pets')",
  "; /* a */ select 1 as n, 'query (logging)' as note",
])("query() reads: %s", async (text) => {
  const { table } = await query(await pets(), text)
  expect(table.numRows).toBeGreaterThan(0)
})

test.each([
  "insert into pets values (3, 'Cy', null)",
  "insert into pets values (3, 'Cy', null) returning id",
  "update pets set name = 'x'",
  "delete from pets",
  "merge into pets using (select 1 as id) s using (id) when matched then delete",
  "truncate pets",
  "create table other (id int)",
  "create temp table other (id int)",
  "create temp macro f(x) as x",
  "create temp view v as select 1",
  "drop table pets",
  "alter table pets add column owner varchar",
  "copy pets to 'FILE'",
  "copy (select 1) to 'FILE' (format parquet)",
  "export database 'FILE'",
  "attach 'FILE' as other",
  "attach ':memory:' as other",
  "set threads = 1",
  "set variable x = 1",
  "reset threads",
  "use memory",
  "pragma threads = 1",
  "pragma enable_profiling",
  "call enable_logging()",
  "checkpoint",
  "vacuum",
  "begin",
  "commit",
  "rollback",
  "prepare p as select 1",
  "load json",
  "install json",
  "select nextval('ids')",
  "explain analyze insert into pets values (4, 'Di', null)",
  "explain insert into pets values (4, 'Di', null)",
  "explain analyze copy pets to 'FILE'",
  "explain (analyze) copy pets to 'FILE'",
  "/* x */ -- y\n explain /* z */ analyze copy pets to 'FILE'",
  "explain analyze create temp table other as select 1",
  // DuckDB's comments nest.
  "explain analyze /* /* */ select 1 -- */ copy pets to 'FILE'",
  "/* /* */ */ export database 'FILE'",
  // Functions of a SELECT that change the instance, or write a file.
  "from enable_logging()",
  "from enable_logging(storage = 'file', storage_path = 'FILE')",
  "explain analyze from enable_logging(storage = 'file', storage_path = 'FILE')",
  "summarize from enable_logging(storage = 'file', storage_path = 'FILE')",
  "from query('from enable_' || 'logging(storage = ''file'', storage_path = ''FILE'')')",
  "from json_execute_serialized_sql(json_serialize_sql('from enable_logging()'))",
  "select 1 where exists (from checkpoint())",
  "from disable_logging()",
  "from enable_profiling(save_location = 'FILE')",
  "from checkpoint()",
  "from force_checkpoint('memory')",
  "from truncate_duckdb_logs()",
  "commit; insert into pets values (5, 'Ed', null)",
  "select 1; select 2",
  "select 1; drop table pets",
  "create temp table other (id int); select 1",
  "create temp table other (id int); pivot pets on name using count(*)",
  "pivot pets on name using count(*); select 1",
])("query() refuses: %s", async (text) => {
  const connection = await pets()
  const file = join(folder(), "file")
  const error = await failure(query(connection, text.replace("FILE", file)))
  const { kind } = duckdb.classify(error)
  expect({ text, kind }).toEqual({ text, kind: "readOnly" })
  expect(duckdb.classify(error).code).toBe("READ_ONLY")
  expect(existsSync(file)).toBe(false)
  expect((await query(connection, "select count(*)::int as n from pets")).table.toArray()).toEqual([{ n: 2 }])
  const { table } = await query(connection, "select count(*)::int as n from duckdb_tables() where temporary")
  expect(table.toArray()).toEqual([{ n: 0 }])
  // What names a function that leaves state is taken to have left it, also when it failed.
  expect(connection.usable).toBe(!text.includes("nextval"))
})

test("a refusal tells the way out", async () => {
  const error = await failure(query(await pets(), "create temp table t (id int)"))
  expect(error).toMatchObject({ name: "QueryError", code: "READ_ONLY", kind: "readOnly", outcome: "notRun" })
  expect((error as { hint?: string }).hint).toMatch(/execute\(\).*session/)
})

test("a PIVOT leaves no types behind", async () => {
  const connection = await pets()
  const text = "pivot pets on name using count(*) group by id"
  for (let i = 0; i < 3; i++) expect((await query(connection, text)).table.names).toEqual(["id", "Ada", "Bob"])
  const { table } = await query(connection, "select type_name from duckdb_types() where type_name like '%pivot%'")
  expect(table.numRows).toBe(0)
  expect((await execute(connection, text)).table.names).toEqual(["id", "Ada", "Bob"])
})

test("a PIVOT of nothing says what is missing", async () => {
  const error = await failure(query(await pets(), "pivot nowhere on name using count(*)"))
  expect(error.message).toMatch(/nowhere does not exist/)
})

test("an empty statement is an error", async () => {
  for (const text of ["", "  ", ";", "-- nothing"]) {
    const error = await failure(query(await pets(), text))
    expect(error).toMatchObject({ code: "QUERY", kind: "syntax", message: "The statement is empty." })
  }
})

test("execute() runs several statements and answers for the last", async () => {
  const connection = await pets()
  const { table, rowCount } = await execute(
    connection,
    "insert into pets values (3, 'Cy', null); update pets set name = 'x'; select count(*)::int as n from pets",
  )
  expect(rowCount).toBe(1)
  expect(table.toArray()).toEqual([{ n: 3 }])
})

test("a value means the same in each of several statements", async () => {
  const connection = await pets()
  const text = "insert into pets values ($1, $2, null); select name from pets where id = $1"
  expect((await execute(connection, text, 7, "Gus")).table.toArray()).toEqual([{ name: "Gus" }])
  expect(await failure(execute(connection, text, 8, "Hal", "unused"))).toMatchObject({ code: "BAD_PARAMS" })
})

test("query() with parameters is planned with them", async () => {
  const { table } = await query(await pets(), "select name from pets where id = $1 and 'query (' <> $2", 1, "x")
  expect(table.toArray()).toEqual([{ name: "Ada" }])
})

// Later versions of DuckDB have statements that write inside of a SELECT, and call that a SELECT.
test.each([
  "with w as (copy (select 42) to 'FILE') select * from w",
  "explain analyze with w as (copy (select 42) to 'FILE') select * from w",
  "select * from (copy (select 42) to 'FILE')",
  "with w as (insert into pets values (9, 'Io', null) returning *) select * from w",
  "with w as (update pets set name = 'x' returning *) select * from w",
  "with w as (delete from pets returning *) select * from w",
  "with w as (insert into scratch values (1) returning *) select * from w",
  "with w as (delete from scratch returning *) select * from w",
  "from query('copy (select 42) to ''FILE''')",
])("nothing is written inside of a SELECT, whatever DuckDB has learned: %s", async (text) => {
  const connection = await pets()
  await execute(connection, "create temp table scratch as select 7 as id")
  const file = join(folder(), "file")
  await failure(query(connection, text.replace("FILE", file)))
  expect(existsSync(file)).toBe(false)
  const { table } = await query(connection, "select count(*)::int as n, any_value(id) as id from scratch")
  expect(table.toArray()).toEqual([{ n: 1, id: 7 }])
  expect((await query(connection, "select name from pets order by id")).table.toArray()).toEqual([
    { name: "Ada" },
    { name: "Bob" },
  ])
})

/** Functions that read, or change nothing that lasts. */
const harmless = `arrow_scan arrow_scan_dumb check_peg_parser current_connection_id current_query current_query_id
  current_transaction_id currval duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
  duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions duckdb_external_file_cache duckdb_functions
  duckdb_indexes duckdb_keywords duckdb_log_contexts duckdb_logs duckdb_memory duckdb_optimizers duckdb_prepared_statements
  duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences duckdb_settings duckdb_table_sample duckdb_tables
  duckdb_temporary_files duckdb_types duckdb_variables duckdb_views error gen_random_uuid generate_series glob
  icu_calendar_names json_each json_tree nextval parquet_bloom_probe parquet_file_metadata parquet_full_metadata
  parquet_kv_metadata parquet_metadata parquet_scan parquet_schema pg_timezone_names pragma_collations pragma_database_size
  pragma_metadata_info pragma_platform pragma_show pragma_storage_info pragma_table_info pragma_user_agent pragma_version
  query query_table random range read_blob read_csv read_csv_auto read_duckdb read_json read_json_auto read_json_objects
  read_json_objects_auto read_ndjson read_ndjson_auto read_ndjson_objects read_parquet read_text repeat repeat_row seq_scan
  setseed sleep_ms sniff_csv sql_auto_complete stats summary test_all_types test_vector_types unnest uuid uuidv4 uuidv7
  which_secret write_log`.split(/\s+/)

test("the functions of this DuckDB that a SELECT may call were looked at", async () => {
  const { table } = await query(
    await memory(),
    `select distinct function_name as name from duckdb_functions()
     where function_type = 'table' or (has_side_effects and function_type = 'scalar') order by all`,
  )
  const found = table.toArray().map(({ name }) => name as string)
  // A name that is new here: find out whether it writes, and then put it here or into changingFunctions.
  expect(found.filter((name) => !harmless.includes(name))).toEqual([...changingFunctions])
})
