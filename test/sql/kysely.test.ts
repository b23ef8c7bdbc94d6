import { type Generated, Kysely } from "kysely"
import { describe, expect } from "vitest"
import { connection, type QueryError, type SQLConnection } from "../../src/index.ts"
import { type MoreOptions, onEveryDatabase, type Pets } from "../support/databases.ts"
import { failureOf } from "../support/waiting.ts"

interface DB {
  owners: { name: string; pet: string; age: number | null }
  toys: { id: Generated<number>; name: string }
}

const typed = ({ pets }: Pets): SQLConnection<DB> => pets as SQLConnection<DB>

describe("session.db()", () => {
  onEveryDatabase("is a Kysely builder, typed, on the session's transaction", async (context) => {
    const pets = typed(context)
    await using session = pets.session
    const db = session.db()
    expect(db).toBeInstanceOf(Kysely)
    expect(session.db()).toBe(db)
    await session.execute("insert into owners values ('Eve', 'fox', 1)")
    const rows = await db.selectFrom("owners").select(["name", "age"]).where("age", "<", 10).orderBy("name").execute()
    expect(rows).toEqual([
      { name: "Bob", age: 7 },
      { name: "Eve", age: 1 },
    ])
    const name: string = rows[0]!.name
    expect(name).toBe("Bob")
    // @ts-expect-error there is no such column
    await failureOf(db.selectFrom("owners").select("colour").execute())
    await session.rollback()
    expect(await db.selectFrom("owners").select("name").execute()).toHaveLength(2)
  })

  onEveryDatabase("writes, tells the rows that were changed, and commits with the session", async (context) => {
    const pets = typed(context)
    await using session = pets.session
    const db = session.db()
    const eve = { name: "Eve", pet: "fox", age: null }
    const insert = db.insertInto("owners").values(eve)
    // Kysely's MySQL has no `returning`, although MariaDB has.
    if (context.dialect === "mysql") expect((await insert.executeTakeFirst()).numInsertedOrUpdatedRows).toBe(1n)
    else expect(await insert.returningAll().executeTakeFirst()).toEqual(eve)
    const updated = await db.updateTable("owners").set({ age: 1 }).where("age", "is not", null).executeTakeFirst()
    expect(updated.numUpdatedRows).toBe(2n)
    const deleted = await db.deleteFrom("owners").where("name", "=", "Bob").executeTakeFirst()
    expect(deleted.numDeletedRows).toBe(1n)
    await session.commit()
    expect(await pets.scalar("select count(*) as n from owners")).toBe(2)
  })

  onEveryDatabase("in a transaction's callback, which rolls it back", async (context) => {
    const pets = typed(context)
    const work = pets.transaction(async (tx) => {
      await tx.db().deleteFrom("owners").execute()
      expect(await tx.scalar("select count(*) as n from owners")).toBe(0)
      throw new Error("no")
    })
    await failureOf(work)
    expect(await pets.scalar("select count(*) as n from owners")).toBe(2)
  })

  onEveryDatabase("values are parameters, and errors are ours", async (context) => {
    await using session = typed(context).session
    const db = session.db()
    const hostile = "'; drop table owners; --"
    expect(await db.selectFrom("owners").selectAll().where("name", "=", hostile).execute()).toEqual([])
    expect(context.watched.statements.join()).not.toContain("drop table")
    const twice = db.insertInto("owners").values({ name: "Ada", pet: "owl", age: 1 }).execute()
    expect(await failureOf<QueryError>(twice)).toMatchObject({ kind: "unique", connection: "pets" })
  })

  const asText: MoreOptions = { values: { bigint: "string" } }
  onEveryDatabase(
    "rows have the connection's value types",
    async (context) => {
      await using session = typed(context).session
      const { n } = await session
        .db()
        .selectFrom("owners")
        .select(({ fn }) => fn.countAll().as("n"))
        .executeTakeFirstOrThrow()
      expect(n).toBe("2")
    },
    { options: asText },
  )

  onEveryDatabase("what the session does itself is refused, and says what to use", async (context) => {
    await using session = typed(context).session
    const db = session.db()
    expect(await failureOf(db.transaction().execute(async () => 1))).toMatchObject({
      code: "UNSUPPORTED",
      hint: expect.stringContaining("savepoint"),
    })
    const rows = db.selectFrom("owners").selectAll().stream()
    expect(await failureOf(rows[Symbol.asyncIterator]().next())).toMatchObject({
      code: "UNSUPPORTED",
      hint: expect.stringContaining("session.stream"),
    })
  })

  onEveryDatabase("a dialect that Kysely cannot write is an error", async ({ watched, address }) => {
    const { kysely: _, ...plain } = watched.dialect
    const others = await connection<SQLConnection>("others", { type: "sql", dialect: plain, ...address })
    await using session = others.session
    expect(await failureOf(() => session.db())).toMatchObject({ code: "UNSUPPORTED", connection: "others" })
  })
})
