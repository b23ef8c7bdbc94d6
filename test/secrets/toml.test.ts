import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { parseToml } from "../../src/secrets/toml.ts"
import { caught, everythingOf } from "./support.ts"

const canary = "hunter2canary"

/** One malformed line of every kind; the secret stands in it or next to it. */
const malformed: Record<string, string> = {
  "unclosed string": `password = "${canary}`,
  "unclosed literal": `password = '${canary}`,
  "unclosed multi-line": `password = """${canary}\n`,
  "unquoted text": `password = ${canary}`,
  "unquoted number-like": `password = 12${canary}`,
  "text after the value": `password = "${canary}" ${canary}`,
  "key without value": `password\nother = "${canary}"`,
  "key with a space": `${canary} password = "x"`,
  "empty key": `= "${canary}"`,
  "empty dotted part": `a..b = "${canary}"`,
  "multi-line key": `"""${canary}""" = 1`,
  "key twice": `password = "${canary}"\npassword = "${canary}"`,
  "table twice": `[${canary}]\n[${canary}]`,
  "value as table": `${canary} = 1\n[${canary}.b]`,
  "inline key twice": `a = { ${canary} = 1, ${canary} = 2 }`,
  "array not closed": `a = ["${canary}"`,
  "array without comma": `a = ["${canary}" "${canary}"]`,
  "inline table not closed": `a = { b = "${canary}"`,
  "inline table without comma": `a = { b = "${canary}" c = 1 }`,
  "table header not closed": `["${canary}"`,
  "table array not closed": `[["${canary}"]`,
  "bad escape": `password = "\\q${canary}"`,
  "escaped blank": `password = """\\ ${canary}"""`,
  "bad unicode digits": `password = "\\u00zz${canary}"`,
  "bad unicode character": `password = "\\ud800${canary}"`,
  "control character": `password = "\u0001${canary}"`,
  "control character in a comment": `# \u0001${canary}`,
  "newline in a string": `password = "${canary}\n"`,
  "leading zero": `port = 0123 # ${canary}`,
  "stray underscore": `port = 1__2 # ${canary}`,
  "unfinished number": `port = 1. # ${canary}`,
  "bad hexadecimal": `port = 0xzz # ${canary}`,
  "bad date": `day = 2024-13-45 # ${canary}`,
  "bad time": `time = 25:61:00 # ${canary}`,
  "bad date-time": `at = 2024-01-01T2 # ${canary}`,
  "refused key": `__proto__ = "${canary}"`,
  "refused key, escaped": `"__pr\\u006fto__" = "${canary}"`,
  "refused key in an inline table": `a = { constructor = "${canary}" }`,
  "refused key in a header": `[prototype]\na = "${canary}"`,
  "brackets without end": "[".repeat(50_000) + canary,
  "value in brackets without end": `a = ${"[".repeat(50_000)}"${canary}"`,
  "inline tables without end": `a = ${"{ a = ".repeat(50_000)}"${canary}"`,
  "very many dots": `${"a.".repeat(50_000)}a = "${canary}"`,
  "a header of very many dots": `[${"a.".repeat(50_000)}a]\nb = "${canary}"`,
}

describe("a malformed file", () => {
  test.each(Object.entries(malformed))("%s: says where and why, and never what", (_kind, text) => {
    const error = caught(() => parseToml(text, "secrets.toml"))
    expect(error.code).toBe("SECRETS")
    expect(error.message).toMatch(/^secrets\.toml /)
    expect(error.message).not.toContain("cannot be parsed")
    expect(everythingOf(error)).not.toContain(canary)
  })

  test("names line and column", () => {
    const error = caught(() => parseToml('[connections.pets]\nurl = "ok"\npassword = nope\n', "secrets.toml"))
    expect(error.message).toBe(
      "secrets.toml is not valid TOML at line 3, column 12: this is not a value; text must be quoted.",
    )
  })

  test("whatever a slip of the keyboard does to it, no piece of it is told", () => {
    const good = `[connections.pets]\nurl = "postgres://u:${canary}@h/db"\npassword = '${canary}'\nport = 5432\n`
    const slip = fc.record({
      at: fc.nat(good.length),
      drop: fc.nat(3),
      add: fc.constantFrom("", '"', "'", "[", "]", "=", "\n", "\\", ".", "{", "#", "\u0000", "__proto__.a=1\n"),
    })
    fc.assert(
      fc.property(fc.array(slip, { minLength: 1, maxLength: 3 }), (slips) => {
        let text = good
        for (const { at, drop, add } of slips) text = text.slice(0, at) + add + text.slice(at + drop)
        try {
          parseToml(text, "secrets.toml")
        } catch (error) {
          expect(everythingOf(error)).not.toContain(canary.slice(0, 6))
          expect(everythingOf(error)).not.toContain(canary.slice(-6))
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe("a good file", () => {
  test("gives frozen tables without prototypes, all the way down", () => {
    const data = parseToml("[a.b]\nc = [{ d = 1 }]\n", "secrets.toml") as { a: { b: { c: { d: number }[] } } }
    expect(data).toEqual({ a: { b: { c: [{ d: 1 }] } } })
    for (const table of [data, data.a, data.a.b, data.a.b.c[0]]) {
      expect(Object.getPrototypeOf(table)).toBe(null)
      expect(Object.isFrozen(table)).toBe(true)
    }
    expect(Object.isFrozen(data.a.b.c)).toBe(true)
  })

  test("keeps integers beyond 2^53 exact, reads a byte order mark, CRLF and 32 levels", () => {
    expect(parseToml("\uFEFFa = 9007199254740993\r\nb = 1\r\n", "x")).toEqual({ a: 9007199254740993n, b: 1 })
    expect(() => parseToml(`${"a.".repeat(30)}a = 1`, "x")).not.toThrow()
  })

  test("holds any text that is written as a basic string", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const written = JSON.stringify(value).replaceAll("\u007f", "\\u007f")
        expect(parseToml(`a = ${written}`, "x").a).toBe(value)
      }),
    )
  })
})

test("a path of Windows in double quotes comes with a hint", () => {
  expect(() => parseToml('database = "C:\\Users\\ada"', "secrets.toml")).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("single quotes: 'C:\\Users\\ada'") }),
  )
})

test("a file that is cut anywhere names file, line and column, and never what it holds", () => {
  const lines = [
    `[connections.pets]`,
    `url = "postgresql://ada:${canary}@db/pets?sslmode=require"`,
    `password = '${canary}'`,
    `token = """${canary}`,
    `${canary}"""`,
    `${canary} = { command = ["echo", "${canary}"], a.${canary} = 1 }`,
    `keys = [ "${canary}", '''${canary}''', 12, 2024-01-01 ] # ${canary}`,
    `[connections."${canary}"]`,
    `[[${canary}]]`,
  ]
  const whole = lines.join("\n")
  const slip = fc.tuple(
    fc.nat(whole.length),
    fc.nat(3),
    fc.constantFrom("", '"', "'", "[", "]", "=", "\n", "\\", "{", "}", "#", "."),
  )
  let refused = 0
  fc.assert(
    fc.property(slip, fc.option(fc.nat(whole.length)), ([at, deleted, inserted], end) => {
      const text = (whole.slice(0, at) + inserted + whole.slice(at + deleted)).slice(0, end ?? undefined)
      try {
        parseToml(text, "secrets.toml")
      } catch (error) {
        refused++
        expect(error).toMatchObject({
          code: "SECRETS",
          message: expect.stringMatching(/^secrets\.toml is not valid TOML at line \d+, column \d+: .*\.$/),
        })
        // A piece of it would be as bad.
        expect(everythingOf(error)).not.toMatch(/hunt|canary/)
      }
    }),
    { numRuns: 2000, seed: 12 },
  )
  expect(refused).toBeGreaterThan(500)
})
