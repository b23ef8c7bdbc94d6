import { DatabaseSync } from "node:sqlite"
import { DuckDBInstance } from "@duckdb/node-api"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { bindParams } from "../../src/sql/params.ts"
import { type ScanMode, scan } from "../../src/sql/scan.ts"
import type { Syntax } from "../../src/sql/syntax.ts"
import { duckdbSyntax, sqliteSyntax } from "../../src/sql/syntaxes.ts"

/*
 * The engines' own parsers say what is a parameter. Statements are made of pieces that hold the marks of parameters in
 * all places, also where they are none: in strings, names, comments and dollar quotes, ended and not. A statement that
 * the engine does not parse says nothing and is passed over.
 *
 * MOORING_FUZZ_SEED=n repeats a run, MOORING_FUZZ_SECONDS=n makes it longer.
 */
const seed = Number(process.env.MOORING_FUZZ_SEED ?? Date.now() % 2 ** 31)
const seconds = Number(process.env.MOORING_FUZZ_SECONDS ?? 1)

/** Stands for a parameter until it is known how the text is written: `:a`, `$a` or `?`. */
const mark = "§"
const names = ["p_a", "p_b", "p_c"]
const write = (text: string, as: (name: string) => string): string =>
  text.replace(/§(p_[abc])/g, (_, name: string) => as(name))

const parameter = fc.constantFrom(...names).map((name) => `${mark}${name}`)
const soupPart = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(..."'\"`[]$:?/*-\\#{}() \n\r\tabEé\u00a0,1") },
  fc.constantFrom("/*", "*/", "--", "''", '""', "$$", "$t$", "\\'", "E'", "::", "\r\n"),
  { weight: 2, arbitrary: parameter.map((text) => ` ${text} `) },
)
/** Anything, to stand inside of quotes or comments, which it may end. */
const soup = fc.array(soupPart, { maxLength: 6 }).map((parts) => parts.join(""))
/** The same, unable to end what begins with `quote`. */
const tame = (quote: string, doubled: string) => soup.map((text) => text.replaceAll(quote, doubled))

const quoted = (open: string, close: string, escaped: string) =>
  fc.oneof({ weight: 2, arbitrary: tame(close, escaped) }, soup).map((text) => `${open}${text}${close}`)

const blank = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(" ", "\n", "\t", "\r\n") },
  quoted("/*", "*/", "* /"),
  quoted("--", "\n", " "),
  fc.constantFrom("/*/**/*/", "/* /* */ ", "--\r", "/**/", "\u00a0"),
)

/** A column of a select: an expression with blanks around its tokens, and perhaps a name. */
const column = (expression: fc.Arbitrary<string>, name: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(blank, { minLength: 1, maxLength: 2 }), expression, blank, fc.option(name), fc.option(blank))
    .map(([before, text, between, as, after]) =>
      [...before, text, as === null ? "" : `${between}as ${as}`, after ?? ""].join(""),
    )

const statement = (expression: fc.Arbitrary<string>, name: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(column(expression, name), { minLength: 1, maxLength: 5 }), fc.option(soup, { freq: 4 }))
    .map(([columns, tail]) => `select${columns.join(",")}${tail ?? ""}`)

const commonExpressions = [
  parameter,
  parameter.map((text) => `(${text})`),
  parameter.map((text) => `1 in (${text}, 2)`),
  parameter.map((text) => `1+${text}*2`),
  parameter.map((text) => `case when ${text} is null then 1 else ${text} end`),
  quoted("'", "'", "''"),
  quoted("'", "'", "''"),
  fc.tuple(quoted("'", "'", "''"), blank, parameter).map((parts) => parts.join("||").replace("||", "")),
  fc.constantFrom("'12:30'", "1", "'it''s :a'", "5--1\n", "2 - -1", "'\\'", "1/2", "'a' like '%?'"),
]

const sqliteStatement = statement(
  fc.oneof(
    ...commonExpressions,
    fc.constantFrom(`'{"a":1}'->'$.a'`, "x'00'", "cast('1' as int)", "1e3", "'a'||/**/'b'"),
  ),
  fc.oneof(quoted('"', '"', '""'), quoted("`", "`", "``"), quoted("[", "]", ""), fc.constantFrom("x$y", "é", "_1")),
)

const duckdbStatement = statement(
  fc.oneof(
    ...commonExpressions,
    quoted("E'", "'", "''"),
    fc.tuple(quoted("e'", "'", "''"), quoted("'", "'", "''")).map(([a, b]) => `${a} -- x\n ${b}`),
    quoted("$$", "$$", "$ $"),
    quoted("$t$", "$t$", "$ t$"),
    quoted("$é_1$", "$é_1$", "$ é$"),
    parameter.map((text) => `${text}::varchar`),
    parameter.map((text) => `'1'::varchar || ${text} ::varchar`),
    parameter.map((text) => `[1,2,3][1:2]||[${text} ][1: 1]`),
    fc.tuple(parameter, parameter).map(([a, b]) => `[1,2,3][${a} : ${b} ]`),
    parameter.map((text) => `{'k': ${text} , 'b':1, "c":2, d:'x'}`),
    parameter.map((text) => `struct_pack(k := ${text} )`),
    parameter.map((text) => `[x for x in [1, ${text} ] if x > 0]`),
    fc.constantFrom("map {'a':1}", "'{}'::json->>'$.a'", "[1,2][:1]", "[1,2][1:]", "interval '1' day", "1::int::text"),
  ),
  fc.oneof(quoted('"', '"', '""'), fc.constantFrom("x$y", "a$b$c", "é", "_1")),
)

/** Our own reading: the names, or the number of `?`. */
const namesOf = (sql: string, syntax: Syntax): string[] => [...scan(sql, syntax, "named").names].sort()
const countOf = (sql: string, syntax: Syntax, mode: ScanMode): number => scan(sql, syntax, mode).slots.length

/** Runs a property until the time is up, and fails if the engine understood next to nothing. */
async function judge(statements: fc.Arbitrary<string>, agrees: (text: string) => Promise<boolean> | boolean) {
  let understood = 0
  const property = fc.asyncProperty(statements, async (text) => {
    if (await agrees(text)) understood++
  })
  const limits = { interruptAfterTimeLimit: seconds * 1000, numRuns: 1_000_000 }
  await fc.assert(property, { seed, ...limits })
  expect(understood).toBeGreaterThan(50)
}

describe(`seed ${seed}`, () => {
  describe("SQLite agrees", () => {
    const db = new DatabaseSync(":memory:")
    afterAll(() => db.close())

    const prepare = (sql: string) => {
      try {
        return db.prepare(sql)
      } catch {
        return undefined
      }
    }
    const values: Record<string, number> = { p_a: 1, p_b: 2, p_c: 3 }
    /** Every `:x`, and the like that it has, is tried. */
    const parametersOf = (sql: string): string[] => {
      const candidates = new Set(sql.match(/[:$@#][\wé$]+/g))
      return [...candidates].filter((name) => {
        try {
          db.prepare(sql).get({ [name]: 1 })
          return true
        } catch (error) {
          if (/Unknown named parameter/.test(String(error))) return false
          throw error
        }
      })
    }

    test("which names are parameters, and what they give", async () => {
      await judge(sqliteStatement, (text) => {
        const sql = write(text, (name) => `:${name}`)
        // To SQLite, Tcl's `:a::b` and `:a(b)` are names, and a no-break space is a letter.
        if (/:[\wé$]+(::|[(\u00a0])/.test(sql)) return false
        const native = prepare(sql)
        if (!native || scan(sql, sqliteSyntax, "named").native !== undefined) return false
        const wanted = parametersOf(sql)
          .sort()
          .map((name) => name.slice(1))
        // Its other kinds of parameters are none of ours.
        if (!wanted.every((name) => names.includes(name))) return false
        expect(namesOf(sql, sqliteSyntax)).toEqual(wanted)
        const params = Object.fromEntries(wanted.map((name) => [name, values[name]]))
        const bound = bindParams(sql, params, { syntax: sqliteSyntax, capabilities: { arrays: false } })
        native.setReturnArrays(true)
        const ours = db.prepare(bound.text)
        ours.setReturnArrays(true)
        expect(ours.get(...(bound.values as number[]))).toEqual(native.get(params))
        return true
      })
    })

    test("how many ? there are", async () => {
      await judge(sqliteStatement, (text) => {
        const sql = write(text, () => "?")
        const native = prepare(sql)
        if (!native || /[?][?\d]/.test(sql)) return false
        const count = countOf(sql, sqliteSyntax, "positional")
        native.get(...new Array<number>(count).fill(1))
        // A value too few is NULL to SQLite; a value too many tells.
        expect(() => native.get(...new Array<number>(count + 1).fill(1))).toThrow(/out of range/)
        return true
      })
    })
  })

  describe("DuckDB agrees", () => {
    let connection: Awaited<ReturnType<DuckDBInstance["connect"]>>
    beforeAll(async () => {
      connection = await (await DuckDBInstance.create(":memory:")).connect()
    })
    afterAll(() => connection.closeSync())

    /** The parameters of a statement, or undefined if DuckDB does not understand it. */
    const parametersOf = async (sql: string): Promise<string[] | undefined> => {
      // It replaces the spaces of Unicode before it reads, and stops that at the `$b$` of a name such as a$b$c.
      if (sql.includes("\u00a0") && sql.includes("$")) return undefined
      try {
        const statements = await connection.extractStatements(sql)
        if (statements.count !== 1) return undefined
        const prepared = await statements.prepare(0)
        return Array.from({ length: prepared.parameterCount }, (_, i) => prepared.parameterName(i + 1)).sort()
      } catch {
        return undefined
      }
    }

    test("which names are parameters", async () => {
      await judge(duckdbStatement, async (text) => {
        // What stands beside a mark reads differently beside a dollar and beside a colon.
        if (/[\w$:é]§|§p_.[\w$é]/.test(text)) return false
        const wanted = await parametersOf(write(text, (name) => `$${name}`))
        const sql = write(text, (name) => `:${name}`)
        if (!wanted || wanted.some((name) => !names.includes(name)) || /\\:|[?][?]/.test(sql)) return false
        if (scan(sql, duckdbSyntax, "named").native !== undefined) return false
        expect(namesOf(sql, duckdbSyntax)).toEqual(wanted)
        const params = Object.fromEntries(wanted.map((name) => [name, 1]))
        const bound = bindParams(sql, params, { syntax: duckdbSyntax, capabilities: { arrays: true } })
        expect((await parametersOf(bound.text))?.length).toBe(wanted.length)
        return true
      })
    })

    test("how many ? there are", async () => {
      await judge(duckdbStatement, async (text) => {
        const sql = write(text, () => "?")
        if (/[?][?\d]/.test(sql)) return false
        const wanted = await parametersOf(sql)
        // Its own `$1` and `$name` count for it, too.
        if (!wanted?.every((name) => /^\d+$/.test(name))) return false
        if (scan(sql, duckdbSyntax, "positional").native !== undefined) return false
        expect(countOf(sql, duckdbSyntax, "positional")).toBe(wanted.length)
        return true
      })
    })
  })
})
