import { expect, test } from "vitest"
import { connection, type SQLConnection, sql } from "../../src/index.ts"
import { useProject } from "../support/project.ts"
import { failureOf, hearWarnings, pause } from "../support/waiting.ts"

const section = '[connections.shop]\ntype = "sql"\nurl = "sqlite://"\n'

/** What is said until now: Node gives warnings in the next turn. */
async function settled(heard: string[]): Promise<string[]> {
  await pause(0)
  return heard.splice(0)
}

test("a parameter without a place is an error; with Streamlit's own configuration, a warning", async () => {
  const heard = hearWarnings()
  const unused = { a: 1, colour: "Geheimnis" }
  const project = useProject({ ".mooring/secrets.toml": section.replaceAll("shop", "strict") })
  const strict = await connection<SQLConnection>("strict")
  for (const run of [
    () => strict.query("select :a as a", { params: unused }),
    () => strict.execute("select :a", unused),
  ]) {
    expect(await failureOf(run)).toMatchObject({
      code: "BAD_PARAMS",
      message: expect.stringContaining('params has "colour"'),
    })
  }
  expect(await settled(heard)).toEqual([])
  project.write(".streamlit/secrets.toml", section)
  const shop = await connection<SQLConnection>("shop")
  for (let i = 0; i < 2; i++) {
    expect(await shop.scalar("select :a as a", { params: unused })).toBe(1)
    await shop.execute("select :a", [unused, unused])
    await shop.transaction((tx) => tx.query("select :a as a", { params: unused }))
  }
  const said = await settled(heard)
  expect(said).toEqual([
    expect.stringContaining('Connection "shop": params has "colour", and the statement has no :colour.'),
  ])
  expect(said[0]).toContain("ignored, as in Streamlit")
  expect(said[0]).not.toContain("Geheimnis")
  // What is missing would be an error there as well.
  expect(await failureOf(shop.query("select :b", { params: { a: 1 } }))).toMatchObject({ code: "BAD_PARAMS" })
})

test("a backslash before a colon inside quotes stays; with Streamlit's own configuration, a warning says so", async () => {
  const heard = hearWarnings()
  const project = useProject({ ".mooring/secrets.toml": section.replaceAll("shop", "plain") })
  const plain = await connection<SQLConnection>("plain")
  expect(await plain.scalar("select 'a \\:b'")).toBe("a \\:b")
  project.write(".streamlit/secrets.toml", section.replaceAll("shop", "bar"))
  const bar = await connection<SQLConnection>("bar")
  expect(await bar.scalar("select 'a' -- \\:b")).toBe("a")
  expect(await bar.scalar(sql`select 'a \\:b'`)).toBe("a \\:b")
  expect(await settled(heard)).toEqual([])
  for (const params of [undefined, { a: 1 }]) {
    expect(await bar.scalar(`select 'a \\:b' ${params ? "where :a = 1" : ""}`, { params })).toBe("a \\:b")
  }
  expect(await settled(heard)).toEqual([
    expect.stringMatching(/^Connection "bar": a statement has \\: inside quotes\./),
  ])
})
