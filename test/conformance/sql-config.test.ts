import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { connection, type SQLConnection } from "../../src/index.ts"
import type { Dialect, SqlConfig } from "../../src/sql/dialect.ts"
import { sqlite } from "../../src/sql/dialects/sqlite/index.ts"
import { type DialectName, type FileDialectName, onEveryDatabase } from "../support/databases.ts"
import { useProject } from "../support/project.ts"
import { failureOf, hearWarnings, pause } from "../support/waiting.ts"

/** A dialect that needs an address, and notes the configuration that it is opened with. */
function server(): { dialect: Dialect; configs: SqlConfig[] } {
  const configs: SqlConfig[] = []
  const { urlKeys: _, ...free } = sqlite
  const dialect: Dialect = {
    ...free,
    name: "acme",
    aliases: ["acmesql"],
    driver: { package: "acme-driver", range: "*", aliases: ["pyacme"] },
    requires: ["username", "host"],
    source: ({ host }) => ({ label: host!, identity: { host }, local: false, ephemeral: false }),
    open: (config) => {
      configs.push(config)
      return sqlite.open({
        ...config,
        host: undefined,
        port: undefined,
        database: ":memory:",
        query: {},
        settings: {},
        connectArgs: {},
      })
    },
  }
  return { dialect, configs }
}

const inFiles: Record<FileDialectName, true> = { duckdb: true, sqlite: true }

describe("B21 what a connection is configured by", () => {
  for (const dialect of Object.keys(inFiles) as FileDialectName[]) {
    test(`a url, or dialect and database; relative files are the project's — ${dialect}`, async () => {
      const { dir, secrets } = useProject()
      secrets(`
[connections.by_url]
type = "sql"
url = "${dialect}:///pets.db"

[connections.by_parts]
type = "sql"
dialect = "${dialect}"
database = "${join(dir, "pets.db")}"
`)
      const byUrl = await connection<SQLConnection>("by_url")
      const byParts = await connection<SQLConnection>("by_parts")
      await byUrl.execute("create table owners (name varchar(20))")
      await byUrl.execute("insert into owners values ('Ada')")
      expect(await byParts.scalar("select name from owners")).toBe("Ada")
    })

    test(`username and host are not needed — ${dialect}`, async () => {
      useProject()
      const pets = await connection("pets", { type: "sql", dialect })
      expect(await pets.scalar("select 1 as n")).toBe(1)
    })
  }

  test("parts make an address: the port may be a text, `query` makes ?k=v, the driver is after the +", async () => {
    useProject()
    const { dialect, configs } = server()
    const options = { dialect, username: "ada", password: "p@ss", host: "db", port: "5433", database: "pets" }
    await connection("pets", { type: "sql", ...options, driver: "pyacme", query: { a: "1" } })
    expect(configs[0]).toMatchObject({ username: "ada", password: "p@ss", host: "db", port: 5433, database: "pets" })
    expect(configs[0]).toMatchObject({ driver: "pyacme", query: { a: "1" } })
  })

  test("the same as a url", async () => {
    useProject()
    const { dialect, configs } = server()
    await connection("pets", { type: "sql", dialect, url: "acme+pyacme://ada:p%40ss@db:5433/pets?a=1" })
    expect(configs[0]).toMatchObject({ username: "ada", password: "p@ss", host: "db", port: 5433, database: "pets" })
    expect(configs[0]).toMatchObject({ driver: "pyacme", query: { a: "1" } })
  })

  test("options win over the section, part by part", async () => {
    const { secrets } = useProject()
    secrets(`[connections.pets]\ndialect = "acme"\nusername = "ada"\npassword = "from the file"\nhost = "db"\n`)
    const { dialect, configs } = server()
    await connection("pets", { type: "sql", dialect, host: "other" })
    expect(configs[0]).toMatchObject({ username: "ada", password: "from the file", host: "other" })
  })

  test("what the dialect needs and does not get is named", async () => {
    useProject()
    const { dialect } = server()
    const error = await failureOf(connection("pets", { type: "sql", dialect, database: "pets" }))
    expect(error).toMatchObject({ code: "BAD_CONFIG", connection: "pets" })
    expect(error.message).toMatch(/username and host/)
  })
})

describe("B22 nothing configured", () => {
  test("names the section and the files that were looked at, and gives an example", async () => {
    const { dir } = useProject()
    const error = await failureOf(connection("pets", { type: "sql" }))
    expect(error).toMatchObject({ code: "NO_CONFIG", connection: "pets" })
    expect(error.message).toMatch(/Missing SQL connection configuration \[connections\.pets\]/)
    expect(error.message).toContain(join(dir, ".mooring", "secrets.toml").replace(dir, ""))
    expect((error as { hint?: string }).hint).toMatch(/\[connections\.pets\]\nurl = /)
  })
})

describe("B23 create_engine_kwargs", () => {
  test("in the section, overridden by the option's, key by key; a plain option is the strongest", async () => {
    const { secrets } = useProject()
    secrets(`
[connections.pets]
url = "sqlite://"
[connections.pets.create_engine_kwargs]
pool_size = 2
max_overflow = 3
[connections.others]
url = "sqlite://"
[connections.others.pool]
pool_size = 4
[connections.others.create_engine_kwargs]
pool_size = 9
`)
    const max = async (name: string, options = {}) => {
      const conn = await connection<SQLConnection>(name, { type: "sql", ...options })
      return (await conn.engine).stats.max
    }
    expect(await max("pets")).toBe(5)
    expect(await max("pets", { create_engine_kwargs: { pool_size: 7 } })).toBe(10)
    expect(await max("pets", { create_engine_kwargs: { pool_size: 7 }, pool_size: 1 })).toBe(4)
    expect(await max("others")).toBe(14)
  })

  test("what SQLAlchemy has and Mooring lacks is one warning that names the key", async () => {
    const { secrets } = useProject()
    secrets(`[connections.lacking]\nurl = "sqlite://"\ncreate_engine_kwargs = { pool_use_lifo = true }\n`)
    const heard = hearWarnings()
    const lacking = await connection<SQLConnection>("lacking", { type: "sql" })
    await lacking.reset()
    await lacking.query("select 1 as n")
    await pause(5)
    expect(heard.filter((message) => message.includes("pool_use_lifo"))).toHaveLength(1)
  })
})

test("B24 autocommit from the section", async () => {
  const { secrets } = useProject()
  secrets(`[connections.pets]\nurl = "sqlite://"\nautocommit = true\n`)
  const pets = await connection<SQLConnection>("pets", { type: "sql" })
  await using session = pets.session
  expect(await failureOf(session.commit())).toMatchObject({ code: "SESSION_STATE" })
})

describe("what is known without connecting", () => {
  onEveryDatabase("B21 dialect and driver of a lazy connection", async ({ open, watched, dialect }) => {
    const before = watched.opened
    const lazy = await open({ lazy: true }, "lazy")
    const drivers: Record<DialectName, string> = {
      duckdb: "@duckdb/node-api",
      mysql: "mysql2",
      postgresql: "pg",
      sqlite: "built in",
    }
    expect([lazy.dialect, lazy.driver]).toEqual([dialect, drivers[dialect]])
    expect(watched.opened).toBe(before)
    expect(await lazy.scalar("select 1 as n")).toBe(1)
    expect(watched.opened).toBe(before + 1)
  })
})
