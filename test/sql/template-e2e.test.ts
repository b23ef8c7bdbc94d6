import { describe, expect } from "vitest"
import { sql } from "../../src/index.ts"
import { onEveryDatabase, owners } from "../support/databases.ts"
import { failureOf } from "../support/waiting.ts"

describe("sql`…` on every database", () => {
  onEveryDatabase("binds its values, wherever a statement's text may stand", async ({ pets }) => {
    const name = "Ada"
    const byName = sql`select name, pet, age from owners where name = ${name}`
    expect((await pets.query(byName)).toArray()).toEqual([owners[0]])
    expect(await pets.scalar(byName)).toBe("Ada")
    expect((await pets.execute(sql`update owners set age = ${37} where name = ${name}`)).rowCount).toBe(1)
    for await (const batch of pets.stream(byName)) expect(batch.at(0)).toMatchObject({ age: 37 })
    await pets.transaction(async (tx) => {
      expect(await tx.scalar(sql`select age from owners where name = ${name}`)).toBe(37)
      await tx.execute(sql`delete from owners where age > ${36}`)
    })
    await using session = pets.session
    expect((await session.query(byName)).numRows).toBe(0)
  })

  onEveryDatabase("a hostile value is a value", async ({ pets, watched }) => {
    const hostile = "x'; drop table owners; --"
    await pets.execute(sql`insert into owners values (${hostile}, ${'"'}, ${null})`)
    expect(await pets.scalar(sql`select pet from owners where name = ${hostile}`)).toBe('"')
    expect(watched.statements.join()).not.toContain("drop table")
  })

  onEveryDatabase("fragments, names and lists are put together, and their values stay in order", async ({ pets }) => {
    const wanted = ["Ada", "Bob", "Eve"]
    const conditions = [sql`age > ${5}`, sql`name in ${wanted}`, sql`pet <> ${"dog"}`]
    const text = sql`select ${sql.id("name")} from ${sql.id("owners")} where ${sql.join(conditions, sql` and `)} order by 1`
    expect((await pets.query(text)).toArray()).toEqual([{ name: "Ada" }, { name: "Bob" }])
    expect((await pets.query(sql`select name from owners where name in ${[]}`)).numRows).toBe(0)
    expect((await pets.query(sql`select name from owners where name not in ${[]}`)).numRows).toBe(2)
  })

  onEveryDatabase("colons and question marks in it are the program's own", async ({ pets }) => {
    const row = (await pets.query(sql`select ':name' as a, '?' as b, ${"x"} as c`)).at(0)
    expect(row).toEqual({ a: ":name", b: "?", c: "x" })
  })

  onEveryDatabase("a name is quoted, whatever it holds", async ({ pets }) => {
    const name = 'a "b" c'
    const table = await pets.query(sql`select 1 as ${sql.id(name)}`)
    expect(table.names).toEqual([name])
  })

  onEveryDatabase("params beside it are an error", async ({ pets, watched }) => {
    const work = pets.query(sql`select ${1}`, { params: [1] })
    expect(await failureOf(work)).toMatchObject({ code: "BAD_PARAMS", connection: "pets" })
    expect(watched.statements).toEqual([])
  })
})
