import { describe, expect } from "vitest"
import { type SQLConnection, sql } from "../../src/index.ts"
import { onEveryDatabase, owners, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf } from "../support/waiting.ts"

const add = "insert into owners values (:name, 'fox', 1)"
const countOwners = "select count(*) as n from owners"

/** Looked at from outside. */
const count = (pets: SQLConnection) => pets.scalar(countOwners, { outside: true })

describe("autocommit", () => {
  const options = { autocommit: true }

  onEveryDatabase(
    "B24 each statement is its own transaction, and commit() and rollback() are errors",
    async ({ pets, watched }) => {
      await using session = pets.session
      await session.execute(add, { name: "Eve" })
      expect(await count(pets)).toBe(3)
      expect(watched.statements.some((text) => /^BEGIN/.test(text))).toBe(false)
      for (const use of [() => session.commit(), () => session.rollback(), () => session.savepoint(async () => 1)]) {
        expect(await failureOf(use)).toMatchObject({ code: "SESSION_STATE", connection: "pets" })
      }
      expect(await failureOf(() => pets.begin({ readOnly: true }))).toMatchObject({ code: "SESSION_STATE" })
    },
    { options },
  )

  onEveryDatabase(
    "B24 transaction() and an array of param sets are transactions all the same",
    async ({ pets }) => {
      await failureOf(
        pets.transaction(async (tx) => {
          await tx.execute(add, { name: "Eve" })
          throw new Error("no")
        }),
      )
      expect(await count(pets)).toBe(2)
      await pets.transaction((tx) => tx.execute(add, { name: "Eve" }))
      expect(await count(pets)).toBe(3)
      await failureOf(pets.execute(add, [{ name: "Fay" }, { name: "Ada" }]))
      await using session = pets.session
      await failureOf(session.execute(add, [{ name: "Fay" }, { name: "Ada" }]))
      expect(await count(pets)).toBe(3)
      await session.execute(add, [{ name: "Fay" }, { name: "Gus" }])
      expect(await count(pets)).toBe(5)
    },
    { options },
  )
})

describe("execute", () => {
  onEveryDatabase("B31 tells the rows that were changed, and gives what returning gave", async ({ pets }) => {
    expect((await pets.execute("update owners set age = age + 1")).rowCount).toBe(2)
    expect((await pets.execute("delete from owners where name = 'nobody'")).rowCount).toBe(0)
    const { rowCount, rows } = await pets.execute(`${add} returning name, age`, { name: "Eve" })
    expect(rowCount).toBe(1)
    expect(rows.toArray()).toEqual([{ name: "Eve", age: 1 }])
    expect((await pets.execute(add, { name: "Fay" })).rows.numCols).toBe(0)
    const fromTemplate = await pets.execute(sql`delete from owners where name = ${"Eve"} returning name`)
    expect(fromTemplate.rows.toArray()).toEqual([{ name: "Eve" }])
  })

  onEveryDatabase(
    "B31 tells the key that the database made",
    async ({ pets, dialect }) => {
      const counting = dialect === "mysql" ? "auto_increment" : ""
      await pets.execute(`create table toys (id integer ${counting} primary key, name varchar(20))`)
      expect((await pets.execute("insert into toys (name) values ('ball')")).lastInsertId).toBe(1)
      await using session = pets.session
      expect((await session.execute("insert into toys (name) values ('rope')")).lastInsertId).toBe(2)
    },
    {
      except: {
        duckdb: "DuckDB makes keys by sequences only, which `returning` gives.",
        postgresql: "PostgreSQL makes keys by sequences only, which `returning` gives.",
      },
    },
  )

  onEveryDatabase("B31 an array of param sets is one transaction: all of them", async ({ pets, watched }) => {
    const sets = ["Eve", "Fay", "Gus"].map((name) => ({ name }))
    const { rowCount, rows } = await pets.execute(`${add} returning name`, sets)
    expect(rowCount).toBe(3)
    expect(rows.toArray()).toEqual(sets)
    expect(watched.count("COMMIT")).toBe(1)
    expect(
      (
        await pets.execute("insert into owners values (?, ?, ?)", [
          ["Hal", "ant", 1],
          ["Ian", "bee", 2],
        ])
      ).rowCount,
    ).toBe(2)
    expect(await count(pets)).toBe(7)
  })

  onEveryDatabase("B31 an array of param sets is one transaction: or none", async ({ pets }) => {
    const error = await failureOf(pets.execute(add, [{ name: "Eve" }, { name: "Ada" }]))
    expect(error).toMatchObject({ kind: "unique", connection: "pets" })
    expect(await count(pets)).toBe(2)
    const wrong = await failureOf(pets.execute(add, [{ name: "Eve" }, { nom: "Fay" }]))
    expect(wrong).toMatchObject({ code: "BAD_PARAMS", connection: "pets" })
    expect(await count(pets)).toBe(2)
  })

  onEveryDatabase("B31 is never cached, and runs each time", async ({ pets, watched }) => {
    await pets.execute(selectOwners)
    await pets.execute(selectOwners)
    expect((await pets.execute(selectOwners)).rows.toArray()).toEqual(owners)
    expect(watched.count(selectOwners)).toBe(3)
  })

  onEveryDatabase(
    "B31 on the connection it is the engine's own transaction, without BEGIN",
    async ({ pets, watched }) => {
      await pets.execute(add, { name: "Eve" })
      expect(watched.statements).toHaveLength(1)
    },
  )

  onEveryDatabase("B31 an abort rejects with the caller's reason, whatever that is", async ({ pets, dialect }) => {
    for (const reason of [new Error("left"), "a text", { code: 7 }]) {
      const leaving = new AbortController()
      setTimeout(() => leaving.abort(reason), 30)
      expect(await failureOf(pets.execute(slowQuery[dialect], [], { signal: leaving.signal }))).toBe(reason)
    }
    const late = await failureOf(pets.execute(slowQuery[dialect], [], { timeout: 0.05 }))
    expect(late).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    expect(await count(pets)).toBe(2)
  })
})
