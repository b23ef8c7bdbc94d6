import { setTimeout as wait } from "node:timers/promises"
import { expect } from "vitest"
import type { Client, Wire } from "../../../src/sql/dialects/postgres/driver.ts"
import { connect, execute, failure, onServer, query, rows } from "./support.ts"

onServer("notices, notifications and parameter changes while rows flow reach pg's client", async () => {
  const [connection, other] = [await connect(), await connect()]
  const client = connection.raw as Client
  const heard = { notices: 0, notifications: [] as string[] }
  client.on("notice", () => heard.notices++)
  client.on("notification", ({ payload }) => heard.notifications.push(payload))
  await execute(connection, "listen pets")
  await execute(
    connection,
    `create function pg_temp.noisy(i int) returns int language plpgsql as
     $$ begin raise notice 'row %', i; perform set_config('application_name', 'app' || i, false); return i; end $$`,
  )
  const sending = (async () => {
    for (let i = 0; i < 20; i++) {
      await execute(other, "select pg_notify('pets', $1)", String(i))
      await wait(5)
    }
  })()
  const text = "select pg_temp.noisy(i) as i, repeat('x', 1000) as x, pg_sleep(0.001) from generate_series(1, 200) i"
  const { table } = await query(connection, text)
  expect(table.getChild("i")!.toArray()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
  expect(heard.notices).toBe(200)
  await sending
  await connection.ping({ signal: new AbortController().signal })
  expect(heard.notifications).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
})

onServer("the client may be used by itself in between, with text rows of its own", async () => {
  const connection = await connect()
  const client = connection.raw as Client & { query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }> }
  for (let i = 0; i < 3; i++) {
    expect(await rows(connection, "select $1::int as a", i)).toEqual([{ a: i }])
    expect((await client.query("select $1::int as a", [i])).rows).toEqual([{ a: i }])
    await failure(client.query("select 1 / 0"))
    await failure(query(connection, "select 1 / 0"))
  }
  const [ours, theirs] = await Promise.all([rows(connection, "select 1 as a"), client.query("select 2 as a")])
  expect([ours, theirs.rows]).toEqual([[{ a: 1 }], [{ a: 2 }]])
})

onServer("who listens to the socket of a lent client may keep what he hears", async () => {
  const connection = await connect({ settings: { sslmode: "disable" } })
  const client = connection.raw as Client & {
    connection: Wire
    query(text: string): Promise<{ rows: { x: string }[] }>
  }
  const chunks: Buffer[] = []
  client.connection.stream.on("data", (chunk: Buffer) => chunks.push(chunk))
  const { rows: taken } = await client.query("select repeat(i::text, 100) as x from generate_series(1, 5000) i")
  await query(connection, "select repeat('x', 100000)")
  const heard = Buffer.concat(chunks).toString("latin1")
  let place = 0
  for (const { x } of taken) {
    const next = heard.indexOf(x, place)
    expect(next).toBeGreaterThanOrEqual(place)
    place = next + x.length
  }
})

onServer("two statements back to back run one after the other", async () => {
  const connection = await connect()
  const [first, second] = await Promise.all([
    rows(connection, "select 1 as a, pg_sleep(0.05)::text as b"),
    rows(connection, "select 2 as a"),
  ])
  expect([first, second]).toEqual([[{ a: 1, b: "" }], [{ a: 2 }]])
})
