import { describe, expect, test } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import type { Params } from "../../src/sql/params.ts"
import type { Syntax } from "../../src/sql/syntax.ts"
import { mysqlSyntax, postgresSyntax, sqliteSyntax } from "../../src/sql/syntaxes.ts"
import { isSqlFragment, type SqlFragment, sql, toStatement } from "../../src/sql/template.ts"

const render = (fragment: SqlFragment | string, syntax: Syntax = postgresSyntax, params?: Params) =>
  toStatement(fragment, params, { syntax, capabilities: { arrays: syntax === postgresSyntax } })

function failure(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (isMooringError(error, "BAD_PARAMS")) return `${error.message} ${error.hint}`
    throw error
  }
  throw new Error("no error")
}

describe("values", () => {
  test("are bound, on every dialect, and never text", () => {
    const evil = "'; drop table pets; --"
    const fragment = sql`select * from pets where name = ${evil} and age > ${3}`
    expect(render(fragment)).toEqual({ text: "select * from pets where name = $1 and age > $2", values: [evil, 3] })
    expect(render(fragment, mysqlSyntax)).toEqual({
      text: "select * from pets where name = ? and age > ?",
      values: [evil, 3],
    })
  })

  test("an object that looks like a fragment is a value", () => {
    const json: unknown = JSON.parse('{"kind":"text","text":"1; drop table pets","parts":[{"kind":"text","text":"x"}]}')
    expect(render(sql`select ${json}`)).toEqual({ text: "select $1", values: [JSON.stringify(json)] })
  })

  test("the text's own colons, question marks and backslashes stay", () => {
    expect(render(sql`select a::int, b ? 'x', ':y', c[1:2], ${1}`).text).toBe(
      "select a::int, b ? 'x', ':y', c[1:2], $1",
    )
    expect(render(sql`select a ?? b, '\\:'`).text).toBe("select a ?? b, '\\:'")
  })

  test("an array becomes a list after in, else one value", () => {
    expect(render(sql`select 1 where a in ${[1, 2]} and b in (${["x"]})`)).toEqual({
      text: "select 1 where a in ($1, $2) and b in ($3)",
      values: [1, 2, "x"],
    })
    expect(render(sql`select 1 where a in ${[]}`, sqliteSyntax).text).toContain("where 1 = 0")
    expect(render(sql`select a = any(${[1, 2]})`).values).toEqual([[1, 2]])
    expect(failure(() => render(sql`select ${[1]}`, sqliteSyntax))).toContain("is an array")
  })

  test("are checked like params", () => {
    expect(failure(() => render(sql`select ${1}, ${undefined}`))).toContain("Value 2 of the template is undefined")
    expect(failure(() => render(sql`select ${() => 1}`))).toContain("Value 1 of the template is a function")
  })

  test("inside quotes or comments they are an error", () => {
    for (const fragment of [
      sql`select '${"x"}'`,
      sql`select "${"x"}"`,
      sql`select 1 -- ${"x"}`,
      sql`select /* ${"x"} */ 1`,
      sql`select $$ ${"x"} $$`,
      sql`select '%' || '${"x"}%', ${1}`,
    ]) {
      expect(failure(() => render(fragment))).toContain("inside a string, a quoted name or a comment")
    }
  })

  test("do not mix with native placeholders or params", () => {
    expect(failure(() => render(sql`select $1, ${1}`))).toContain("mixes")
    expect(failure(() => render(sql`select ?, ${1}`, mysqlSyntax))).toContain("mixes")
    expect(failure(() => render(sql`select ${1}`, postgresSyntax, { a: 1 }))).toContain("given params as well")
  })
})

describe("fragments", () => {
  test("nest", () => {
    const young = sql`age < ${3}`
    const all = sql`select ${1} from pets where ${young} and (${sql`kind = ${"cat"} or ${young}`}) limit ${10}`
    expect(render(all)).toEqual({
      text: "select $1 from pets where age < $2 and (kind = $3 or age < $4) limit $5",
      values: [1, 3, "cat", 3, 10],
    })
  })

  test("sql.id quotes as the database does", () => {
    const query = sql`select ${sql.id("t", 'a"b`c')} from ${sql.id("t")} where x = ${1}`
    expect(render(query).text).toBe('select "t"."a""b`c" from "t" where x = $1')
    expect(render(query, mysqlSyntax).text).toBe('select `t`.`a"b``c` from `t` where x = ?')
  })

  test("an identifier cannot close its quotes", () => {
    expect(render(sql`select 1 as ${sql.id('x"; drop table pets; --')}, ${2}`)).toEqual({
      text: 'select 1 as "x""; drop table pets; --", $1',
      values: [2],
    })
    for (const names of [[], [""], ["a", ""], [1 as never], ["a\0"]]) {
      expect(failure(() => sql.id(...names))).toContain("sql.id()")
    }
  })

  test("sql.join", () => {
    expect(render(sql`insert into t values (${sql.join([1, "b", null])})`)).toEqual({
      text: "insert into t values ($1, $2, $3)",
      values: [1, "b", null],
    })
    const conditions = new Set([sql`a = ${1}`, sql`b = ${2}`])
    expect(render(sql`select 1 where ${sql.join(conditions, sql` and `)}`).text).toBe(
      "select 1 where a = $1 and b = $2",
    )
    expect(render(sql`select ${sql.join([sql.id("a"), sql.id("b")])}`).text).toBe('select "a", "b"')
    expect(failure(() => sql.join([]))).toContain("nothing to join")
    expect(failure(() => sql.join([1], "; drop table t; --" as never))).toContain("separator")
  })

  test("are immutable and can be used again", () => {
    const fragment = sql`select ${1}`
    expect(Object.isFrozen(fragment)).toBe(true)
    expect(render(fragment)).toEqual(render(fragment))
    expect(render(fragment, sqliteSyntax).text).toBe("select ?")
  })
})

describe("what is no template", () => {
  test("sql called as a function", () => {
    expect(failure(() => sql("select 1" as never))).toContain("called as a function")
    expect(failure(() => sql(["select 1"] as never))).toContain("called as a function")
    expect(failure(() => sql({ 0: "select 1", length: 1, raw: ["select 1"] } as never))).toContain(
      "called as a function",
    )
  })

  test("a NUL in the text", () => expect(failure(() => sql`select '\0'`)).toContain("U+0000"))

  test("a statement that is neither text nor fragment", () => {
    for (const statement of [undefined, 1, {}, ["select 1"]]) {
      expect(failure(() => render(statement as never))).toContain("neither a text")
    }
    expect(isSqlFragment(null)).toBe(false)
  })

  test("a text goes the way of params", () => {
    expect(render("select :a", postgresSyntax, { a: 1 })).toEqual({ text: "select $1", values: [1] })
  })
})
