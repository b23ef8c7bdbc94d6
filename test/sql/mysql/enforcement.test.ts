import { connect as dial } from "node:net"
import { expect } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { type MariaDBAddress, newMariaDBDatabase, newMariaDBUser } from "../../support/mariadb-database.ts"
import { useProject } from "../../support/project.ts"
import { rawServer } from "../../support/raw-server.ts"
import { failureOf } from "../../support/waiting.ts"
import { onServer } from "./support.ts"

/** A relay to a server that changes what is sent to it. */
function relay({ host, port }: MariaDBAddress, change: (text: string) => string): Promise<number> {
  return rawServer((client) => {
    const upstream = dial(port, host)
    upstream.on("error", () => client.destroy())
    client.on("data", (data) => upstream.write(Buffer.from(change(data.toString("latin1")), "latin1")))
    client.on("close", () => upstream.destroy())
    upstream.pipe(client)
  })
}

function open(address: object, more: object = {}): Promise<SQLConnection> {
  return connection("pets", { type: "sql", dialect: "mysql", ...address, ssl_mode: "DISABLED", ...more })
}

const writes = [
  "insert into owners values ('Bob')",
  "  /* a note */ update owners set name = 'x'",
  "delete from owners",
  "replace into owners values ('Bob')",
  "truncate table owners",
  "call rename_all()",
  "with a as (select 1) delete from owners",
  "analyze delete from owners",
  "explain analyze update owners set name = 'x'",
  "/*! delete from owners */",
  "select 'x' into @name",
]

const reads = [
  "select name from owners",
  "-- a note\n(select name from owners) union (select name from owners)",
  "show tables",
  "describe owners",
  "explain select name from owners",
  "with a as (select name from owners) select * from a",
  "values ('Ada')",
]

onServer("a server that takes read-only sessions and writes in them runs no write through query()", async () => {
  useProject()
  const address = await newMariaDBDatabase()
  const port = await relay(address, (text) => text.replace("read_only = 1", "read_only = 0"))
  const pets = await open({ ...address, port })
  await pets.execute("create table owners (name varchar(20))")
  await pets.execute("insert into owners values ('Ada')")
  await pets.execute("create procedure rename_all() update owners set name = 'x'")
  for (const text of writes) {
    for (const run of [() => pets.query(text), () => pets.stream(text)[Symbol.asyncIterator]().next()]) {
      expect(await failureOf(run), text).toMatchObject({
        code: "READ_ONLY",
        hint: expect.stringContaining("execute()"),
      })
    }
  }
  expect(await pets.scalar("select group_concat(name) from owners")).toBe("Ada")
  for (const text of reads) expect((await pets.query(text)).numRows, text).toBeGreaterThan(0)
  expect(await pets.execute("delete from owners")).toMatchObject({ rowCount: 1 })
})

onServer(
  "whether a server enforces read-only sessions is found out once, with any rights and no database",
  async () => {
    useProject()
    const { database, ...address } = await newMariaDBDatabase()
    const user = await newMariaDBUser(database, "harbour")
    let probes = 0
    const port = await relay({ ...address, database }, (text) => {
      if (text.includes("mooring_probe")) probes++
      return text
    })
    const pets = await open({ ...address, port, ...user }, { pool_size: 4, pool_recycle: 1 })
    await Promise.all(Array.from({ length: 4 }, () => pets.query("select sleep(0.05)", { ttl: 0 })))
    expect(probes).toBe(1)
    // The server's own word, by its own number.
    expect(await failureOf(pets.query(`delete from ${database}.owners`))).toMatchObject({ driverCode: 1792 })
    expect(await failureOf(pets.query("call nothing()"))).toMatchObject({ kind: "missing" })
  },
)
