import { describe, expect, test } from "vitest"
import { isMooringError, type MooringError } from "../../src/errors.ts"
import { type ResolvedSql, toSqlConfig } from "../../src/sql/config.ts"
import type { Layer } from "../../src/sql/config-parts.ts"
import type { Dialect } from "../../src/sql/dialect.ts"
import { ansiSyntax } from "../../src/sql/syntax.ts"

const unused = () => {
  throw new Error("not part of configuration")
}
const dialect = (part: Partial<Dialect> & Pick<Dialect, "name">): Dialect => ({
  aliases: [],
  syntax: ansiSyntax,
  settings: {},
  types: {},
  source: unused,
  open: unused,
  begin: unused,
  classify: unused,
  ...part,
})

const dialects: readonly Dialect[] = [
  dialect({
    name: "postgresql",
    aliases: ["postgres"],
    driver: { package: "pg", range: "^8", aliases: ["psycopg2", "asyncpg"] },
    urlKeys: /^(?!hunter2|pgbouncer|schema|sslmod$|target)/,
    connectArgs: /^timeout$/,
    settings: {
      sslmode: { type: "text", description: "", oneOf: ["disable", "require", "verify-full"] },
      keepalive: { type: "boolean", description: "", otherwise: "sslmode" },
      idle_timeout: { type: "duration", description: "" },
      fetch: { type: "number", description: "" },
      labels: { type: "table", description: "" },
    },
  }),
  dialect({ name: "sqlite", settings: { read_only: { type: "boolean", description: "" } } }),
  dialect({ name: "trino", requires: ["host", "username"] }),
]

const options = (values: Layer["values"]): Layer => ({ source: "the options", values })
const section = (values: Layer["values"]): Layer => ({ source: ".mooring/secrets.toml", values })
const context = { connection: "pets", projectDir: "/project" }
const resolve = (...layers: Layer[]): ResolvedSql => toSqlConfig(layers, dialects, context)
const configOf = (...layers: Layer[]) => resolve(...layers).config
const warningsOf = (...layers: Layer[]) => resolve(...layers).warnings

function failure(...layers: Layer[]): MooringError {
  try {
    resolve(...layers)
  } catch (error) {
    if (isMooringError(error)) return error
    throw error
  }
  throw new Error("no error")
}
const refusal = (...layers: Layer[]): string => {
  const { code, message, hint, connection } = failure(...layers)
  expect(connection).toBe("pets")
  expect(code).toBe("BAD_CONFIG")
  return `${message} ${hint}`
}

describe("B21 configured by url or parts", () => {
  test("a url comes out complete", () => {
    const { config, warnings } = resolve(section({ url: "postgres://ada:pw@db:5433/pets?application_name=x" }))
    expect(config).toEqual({
      dialect: "postgresql",
      driver: undefined,
      username: "ada",
      password: "pw",
      host: "db",
      port: 5433,
      database: "pets",
      query: { application_name: "x" },
      settings: {},
      connectArgs: {},
      pool: { size: 5, maxOverflow: 10, timeout: 30_000, recycle: Number.POSITIVE_INFINITY, prePing: false },
      autocommit: false,
      projectDir: "/project",
    })
    expect(warnings).toEqual([])
  })

  test("parts come out the same", () => {
    const parts = { dialect: "postgres", username: "ada", password: "pw", host: "db", port: 5433, database: "pets" }
    expect(configOf(section({ ...parts, query: { application_name: "x" } }))).toEqual(
      configOf(section({ url: "postgres://ada:pw@db:5433/pets?application_name=x" })),
    )
  })

  test("options beat secrets, part by part", () => {
    const below = section({
      dialect: "postgresql",
      username: "ada",
      password: "pw",
      host: "db",
      query: { a: "1", b: "1" },
    })
    expect(configOf(below, options({ host: "replica", query: { b: "2" } }))).toMatchObject({
      username: "ada",
      password: "pw",
      host: "replica",
      query: { a: "1", b: "2" },
    })
    expect(configOf(below, options({ url: "postgres://replica/pets" }))).toMatchObject({
      username: "ada",
      password: "pw",
      host: "replica",
      database: "pets",
    })
    expect(configOf(section({ url: "postgres://ada:pw@db/pets" }), options({ host: "replica" }))).toMatchObject({
      username: "ada",
      host: "replica",
    })
    expect(warningsOf(section({ url: "postgres://ada:pw@db/pets" }), options({ host: "replica" }))).toEqual([])
  })

  test("within one source the url wins, with a warning that shows no value", () => {
    const layer = section({ url: "postgres://ada:canary1@db/pets", host: "other", password: "canary2", port: 5433 })
    const { config, warnings } = resolve(layer)
    expect(config).toMatchObject({ host: "db", password: "canary1", port: 5433 })
    expect(warnings).toEqual([".mooring/secrets.toml gives url as well as password, host: what the url says is used."])
    expect(warningsOf(section({ url: "postgres://db/pets", dialect: "postgresql", host: "db" }))).toEqual([])
  })

  test("the port may be a string", () => {
    expect(configOf(section({ dialect: "postgresql", port: "5433" })).port).toBe(5433)
    for (const port of ["54x", "", 1.5, -1, 70_000, true, [5432]]) {
      if (port === "") expect(configOf(section({ dialect: "postgresql", port })).port).toBeUndefined()
      else
        expect(refusal(section({ dialect: "postgresql", port }))).toContain("port in .mooring/secrets.toml has to be")
    }
  })

  test("driver and dialect+driver", () => {
    expect(configOf(section({ dialect: "postgresql", driver: "psycopg2" })).driver).toBe("psycopg2")
    expect(configOf(section({ dialect: "postgresql+asyncpg" }))).toMatchObject({
      dialect: "postgresql",
      driver: "asyncpg",
    })
    expect(warningsOf(section({ url: "postgresql+psycopg2://db" }))).toEqual([])
    expect(warningsOf(section({ url: "postgresql+other://db" }))).toEqual([
      '"other" is no driver of postgresql that Mooring knows: pg is used.',
    ])
  })

  test("username and host are required only where the dialect needs them", () => {
    expect(configOf(section({ dialect: "sqlite" })).host).toBeUndefined()
    expect(configOf(section({ dialect: "postgresql" })).host).toBeUndefined()
    expect(refusal(section({ dialect: "trino", host: "h" }))).toContain("A trino connection needs username.")
    expect(refusal(section({ dialect: "trino" }))).toContain("needs host and username.")
  })

  test("a query may give the address, as for sockets", () => {
    const url = "postgresql:///pets?host=/run/postgresql&port=5433&user=ada&password=pw&x=1"
    expect(configOf(section({ url }))).toMatchObject({
      host: "/run/postgresql",
      port: 5433,
      username: "ada",
      password: "pw",
      database: "pets",
      query: { x: "1" },
    })
    expect(configOf(section({ url }), options({ host: "db" })).host).toBe("db")
  })

  test("a url of another dialect in a stronger source leaves nothing of the address below", () => {
    const below = section({
      url: "postgresql+psycopg2://ada:pw@db/pets?sslmode=require",
      sslmode: "require",
      pool_size: 2,
    })
    const { config, warnings } = resolve(below, options({ url: "sqlite:///test.db" }))
    expect(config).toMatchObject({ dialect: "sqlite", database: "test.db", query: {}, settings: {}, pool: { size: 2 } })
    expect([config.driver, config.username, config.password, config.host]).toEqual(Array(4).fill(undefined))
    expect(warnings).toEqual([])
    expect(refusal(below, options({ url: "sqlite:///test.db", sslmode: "require" }))).toContain(
      '"sslmode" in the options',
    )
  })

  test("empty texts, as the environment gives them, are nothing", () => {
    expect(configOf(section({ url: "", dialect: "sqlite", host: "", username: "" }))).toMatchObject({ host: undefined })
  })
})

describe("B22 nothing configured", () => {
  test("names the section, the files that were looked at, and an example", () => {
    for (const layers of [[], [options({})], [options({ url: undefined })]]) {
      const places = ["/project/.mooring/secrets.toml", "/home/ada/.streamlit/secrets.toml"]
      const error = (() => {
        try {
          return toSqlConfig(layers, dialects, { ...context, secrets: { places, meant: () => "" } })
        } catch (caught) {
          return caught as MooringError
        }
      })() as MooringError
      expect(error.code).toBe("NO_CONFIG")
      expect(error.message).toBe(
        `Missing SQL connection configuration [connections.pets]. Looked at ${places.join(", ")}, in the folder /project.`,
      )
      expect(error.hint).toContain('[connections.pets]\nurl = "postgresql://')
      expect(error.connection).toBe("pets")
    }
  })

  test("something, but neither url nor dialect", () => {
    expect(refusal(section({ host: "db" }))).toContain("gives neither url nor dialect")
  })

  test("a dialect that Mooring lacks names those it has, and the nearest", () => {
    expect(refusal(section({ url: "orakel://h/db" }))).toMatch(
      /no dialect "orakel"\. Mooring has postgresql, sqlite, trino\./,
    )
    expect(refusal(section({ url: "mssql+pyodbc://h/db" }))).toMatch(
      /The dialect mssql is not supported yet\. Mooring has postgresql/,
    )
    expect(refusal(section({ dialect: "postgre" }))).toContain('Did you mean "postgres"?')
  })
})

describe("B23 pool settings", () => {
  const base = { url: "sqlite://" }

  test("strongest first: option, its create_engine_kwargs, section's [pool], its create_engine_kwargs", () => {
    const sources = [
      {
        layer: "section",
        values: { create_engine_kwargs: { pool_size: 1, max_overflow: 1, pool_timeout: 1, pool_recycle: 1 } },
      },
      { layer: "section", values: { pool: { pool_size: 2, max_overflow: 2, pool_timeout: 2 } } },
      { layer: "options", values: { create_engine_kwargs: { pool_size: 3, max_overflow: 3 } } },
      { layer: "options", values: { pool_size: 4 } },
    ]
    const pick = (layer: string) => Object.assign({}, ...sources.filter((s) => s.layer === layer).map((s) => s.values))
    expect(configOf(section({ ...base, ...pick("section") }), options(pick("options"))).pool).toEqual({
      size: 4,
      maxOverflow: 3,
      timeout: 2000,
      recycle: 1000,
      prePing: false,
    })
  })

  test("texts, durations and SQLAlchemy's special values", () => {
    const pool = { pool_size: "0", max_overflow: "-1", pool_timeout: "2m", pool_recycle: -1, pool_pre_ping: "true" }
    expect(configOf(section({ ...base, pool })).pool).toEqual({
      size: Number.POSITIVE_INFINITY,
      maxOverflow: Number.POSITIVE_INFINITY,
      timeout: 120_000,
      recycle: Number.POSITIVE_INFINITY,
      prePing: true,
    })
    expect(configOf(section({ ...base, pool_recycle: "1h" })).pool.recycle).toBe(3_600_000)
    expect(refusal(section({ ...base, pool_size: -1 }))).toContain(
      "pool_size in .mooring/secrets.toml has to be a whole",
    )
    expect(refusal(section({ ...base, pool: { max_overflow: "lots" } }))).toContain("pool.max_overflow in .mooring")
    expect(refusal(section({ ...base, pool: 5 }))).toContain("a table of keys and values")
    expect(failure(section({ ...base, pool_timeout: "soon" })).code).toBe("BAD_DURATION")
  })

  test("connect_args of all sources are merged", () => {
    const kwargs = { create_engine_kwargs: { connect_args: { ssl_ca: "ca.pem", timeout: 1 } } }
    const config = configOf(section({ ...base, ...kwargs }), options({ connect_args: { timeout: 5 } }))
    expect(config.connectArgs).toEqual({ ssl_ca: "ca.pem", timeout: 5 })
  })

  test("leak_warning: five minutes, or what is given, 0 for never", () => {
    expect(resolve(section(base)).leakWarning).toBe(300_000)
    expect(resolve(section({ ...base, pool: { leak_warning: "60s" } })).leakWarning).toBe(60_000)
    for (const never of [0, "0", "inf"]) {
      expect(resolve(section({ ...base, leak_warning: never })).leakWarning).toBe(Number.POSITIVE_INFINITY)
    }
  })

  test("echo", () => {
    expect(resolve(section(base)).echo).toBe(false)
    expect(resolve(section({ ...base, create_engine_kwargs: { echo: "debug" } })).echo).toBe(true)
  })

  test("what SQLAlchemy has and Mooring lacks is one warning that names the keys", () => {
    const layers = [
      section({ ...base, create_engine_kwargs: { poolclass: "NullPool", pool_sise: 3 } }),
      options({ create_engine_kwargs: { poolclass: "NullPool" } }),
    ]
    expect(warningsOf(...layers)).toEqual([
      "create_engine_kwargs has poolclass, pool_sise, which Mooring's sqlite connections do not have. " +
        "Did you mean pool_size?",
    ])
  })

  test("an unknown key of [pool] is an error", () => {
    expect(refusal(section({ ...base, pool: { size: 3 } }))).toContain('Did you mean "pool_size"?')
    expect(refusal(section({ ...base, pool: { colour: 3 } }))).toContain("Its settings are pool_size,")
  })
})

describe("B24 autocommit", () => {
  test("from either, as a value or a text", () => {
    expect(configOf(section({ url: "sqlite://", autocommit: true })).autocommit).toBe(true)
    expect(configOf(section({ url: "sqlite://" }), options({ autocommit: true })).autocommit).toBe(true)
    expect(configOf(section({ url: "sqlite://", autocommit: "yes" }), options({ autocommit: false })).autocommit).toBe(
      false,
    )
    expect(refusal(section({ url: "sqlite://", autocommit: "maybe" }))).toContain("autocommit in .mooring/secrets.toml")
  })
})

describe("a dialect's own settings", () => {
  const url = "postgresql://db"

  test("are converted to their types", () => {
    const values = { sslmode: "require", keepalive: "on", idle_timeout: "1m", fetch: "1e3", labels: '{"a":1}' }
    expect(configOf(section({ url, ...values })).settings).toEqual({
      sslmode: "require",
      keepalive: true,
      idle_timeout: 60_000,
      fetch: 1000,
      labels: { a: 1 },
    })
    expect(configOf(section({ url, labels: "a=1&b=2" })).settings.labels).toEqual({ a: "1", b: "2" })
  })

  test("may stand in the url's query, and the stronger source wins", () => {
    const layer = section({ url: `${url}?sslmode=require&keepalive=true&x=y` })
    expect(configOf(layer)).toMatchObject({ settings: { sslmode: "require", keepalive: true }, query: { x: "y" } })
    expect(configOf(layer, options({ sslmode: "disable" })).settings.sslmode).toBe("disable")
    expect(configOf(section({ url, sslmode: "disable" }), options({ url: `${url}?sslmode=require` })).settings).toEqual(
      {
        sslmode: "require",
      },
    )
  })

  test("of a wrong type or outside their choice are refused without their value", () => {
    for (const values of [
      { sslmode: "canary" },
      { keepalive: "canary" },
      { fetch: "canary" },
      { labels: "canary" },
      { labels: "{canary" },
      { idle_timeout: ["canary"] },
      { password: { canary: true } },
      { url: ["canary"] },
      { url: "canary" },
    ]) {
      const sentence = refusal(section({ url, ...values }))
      expect(sentence).not.toContain("canary")
      expect(sentence).toMatch(/^Connection "pets": /)
    }
    expect(refusal(section({ url: `${url}?sslmode=canary` }))).toContain(
      "sslmode in the query of .mooring/secrets.toml",
    )
  })

  test("unknown keys are refused with the nearest spelling", () => {
    expect(refusal(section({ url, sslmod: "require" }))).toContain('Did you mean "sslmode"?')
    expect(refusal(section({ url, ssl_mode: "require" }))).toContain("Write sslmode instead of ssl_mode.")
    expect(refusal(section({ url, user: "ada" }))).toContain('Did you mean "username"?')
    expect(refusal(options({ url, zzzzzzzz: 1 }))).toContain('"zzzzzzzz" in the options is no setting of a postgresql')
    expect(refusal(options({ url, constructor: 1 }))).toContain('"constructor" in the options')
  })

  test("but are a warning in Streamlit's files, which must work unchanged", () => {
    const layer = { source: "/project/.streamlit/secrets.toml", streamlit: true, values: { url, note: "canary" } }
    expect(resolve(layer).streamlit).toBe(true)
    expect(warningsOf(layer)).toEqual([expect.stringContaining('"note" in /project/.streamlit/secrets.toml')])
    expect(warningsOf(layer).join()).not.toContain("canary")
  })

  test("what such a section has beyond Mooring's settings is one warning", () => {
    const values = {
      url: `${url}?target_session_attrs=read-write&hunter2=1`,
      note: "x",
      create_engine_kwargs: { pool_sise: 3, connect_args: { init_command: "set x", fetch: 3 } },
    }
    const layer = { source: ".streamlit/secrets.toml", streamlit: true, values }
    const [warning, ...others] = warningsOf(layer)
    expect(others).toEqual([])
    expect(warning).toMatch(/pool_sise.*note.*target_session_attrs.*a key.*connect_args has init_command/s)
    expect(warning).not.toContain("hunter2")
    expect(configOf(layer)).toMatchObject({ query: {}, connectArgs: { fetch: 3 } })
  })

  test("other programs' keys of a URL come with what to write instead, unknown ones without a name", () => {
    expect(refusal(section({ url: `${url}?pgbouncer=true` }))).toMatch(/has "pgbouncer", .*prepared_statements/)
    expect(refusal(section({ url: `${url}?schema=a` }))).toContain("search_path")
    expect(refusal(section({ url: `${url}?sslmod=require` }))).toContain('Did you mean "sslmode"?')
    expect(refusal(section({ url: `${url}?hunter2=1` }))).toMatch(/has a key, which .* It takes sslmode/)
    expect(configOf(section({ url: `${url}?keepalives=1` })).query).toEqual({ keepalives: "1" })
  })

  test("a text of another setting's goes there", () => {
    expect(configOf(section({ url: `${url}?keepalive=require` })).settings).toEqual({ sslmode: "require" })
  })

  test("query_ttl and values are known, and passed on", () => {
    const resolved = resolve(
      section({ url, query_ttl: "10m", values: { bigint: "string" } }),
      options({ query_ttl: 0 }),
    )
    expect(resolved).toMatchObject({ queryTtl: 0, values: { bigint: "string" }, warnings: [] })
  })
})

test("secrets in errors: none of any url, however it fails", () => {
  for (const url of [
    "postgresql://ada:canary@db:x/pets",
    "postgresql://ada:canary@a,b/pets",
    "nosuch://ada:canary@db/pets",
    "postgresql://ada:canary@db/pets?port=canary",
    "postgresql://ada:x@canary@db/pets",
  ]) {
    const error = failure(section({ url }))
    expect(`${error.message} ${error.hint} ${error.stack} ${String(error.cause)}`).not.toContain("canary")
  }
})
