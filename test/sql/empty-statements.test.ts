import { expect } from "vitest"
import { sql } from "../../src/index.ts"
import { onEveryDatabase } from "../support/databases.ts"
import { failureOf } from "../support/waiting.ts"

onEveryDatabase("a statement without SQL is an error that says so, and nothing is sent", async ({ pets, watched }) => {
  watched.forget()
  const empty = {
    code: "QUERY",
    kind: "syntax",
    outcome: "notRun",
    message: 'Connection "pets": The statement is empty.',
  }
  for (const text of ["", " \n", ";", " ; ; ", "-- nothing", "/* a */ ; -- b"]) {
    const tries = [
      () => pets.query(text),
      () => pets.execute(text),
      () => pets.execute(text, {}),
      () => pets.transaction((tx) => tx.execute(text)),
      async () => {
        for await (const batch of pets.stream(text)) expect(batch).toBe(undefined)
      },
    ]
    for (const run of tries) expect(await failureOf(run), JSON.stringify(text)).toMatchObject(empty)
  }
  expect(await failureOf(pets.query(sql`-- nothing`))).toMatchObject(empty)
  expect(await pets.scalar("/* a */ -- b\n select 1 as n")).toBe(1)
})

onEveryDatabase(
  "an array of arrays is many sets, and the error about one says how to bind an array",
  async ({ pets }) => {
    await pets.execute("create table sets (n integer)")
    expect((await pets.execute("insert into sets values (?)", [5])).rowCount).toBe(1)
    expect((await pets.execute("insert into sets values (?)", [[6], [7]])).rowCount).toBe(2)
    const remove = "delete from sets where n in ?"
    expect(await failureOf(pets.execute(remove, [[5, 6]]))).toMatchObject({
      code: "BAD_PARAMS",
      hint: expect.stringContaining("[[[1, 2]]] in execute()"),
    })
    expect((await pets.execute(remove, [[[5, 6]]])).rowCount).toBe(2)
  },
)
