import fc from "fast-check"
import type { Client } from "pg"
import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { newPostgresDatabase } from "../../support/postgres-database.ts"
import { useProject } from "../../support/project.ts"
import { failure, onServer } from "./support.ts"

/** What a statement may do to its session: SQL that a function runs, or that is run as it is. */
const deeds = [
  "set app.tenant = 'A'",
  "set search_path to pg_catalog, other",
  "set role pg_monitor",
  "set session authorization pg_monitor",
  "set time zone 'Asia/Tokyo'",
  "set datestyle to 'German'",
  "set statement_timeout = '77s'",
  "set default_transaction_read_only = on",
  "set default_transaction_isolation = 'serializable'",
  "set extra_float_digits = -3",
  "set client_min_messages = error",
  "set enable_seqscan = off",
  "create temporary table left_table (i int)",
  "create temporary sequence left_sequence",
  "prepare left_statement as select 'secret of A'",
  "deallocate all",
  "listen left_channel",
  "declare left_cursor cursor with hold for select 1",
  "discard plans",
]

const calls = [
  "pg_advisory_lock(1)",
  "pg_try_advisory_lock_shared(2)",
  "pg_advisory_xact_lock(3)",
  "set_config('app.tenant', 'A', false)",
  "set_config('app.tenant', 'A', true)",
  "set_config('transaction_read_only', 'off', false)",
  "nextval('numbers')",
  "setval('numbers', 7)",
  "lo_create(0)",
]

const texts = [
  ...deeds,
  ...calls.map((call) => `select ${call}`),
  ...deeds.map((deed) => `select does(${quoted(deed)})`),
  ...calls.map((call) => `select does(${quoted(`do $q$ begin perform ${call}; end $q$`)})`),
]

type Borrower = (pets: SQLConnection, text: string) => Promise<unknown>

const borrowers: Record<string, Borrower> = {
  query: (pets, text) => pets.query(text),
  "query for later": (pets, text) => pets.query(text, { ttl: 60 }),
  "query that may change": (pets, text) => pets.query(text, { readOnly: false }),
  scalar: (pets, text) => pets.scalar(text, { fresh: true }),
  stream: async (pets, text) => {
    for await (const _ of pets.stream(text));
  },
  "stream that is left": async (pets, text) => {
    for await (const _ of pets.stream(`${text}, generate_series(1, 5000)`, { batchRows: 10 })) break
  },
  "query that fails after it": (pets, text) => pets.query(`${text}, 1 / (random() * 0)::int`),
  "query that is given up": (pets, text) => pets.query(`${text}, pg_sleep(600)`, { timeout: "50ms" }),
  "execute that is given up": (pets, text) => pets.execute(`${text}, pg_sleep(600)`, [], { timeout: "50ms" }),
  execute: (pets, text) => pets.execute(text),
  transaction: (pets, text) => pets.transaction((tx) => tx.execute(text)),
  "transaction that throws": (pets, text) =>
    pets.transaction(async (tx) => {
      await tx.query(text)
      throw new Error("no")
    }),
  "session that commits": async (pets, text) => {
    await using session = pets.session
    await session.execute(text)
    await session.commit()
  },
  "session that ends": async (pets, text) => {
    await using session = pets.session
    await session.execute(text)
  },
  connect: async (pets, text) => {
    await using borrowed = await pets.connect()
    await (borrowed.raw as Client).query(text)
  },
  "connect with a transaction": async (pets, text) => {
    await using borrowed = await pets.connect()
    await (borrowed.raw as Client).query("begin")
    await (borrowed.raw as Client).query(text)
  },
}

/** All of a session that the next borrower could notice. Settings of plpgsql are there once it was loaded,
 * and a session's schema for temporary objects, once made, stays empty. */
const fingerprint = `
  select (select jsonb_object_agg(name, setting) from pg_settings where name not like 'plpgsql.%') as settings,
    current_user::text as who, session_user::text as login, current_schemas(false)::text as path, now()::text ~ '\\+00$' as utc,
    coalesce(current_setting('app.tenant', true), '') as tenant,
    (select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks,
    (select jsonb_agg(relname) from pg_class where relnamespace = pg_my_temp_schema()) as temporary,
    (select jsonb_agg(name) from pg_prepared_statements where from_sql or name not like 'mooring%') as prepared,
    (select jsonb_agg(name) from pg_cursors where is_holdable) as cursors,
    (select jsonb_agg(c) from pg_listening_channels() c) as channels`

onServer(
  "whatever a borrower runs, and however it ends, the next one finds a fresh session",
  async () => {
    useProject()
    const options = { type: "sql", dialect: "postgresql", ...(await newPostgresDatabase()) }
    const open = (name: string) => connection<SQLConnection>(name, { ...options, pool_size: 1, max_overflow: 0 })
    const [pets, admin] = [await open("pets"), await open("admin")]
    await admin.execute("create sequence numbers")
    await admin.execute(
      "create function does(what text) returns text language plpgsql as $$ begin execute what; return what; end $$",
    )
    const look = async (from: SQLConnection) => (await from.query(fingerprint, { fresh: true })).at(0)
    const fresh = await look(await open("fresh"))
    const step = fc.tuple(fc.constantFrom(...Object.keys(borrowers)), fc.constantFrom(...texts))
    let done = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 3 }), async (steps) => {
        for (const [borrower, text] of steps) {
          await borrowers[borrower]!(pets, text).then(
            () => done++,
            () => undefined,
          )
          expect(await look(pets), `${borrower}: ${text}`).toEqual(fresh)
          expect(await failure(pets.query("select lastval()", { fresh: true }))).toMatchObject({ sqlState: "55000" })
        }
      }),
      { numRuns: 60 },
    )
    // Not everything was refused.
    expect(done).toBeGreaterThan(20)
  },
  120_000,
)

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
