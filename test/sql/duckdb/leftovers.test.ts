import fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"

/** What may be left in a session. Some fail in some orders, and that is part of it. */
const leaving = [
  "set threads = 1",
  "set search_path = 'other'",
  "set session default_order = 'desc'",
  "set timezone = 'Asia/Tokyo'",
  "set variable answer = 42",
  "use other",
  "create temp table scratch as select 1 as a",
  "explain analyze create temp table explained as select 1 as a",
  "create temp view seen as select 1 as a",
  "create temp macro twice(x) as x * 2",
  "create temp sequence counter",
  "prepare p as select 1",
  "begin",
  "begin; insert into kept values (1)",
  "commit",
  "select setseed(0.5)",
  "select 1; set default_null_order = 'nulls_first'",
  "pragma enable_profiling = 'no_output'",
  "selec 1",
  "insert into nowhere values (1)",
  "pivot (select 'a' as k, 1 as v) on k using sum(v)",
]

const uses = ["execute", "query", "stream", "session", "transaction", "connect"] as const

async function use(pets: SQLConnection, how: (typeof uses)[number], texts: readonly string[]): Promise<void> {
  const quietly = (work: () => PromiseLike<unknown>) => work().then(undefined, () => undefined)
  switch (how) {
    case "session": {
      await using session = pets.session
      for (const text of texts) await quietly(() => session.execute(text))
      return
    }
    case "transaction":
      return (await quietly(() =>
        pets.transaction(async (tx) => {
          for (const text of texts) await tx.execute(text)
        }),
      )) as undefined
    case "connect": {
      await using lent = await pets.connect()
      const raw = lent.raw as { run(text: string): Promise<unknown> }
      for (const text of texts) await quietly(() => raw.run(text))
      return
    }
    case "stream":
      for (const text of texts) await quietly(() => new Response(pets.stream(text).toNDJSON()).text())
      return
    default:
      for (const text of texts) await quietly(() => pets[how](text))
  }
}

/** Everything that the next borrower could notice. */
async function fingerprint(pets: SQLConnection): Promise<unknown> {
  const rows = async (text: string) => (await pets.query(text)).toArray()
  return {
    settings: await rows("select name, value from duckdb_settings() where scope <> 'GLOBAL' order by name"),
    place: await rows("select current_database() as d, current_schema() as s"),
    variables: await rows("select name from duckdb_variables()"),
    prepared: await rows("select name from duckdb_prepared_statements()"),
    temporary: await rows(
      `select table_name as name from duckdb_tables() where temporary
       union all select view_name from duckdb_views() where temporary and not internal
       union all select sequence_name from duckdb_sequences() where temporary
       union all select function_name from duckdb_functions() where database_name = 'temp' and not internal
       union all select type_name from duckdb_types() where database_name = 'temp' and not internal`,
    ),
    kept: await rows("select count(*)::int as n from memory.main.kept"),
  }
}

test("a borrower leaves nothing in its session", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...uses),
      fc.array(fc.constantFrom(...leaving), { minLength: 1, maxLength: 4 }),
      async (how, texts) => {
        const pets = await connection("pets", { type: "sql", url: "duckdb://", pool_size: 1, max_overflow: 0 })
        try {
          await pets.execute("create table kept (id int); attach ':memory:' as other")
          const before = await fingerprint(pets)
          await use(pets, how, texts)
          const after = await fingerprint(pets)
          // What a statement commits on its own is kept: that is no session's state.
          expect({ ...(after as object), kept: 0 }).toEqual({ ...(before as object), kept: 0 })
        } finally {
          await pets.close()
        }
      },
    ),
    { numRuns: 15 },
  )
})

test("random numbers do not go on from another borrower's seed", async () => {
  const pets = await connection("pets", { type: "sql", url: "duckdb://", pool_size: 1, max_overflow: 0 })
  onTestFinished(() => pets.close())
  const next = async () => (await pets.query("select random() as r")).at(0)?.r
  for (const seed of [
    () => pets.query("select setseed(0.5)"),
    () => pets.execute("select setseed(0.5)"),
    () => new Response(pets.stream("select setseed(0.5)").toNDJSON()).text(),
  ]) {
    await seed()
    const first = await next()
    await seed()
    expect(await next()).not.toBe(first)
  }
})
