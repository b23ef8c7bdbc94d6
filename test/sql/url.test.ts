import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { isMooringError } from "../../src/errors.ts"
import { displayUrl, formatUrl, parseUrl, type UrlParts } from "../../src/sql/url.ts"

/** What SQLAlchemy 2.1.9's `make_url` gives for each text; where it gives "" for "nothing", so written. */
const sqlalchemy: [string, Partial<UrlParts>][] = [
  ["postgresql://u:p@h:5432/db", { username: "u", password: "p", host: "h", port: 5432, database: "db" }],
  [
    "postgresql+psycopg2://u:p%40x@h/db",
    { driver: "psycopg2", username: "u", password: "p@x", host: "h", database: "db" },
  ],
  ["postgres://u@h", { dialect: "postgres", username: "u", host: "h" }],
  ["sqlite://", { dialect: "sqlite" }],
  ["sqlite:///pets.db", { dialect: "sqlite", database: "pets.db" }],
  ["sqlite:////abs/p.db", { dialect: "sqlite", database: "/abs/p.db" }],
  ["sqlite:///:memory:", { dialect: "sqlite", database: ":memory:" }],
  ["sqlite:///C:\\path\\foo.db", { dialect: "sqlite", database: "C:\\path\\foo.db" }],
  [
    "sqlite:///file:a.db?mode=ro&uri=true",
    { dialect: "sqlite", database: "file:a.db", query: { mode: "ro", uri: "true" } },
  ],
  ["duckdb:///file.db", { dialect: "duckdb", database: "file.db" }],
  ["duckdb:///:memory:", { dialect: "duckdb", database: ":memory:" }],
  [
    "mysql+pymysql://u:p#a/b@h:3306/db?charset=utf8mb4&x=1",
    {
      dialect: "mysql",
      driver: "pymysql",
      username: "u",
      password: "p#a/b",
      host: "h",
      port: 3306,
      database: "db",
      query: { charset: "utf8mb4", x: "1" },
    },
  ],
  ["postgresql://u:p/a#s?d@h/db", { username: "u", password: "p/a#s?d", host: "h", database: "db" }],
  ["postgresql://u:a:b@h/db", { username: "u", password: "a:b", host: "h", database: "db" }],
  ["postgresql://u@d:p@h/db", { username: "u@d", password: "p", host: "h", database: "db" }],
  ["postgresql://u@d@h/db", { username: "u@d", host: "h", database: "db" }],
  ["postgresql://[::1]:5432/db", { host: "::1", port: 5432, database: "db" }],
  ["postgresql://u:p@[2001:db8::1]/db", { username: "u", password: "p", host: "2001:db8::1", database: "db" }],
  ["postgresql:///db?host=/var/run/postgresql", { database: "db", query: { host: "/var/run/postgresql" } }],
  ["postgresql://h/db#frag", { host: "h", database: "db#frag" }],
  ["postgresql://h/db?a=b+c&d=%2B&e=&f", { host: "h", database: "db", query: { a: "b c", d: "+" } }],
  ["postgresql://u:p+w@h/d+b", { username: "u", password: "p+w", host: "h", database: "d+b" }],
  ["postgresql://u:100%@h/db", { username: "u", password: "100%", host: "h", database: "db" }],
  ["postgresql://u:%zz@h/db", { username: "u", password: "%zz", host: "h", database: "db" }],
  ["sqlite:///C:\\users\\a@b\\pets.db", { dialect: "sqlite", database: "C:\\users\\a@b\\pets.db" }],
  ["sqlite:///a@b.db", { dialect: "sqlite", database: "a@b.db" }],
  ["postgresql://:p@h/db", { password: "p", host: "h", database: "db" }],
  ["postgresql://u:@h/db", { username: "u", password: "", host: "h", database: "db" }],
  ["postgresql://h/", { host: "h" }],
  ["postgresql://h:5432/db?email=a@b", { username: "h", password: "5432/db?email=a", host: "b" }],
  [
    "trino://user@h:8080/cat/schema",
    { dialect: "trino", username: "user", host: "h", port: 8080, database: "cat/schema" },
  ],
  ["postgresql://h/%C3%A9", { host: "h", database: "é" }],
  ["postgresql://h/db?x=%E9", { host: "h", database: "db", query: { x: "\ufffd" } }],
]

test.each(sqlalchemy)("reads %s as SQLAlchemy does", (url, parts) => {
  const nothing = { driver: undefined, username: undefined, password: undefined, host: undefined, port: undefined }
  expect(parseUrl(url)).toEqual({ dialect: "postgresql", ...nothing, database: undefined, query: {}, ...parts })
})

test("is more lenient where that is safe", () => {
  expect(parseUrl(" postgresql://h/db\n").database).toBe("db")
  expect(parseUrl("postgresql://h:/db").port).toBeUndefined()
  expect(parseUrl("postgresql://%2Frun%2Fpg/db").host).toBe("/run/pg")
})

function refusal(url: string): string {
  try {
    parseUrl(url)
  } catch (error) {
    if (!isMooringError(error, "BAD_CONFIG")) throw error
    expect(error.cause).toBeUndefined()
    return `${error.message} ${error.hint}`
  }
  throw new Error(`${url} was read`)
}

describe("refuses, without showing any of it", () => {
  test.each([
    ["postgresql://u:canary@a:1,b:2/db", "several hosts"],
    ["postgresql://u:canary@a,b/db", "several hosts"],
    ["postgresql://u:p@canary@h/db", "write @ as %40"],
    ["postgresql://u:p@can/ary@h/db", "write @ as %40"],
    ["postgresql://ada/canary@localhost/db", "a / before its @"],
    ["postgresql:///ada:canary@localhost/db", "a / before its @"],
    ["sqlite:///ada:canary@localhost/db", "write @ as %40"],
    ["postgresql://u:p@h?canary@localhost:5432/db?sslmode=require", "more than one @"],
    ["postgresql://u:p@h?canary&more@localhost:5432/db", "more than one @"],
    ["postgresql://u:canary", "cannot be read"],
    ["postgresql://u:p@h:canary/db", "cannot be read"],
    ["postgresql://u:p@h:70000/db", "65535"],
    ["postgresql://u:p@[::1/db", "cannot be read"],
    ["postgresql://u:p@[::1]canary/db", "cannot be read"],
    ["postgresql://u:p@h/db?host=canary&host=b", "more than once"],
    ["postgresql://u:p@h/db?canary=1&canary=2", "a key more than once"],
    ["canary", "no database URL"],
    ["h:canary/db", "no database URL"],
    ["my-db://canary", "no database URL"],
    ["a+b+c://canary", "no database URL"],
    ["jdbc:postgresql://canary/db", "jdbc:"],
    ["", "no database URL"],
  ])("%s", (url, sentence) => {
    expect(refusal(url)).toContain(sentence)
    expect(refusal(url)).not.toMatch(/canary|can\/ary/)
  })
})

const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((t) => t.isWellFormed() && t.trim() !== "")
const urlParts: fc.Arbitrary<UrlParts> = fc.record({
  dialect: fc.constantFrom("postgresql", "mysql", "sqlite"),
  driver: fc.option(fc.stringMatching(/^\w{1,8}$/), { nil: undefined }),
  username: fc.option(text, { nil: undefined }),
  password: fc.option(fc.oneof(text, fc.constant("")), { nil: undefined }),
  host: fc.option(fc.oneof(text, fc.constant("::1"), fc.constant("fe80::1%eth0")), { nil: undefined }),
  port: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
  database: fc.option(text, { nil: undefined }),
  query: fc.dictionary(text, text, { maxKeys: 3 }).map((query) => ({ ...query })),
})

describe("formatting", () => {
  test("what was formatted is read as it was", () => {
    fc.assert(
      fc.property(urlParts, (parts) => {
        expect(parseUrl(formatUrl(parts))).toEqual(parts)
      }),
    )
  })

  test("the display of a URL never has its password", () => {
    fc.assert(
      fc.property(urlParts, fc.stringMatching(/^[\w/#?%:+ -]{8,20}$/), (parts, secret) => {
        const shown = displayUrl({
          ...parts,
          password: `Zq${secret}`,
          query: { ...parts.query, sslpassword: `Zq${secret}` },
        })
        expect(decodeURIComponent(shown)).not.toContain(`Zq${secret}`)
        expect(parseUrl(shown)).toEqual({ ...parseUrl(shown), password: "***" })
      }),
    )
  })

  test("reads well", () => {
    expect(displayUrl(parseUrl("postgres://ada:s3cret@db.example:5432/pets?sslmode=require&token=abc"))).toBe(
      "postgres://ada:***@db.example:5432/pets?sslmode=require&token=***",
    )
    expect(displayUrl(parseUrl("sqlite:////data/pets.db"))).toBe("sqlite:////data/pets.db")
    expect(displayUrl(parseUrl("duckdb:///:memory:"))).toBe("duckdb:///:memory:")
    expect(displayUrl(parseUrl("mysql://u:@h"))).toBe("mysql://u:@h")
  })
})

test("any text is read or refused, and refused without its words", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab:/@?#[]&=%+,. \n"), maxLength: 40 }), (rest) => {
      try {
        parseUrl(`postgresql://${rest}`)
      } catch (error) {
        expect(isMooringError(error, "BAD_CONFIG")).toBe(true)
      }
    }),
  )
})
