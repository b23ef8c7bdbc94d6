import type { Connection as MysqlConnection } from "mysql2"
import type { Client as PgClient } from "pg"
import { describe, expect, test } from "vitest"
import type { SQLConnection } from "../../src/index.ts"
import { record } from "./report.ts"
import type { FaultDialect } from "./servers.ts"
import { onEachServer } from "./stage.ts"

/** What tells sessions apart, and statements that leave something in theirs. */
interface Words {
  readonly session: string
  /** Each with what to ask afterwards, and what a fresh session answers. */
  readonly leftovers: readonly (readonly [leave: string, ask: string, fresh: unknown])[]
  /** Has the driver's own connection run a statement. */
  run(raw: unknown, text: string): Promise<unknown>
}

const words: Record<FaultDialect, Words> = {
  postgresql: {
    session: "select pg_backend_pid() as session",
    run: (raw, text) => (raw as PgClient).query(text),
    leftovers: [
      ["set statement_timeout = '77s'", "select current_setting('statement_timeout') as v", "0"],
      ["set timezone = 'Asia/Tokyo'", "select current_setting('timezone') = 'Asia/Tokyo' as v", false],
      ["set role pg_monitor", "select current_user = session_user as v", true],
      ["create temporary table leftover (a int)", "select to_regclass('pg_temp.leftover')::text as v", null],
      [
        "select pg_advisory_lock(77)",
        "select count(*) as v from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
        0,
      ],
      ["prepare leftover as select 1", "select count(*) as v from pg_prepared_statements where name = 'leftover'", 0],
      ["listen leftover", "select count(*) as v from pg_listening_channels()", 0],
      [
        "declare leftover cursor with hold for select 1",
        "select count(*) as v from pg_cursors where name = 'leftover'",
        0,
      ],
    ],
  },
  mariadb: {
    session: "select connection_id() as session",
    run: (raw, text) => (raw as MysqlConnection).promise().query(text),
    leftovers: [
      ["set max_statement_time = 77", "select @@max_statement_time = 77 as v", 0],
      ["set time_zone = '+09:00'", "select @@time_zone = '+09:00' as v", 0],
      ["set @leftover = 77", "select @leftover as v", null],
      ["set session transaction isolation level serializable", "select @@tx_isolation = 'SERIALIZABLE' as v", 0],
      ["do get_lock('leftover', 0)", "select is_used_lock('leftover') as v", null],
    ],
  },
}

onEachServer((stage) => {
  const { session, leftovers, run } = words[stage.dialect]
  const sessionOf = (pets: SQLConnection) => pets.scalar(session, { fresh: true })

  describe("R14 nothing of a session is left to the next borrower", () => {
    const one = { pool_size: 1, max_overflow: 0 }
    const borrowers: Record<string, (pets: SQLConnection, text: string) => Promise<unknown>> = {
      "execute()": (pets, text) => pets.execute(text),
      "a committed session": async (pets, text) => {
        await using session = pets.session
        await session.execute(text)
        await session.commit()
      },
      "an abandoned session": async (pets, text) => {
        await using session = pets.session
        await session.execute(text)
      },
      "a transaction that fails": (pets, text) =>
        pets
          .transaction(async (tx) => {
            await tx.execute(text)
            throw new Error("no")
          })
          .catch(() => undefined),
      "query() that may change": (pets, text) => pets.query(text, { readOnly: false }),
      "query()": (pets, text) => pets.query(text).catch(() => undefined),
    }

    test.each(Object.keys(borrowers))("%s", async (borrower) => {
      const pets = await stage.connect(one)
      const before = await sessionOf(pets)
      let left = 0
      for (const [leave, ask, fresh] of leftovers) {
        await borrowers[borrower]!(pets, leave)
        const found = await pets.scalar(ask, { fresh: true })
        if (found !== fresh) left++
        expect(found, leave).toBe(fresh)
      }
      record({
        promise: "R14",
        dialect: stage.dialect,
        what: `leftovers of ${borrower}`,
        provoked: leftovers.length,
        lost: left,
      })
      // It was the same session all along.
      expect(await sessionOf(pets)).toBe(before)
    })

    test("an open transaction, with its locks", async () => {
      const pets = await stage.connect(one)
      await pets.execute("create table held (n integer)")
      await pets.execute("insert into held values (1)")
      {
        await using raw = await pets.connect()
        await run(raw.raw, "begin")
        await run(raw.raw, "update held set n = 2")
      }
      {
        await using session = pets.session
        await session.execute("update held set n = 3")
      }
      await stage.server.admin("update held set n = n + 10")
      expect(await stage.server.admin("select n from held")).toEqual([{ n: 11 }])
    })
  })
})
