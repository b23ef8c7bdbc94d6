import { describe, expect, test } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import { asRead } from "../../src/sql/escapes.ts"
import { bindParams, type Params } from "../../src/sql/params.ts"
import { ansiSyntax, type Syntax } from "../../src/sql/syntax.ts"
import { duckdbSyntax, mysqlSyntax, postgresSyntax, sqliteSyntax } from "../../src/sql/syntaxes.ts"

const bind = (sql: string, params: unknown, syntax: Syntax = postgresSyntax, arrays = true) =>
  bindParams(sql, params as Params, { syntax, capabilities: { arrays } })

const textOf = (sql: string, params: unknown, syntax?: Syntax) => bind(sql, params, syntax).text

function failure(sql: string, params: unknown, syntax?: Syntax, arrays?: boolean): string {
  try {
    bind(sql, params, syntax, arrays)
  } catch (error) {
    if (isMooringError(error, "BAD_PARAMS")) return `${error.message} ${error.hint}`
    throw error
  }
  throw new Error(`no error for ${sql}`)
}

describe("an object binds :name", () => {
  test("in the database's own placeholders", () => {
    const sql = "select :a, :b"
    expect(bind(sql, { b: 2, a: 1 })).toEqual({ text: "select $1, $2", values: [1, 2] })
    expect(bind(sql, { b: 2, a: 1 }, mysqlSyntax)).toEqual({ text: "select ?, ?", values: [1, 2] })
  })

  test("a name used twice has a placeholder for each place, unless a number stands for the same value anywhere", () => {
    const sql = "select :a, :b, :a"
    const params = { a: 1, b: 2 }
    expect(bind(sql, params)).toMatchObject({ text: "select $1, $2, $3", values: [1, 2, 1] })
    expect(bind(sql, params, duckdbSyntax)).toEqual({ text: "select $1, $2, $1", values: [1, 2] })
    expect(bind(sql, params, sqliteSyntax)).toEqual({ text: "select ?, ?, ?", values: [1, 2, 1] })
  })

  test("a name in GROUP BY or ORDER BY can have one placeholder, and then the others keep theirs", () => {
    const sql = "select f(:a), :b, :b from t where x in :c group by f(:a), y in :c order by :b is null"
    const bound = bind(sql.replace(" order by :b is null", ""), { a: 1, b: 2, c: [3, 4] })
    expect(bound.merged!()).toEqual({
      text: "select f($1), $2, $3 from t where x in ($4, $5) group by f($1), y in ($4, $5)",
      values: [1, 2, 2, 3, 4],
    })
  })

  describe("a backslash in a string", () => {
    const read = (sql: string, params: unknown, syntax: Syntax, escapes: boolean) =>
      asRead(bind(sql, params, syntax), escapes).text

    test.each([
      ["select 'it\\'s :x', :n, 'end'", true, "select 'it\\'s :x', $1, 'end'", { n: 1 }],
      ["select 'C:\\', :n, 'D:\\'", false, "select 'C:\\', $1, 'D:\\'", { n: 1 }],
      ["select 'a\\\\b', :n", true, "select 'a\\\\b', $1", { n: 1 }],
    ])("%s is read as the session reads it (escapes: %s)", (sql, escapes, text, params) => {
      expect(read(sql, params, postgresSyntax, escapes)).toBe(text)
      expect(read(sql, params, mysqlSyntax, escapes)).toBe(text.replace("$1", "?"))
    })

    test("parameters that fit neither reading are an error at once, those that fit one where it is not the session's", () => {
      expect(failure("select 'C:\\', :n", { m: 1 })).toContain("no n")
      const bound = bind("select 'C:\\', :n", { n: 1 }, mysqlSyntax)
      expect(() => asRead(bound, true)).toThrow("no :n")
      expect(asRead(bound, false).values).toEqual([1])
    })

    test("no other database is asked", () => {
      expect(bind("select '\\', :n", { n: 1 }, sqliteSyntax)).toEqual({ text: "select '\\', ?", values: [1] })
    })
  })

  test("names are letters of any script, digits and _", () => {
    expect(bind("select :größe, :_a1", { größe: 1, _a1: 2 }).values).toEqual([1, 2])
  })

  test("a name may be one that every object inherits", () => {
    expect(bind("select :constructor", { constructor: 1 }).values).toEqual([1])
    expect(failure("select :constructor", {})).toContain(":constructor")
    expect(failure("select :toString", {})).toContain("no toString")
  })

  test("? is never a placeholder", () => {
    expect(textOf("select data ? 'a', data ?| :keys, data @? '$.a'", { keys: ["a"] })).toBe(
      "select data ? 'a', data ?| $1, data @? '$.a'",
    )
  })

  test("but where ? is the database's placeholder, a lone one would take another's value", () => {
    expect(failure("select ?, :a", { a: 1 }, sqliteSyntax)).toContain("mixes :a")
    expect(failure("select $1, :a", { a: 1 })).toContain("mixes :a")
  })

  test("an instance of a class is a record like any other", () => {
    class Pet {
      name = "Ada"
    }
    expect(bind("select :name", new Pet()).values).toEqual(["Ada"])
  })
})

describe("left alone", () => {
  const params = { x: 1 }
  const pg: [string, string][] = [
    ["select '12:30', ':x', 'it''s :x', :x", "select '12:30', ':x', 'it''s :x', $1"],
    [`select ":x", "a"":x", :x`, `select ":x", "a"":x", $1`],
    ["select a::int, :x::text", "select a::int, $1::text"],
    ["select a[1:2], a[:x], a[b:c], a[f(b):c], :x", "select a[1:2], a[$1], a[b:c], a[f(b):c], $2"],
    ["select {'a':x, b:y}, :x", "select {'a':x, b:y}, $1"],
    ["select $$ :x $$, $t$ :x $$ $t$, :x", "select $$ :x $$, $t$ :x $$ $t$, $1"],
    ["select E'\\':x', e'\\\\', :x", "select E'\\':x', e'\\\\', $1"],
    ["select E'a'\n  'b\\':x', :x", "select E'a'\n  'b\\':x', $1"],
    ["select 'a\\', :x", "select 'a\\', $1"],
    ["select 1 -- :x\n, :x", "select 1 -- :x\n, $1"],
    ["select /* :x /* :x */ :x */ :x", "select /* :x /* :x */ :x */ $1"],
    ["select a := 1, :x", "select a := 1, $1"],
    ["select a$b$, :x, c$b$", "select a$b$, $1, c$b$"],
    ["select :x :: int, 1 : :x", "select $1 :: int, 1 : $2"],
    ["select :x /* :x", "select $1 /* :x"],
    ["select :x, ':x", "select $1, ':x"],
    ["select :x, $t$ :x", "select $1, $t$ :x"],
    ["select 5--:x\n, :x", "select 5--:x\n, $1"],
  ]
  test.each(pg)("postgres: %s", (sql, text) => expect(textOf(sql, params)).toBe(text))

  const my: [string, string][] = [
    ["select 'a\\':x', \"b\\\":x\", :x", "select 'a\\':x', \"b\\\":x\", ?"],
    ["select `a``:x`, :x # :x", "select `a``:x`, ? # :x"],
    ["select 5--:x", "select 5--?"],
    ["select @a := 5, :x -- :x", "select @a := 5, ? -- :x"],
    ["select /* /* */ :x", "select /* /* */ ?"],
  ]
  test.each(my)("mysql: %s", (sql, text) => expect(textOf(sql, params, mysqlSyntax)).toBe(text))

  const lite: [string, string][] = [
    ["select [a:x], `:x`, :x", "select [a:x], `:x`, ?"],
    ["select 1 /* /* */, :x", "select 1 /* /* */, ?"],
  ]
  test.each(lite)("sqlite: %s", (sql, text) => expect(textOf(sql, params, sqliteSyntax)).toBe(text))

  test("everything, without params", () => {
    const sql = "select :a, ?, $1, \\:b, ?? from t where x in :y"
    expect(bind(sql, undefined)).toEqual({ text: sql, values: [] })
  })
})

describe("an array binds ?", () => {
  test("in order", () => {
    expect(bind("select ?, '?', ?", [1, "b"])).toEqual({ text: "select $1, '?', $2", values: [1, "b"] })
    expect(bind("select ?, ?", [1, 1]).values).toEqual([1, 1])
  })

  test("colons are SQL", () => {
    expect(textOf("select a[1:2], :x, ?", [1])).toBe("select a[1:2], :x, $1")
  })

  test("without any ?, native placeholders pass through", () => {
    expect(bind("select $2, $1, $1", [1, 2])).toEqual({ text: "select $2, $1, $1", values: [1, 2] })
    expect(bind("select ?2, ?1", [1, 2], sqliteSyntax)).toEqual({ text: "select ?2, ?1", values: [1, 2] })
    expect(failure("select ?, $1", [1])).toContain("mixes ? with the database's own placeholder $1")
  })

  test("too few, too many", () => {
    expect(failure("select ?, ?", [1])).toContain("has 2 placeholders (?), and params has 1 value")
    expect(failure("select ?", [1, 2])).toContain("wrap it: [[1, 2]]")
    expect(failure("select 1", [1])).toContain("0 placeholders")
    expect(failure("select :name", ["Ada"])).toContain("need an object: { name: … }")
    expect(bind("select 1", [])).toEqual({ text: "select 1", values: [] })
  })
})

describe("\\: and ??", () => {
  test("are a literal colon and question mark", () => {
    expect(textOf("select a\\:b, a \\:c, :x, d ?? 'k'", { x: 1 })).toBe("select a:b, a :c, $1, d ? 'k'")
    expect(textOf("select d ?? 'k', ?, d ??| ?, \\:a", [1, 2])).toBe("select d ? 'k', $1, d ?| $2, :a")
    expect(textOf("select x\\:\\:int, :x", { x: 1 })).toBe("select x::int, $1")
    expect(textOf("select $1, d ?? 'k'", [1])).toBe("select $1, d ? 'k'")
  })

  test("are text inside strings and comments", () => {
    expect(textOf("select '\\: ??', :x -- \\: ??", { x: 1 })).toBe("select '\\: ??', $1 -- \\: ??")
  })
})

describe("an array directly after in", () => {
  test.each([
    ["select 1 where a in :x", "select 1 where a in ($1, $2)"],
    ["select 1 where a in (:x)", "select 1 where a in ($1, $2)"],
    ["select 1 where a IN/**/( :x /* one */ ) and 1=1", "select 1 where a IN/**/($1, $2) and 1=1"],
    ["select 1 where a not in :x or b in :x", "select 1 where a not in ($1, $2) or b in ($3, $4)"],
    ["select 1 where a in :x and b = :x", "select 1 where a in ($1, $2) and b = $3"],
  ])("%s", (sql, text) => expect(textOf(sql, { x: [1, 2] })).toBe(text))

  test("positional", () => {
    expect(bind("select ? where a in ? and b in (?)", [1, [2, 3], [4]], mysqlSyntax, false)).toEqual({
      text: "select ? where a in (?, ?) and b in (?)",
      values: [1, 2, 3, 4],
    })
  })

  test("elsewhere it binds as one value", () => {
    for (const sql of [
      "select :x",
      "select a = any(:x)",
      "select a in (1, :x)",
      "select a in (:x, 1)",
      "select a in f(:x)",
      "select [v for v in :x]",
      "select [v for v, i in :x]",
      `select "in" :x`,
    ]) {
      expect(bind(sql, { x: [1, 2] }).values, sql).toEqual([[1, 2]])
    }
    expect(textOf("select substring(a for 2) in :x", { x: [1, 2] })).toBe("select substring(a for 2) in ($1, $2)")
  })

  test("a single value there stays single", () => {
    expect(textOf("select 1 where a in (:x)", { x: 1 })).toBe("select 1 where a in ($1)")
    expect(textOf("select position('a' in :x)", { x: "b" })).toBe("select position('a' in $1)")
  })

  test("without elements, nothing is in it", () => {
    const none = "(select null from (select 1) as empty_list where 1 = 0)"
    expect(textOf("select a in :x", { x: [] }, sqliteSyntax)).toBe(`select a in ${none}`)
    expect(textOf("select a not in (:x)", { x: [] }, duckdbSyntax)).toBe(`select a not in ${none}`)
    expect(textOf("select a in (:x)", { x: [] })).toBe("select a in (null) is not null")
    expect(textOf("select a not in :x", { x: [] })).toBe("select a not in (null) is null")
  })

  test("a database without arrays takes no array elsewhere, nor inside the list", () => {
    expect(failure("select :x", { x: [1] }, mysqlSyntax, false)).toContain(":x is an array")
    expect(failure("select a in :x", { x: [[1]] }, mysqlSyntax, false)).toContain(":x is an array")
    expect(failure("select ?", [[1]], mysqlSyntax, false)).toContain("Parameter 1 is an array")
    expect(failure("select a in :x, :x", { x: [1] }, mysqlSyntax, false)).toContain(":x is an array")
  })
})

describe("errors name the parameter and what to do", () => {
  test("missing, with the nearest name", () => {
    expect(failure("select :nam", { name: 1 })).toMatch(/has :nam, and params has no nam\. Did you mean "name"\?/)
  })

  test("unused", () => {
    expect(failure("select :a", { a: 1, b: 2 })).toMatch(/params has "b", and the statement has no :b.*names are a\./)
    expect(failure("select $pet", { pet: 1 })).toContain("Write :pet instead of $pet.")
    expect(failure("select ':pet'", { pet: 1 })).toContain("outside strings and comments")
  })

  test("undefined, alone and inside", () => {
    expect(failure("select :a", { a: undefined })).toContain(":a is undefined")
    expect(failure("select a in :a", { a: [1, undefined] })).toContain(":a[1] is undefined")
    // biome-ignore lint/suspicious/noSparseArray: the hole is the case
    expect(failure("select a in :a", { a: [1, , 2] })).toContain(":a[1] is undefined")
    expect(failure("select ?", [undefined])).toContain("Parameter 1 is undefined")
  })

  test("params that are neither object nor array", () => {
    for (const [params, what] of [
      ["secret", "a string"],
      [new Map([["a", 1]]), "a Map"],
      [new Date(), "a Date"],
      [null, "null"],
      [new Uint8Array(1), "a Uint8Array"],
    ]) {
      expect(failure("select :a", params)).toContain(`params is ${what}.`)
    }
  })

  test("no error shows a value", () => {
    const canary = "s3cret-canary"
    for (const params of [
      { a: canary, b: canary },
      { b: canary },
      { a: [canary, undefined] },
      { a: new Error(canary) },
    ]) {
      expect(failure("select :a", params)).not.toContain(canary)
    }
  })
})

describe("values", () => {
  const bound = (value: unknown) => bind("select :v", { v: value }).values[0]

  test("pass as they are", () => {
    const date = new Date(0)
    const bytes = new Uint8Array([1])
    for (const value of ["", 0, -0, 1.5, Number.NaN, 10n ** 30n, true, false, null, date, bytes, Buffer.from("a")]) {
      expect(bound(value)).toBe(value)
    }
  })

  test("arrays are copied, so that a later change of the caller's is not seen", () => {
    const ids = [1, 2]
    const { values } = bind("select :v", { v: ids })
    ids.push(3)
    expect(values).toEqual([[1, 2]])
  })

  test("plain objects are JSON, typed arrays are arrays, buffers are bytes", () => {
    expect(bound({ a: [1, null] })).toBe('{"a":[1,null]}')
    expect(bound(Object.create(null, { a: { value: 1, enumerable: true } }))).toBe('{"a":1}')
    expect(bound(new Float32Array([1, 2]))).toEqual([1, 2])
    expect(bound(new Uint8Array([7]).buffer)).toEqual(new Uint8Array([7]))
    expect(bound(new DataView(new Uint8Array([7, 8]).buffer, 1))).toEqual(new Uint8Array([8]))
  })

  test.each([
    [() => 1, "a function"],
    [Symbol("x"), "a symbol"],
    [Promise.resolve(1), "a Promise, which has no SQL type. Await it first."],
    [new Set([1]), "a Set, which has no SQL type. Spread it"],
    [/x/, "a RegExp"],
    [new URL("http://a.example"), "a URL"],
  ])("refused: %s", (value, what) => expect(failure("select :v", { v: value })).toContain(`:v is ${what}`))

  test("refused: invalid dates, and objects without JSON", () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(failure("select :v", { v: new Date(Number.NaN) })).toContain(":v is an invalid Date")
    expect(failure("select :v", { v: cycle })).toContain(":v cannot be written as JSON")
    expect(failure("select :v", { v: { a: 1n } })).toContain(":v cannot be written as JSON")
  })
})

test("hostile statements are read in linear time and without deep recursion", () => {
  for (const part of ["'", "/*", "$a", "$a$", ":", "?", "\\:", "(", "in (", "E'\n", "-- ", "[", "e'\\", ":a "]) {
    const sql = part.repeat(100_000)
    for (const syntax of [postgresSyntax, mysqlSyntax, sqliteSyntax, ansiSyntax]) {
      const params = part === ":a " ? { a: 1 } : {}
      expect(bind(sql, params, syntax).text.length).toBeGreaterThan(0)
    }
  }
})
