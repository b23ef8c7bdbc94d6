import { tracingChannel } from "node:diagnostics_channel"
import { inspect } from "node:util"
import { describe, expect, onTestFinished } from "vitest"
import { onEveryDatabase, selectOwners, slowQuery } from "../support/databases.ts"
import { failureOf, until } from "../support/waiting.ts"
import { NotReady } from "../support/watched-dialect.ts"

type Event = Record<string, unknown>

/** Everything that a subscriber sees of one channel, in order; events as they are at the end. */
function listen(name: "connect" | "query" | "cache" | "reset"): { phases: string[]; events: Event[] } {
  const phases: string[] = []
  const events: Event[] = []
  const note = (phase: string) => (event: object) => {
    phases.push(phase)
    if (!events.includes(event as Event)) events.push(event as Event)
  }
  const names = ["start", "end", "asyncStart", "asyncEnd", "error"] as const
  const subscribers = Object.fromEntries(names.map((phase) => [phase, note(phase)])) as never
  const channel = tracingChannel(`mooring:${name}`)
  channel.subscribe(subscribers)
  onTestFinished(() => channel.unsubscribe(subscribers))
  return { phases, events }
}

const canary = "hunter2-canary"

describe("tracing channels", () => {
  onEveryDatabase(
    "B44 mooring:query tells each statement, when it begins and when it ends",
    async ({ pets, dialect }) => {
      const { phases, events } = listen("query")
      await pets.query("select name from owners where name <> :name", { params: { name: canary } })
      expect(phases).toEqual(["start", "end", "asyncStart", "asyncEnd"])
      expect(events).toHaveLength(1)
      expect(events[0]).toMatchObject({ connection: "pets", dialect })
      expect(events[0]!.sql).toMatch(/^select name from owners where name <> /)
    },
  )

  onEveryDatabase("B44 execute, sessions, streams and Kysely are told as well", async ({ pets }) => {
    const { events } = listen("query")
    await pets.execute("update owners set age = 1 where name = ?", ["Ada"])
    for await (const _ of pets.stream(selectOwners));
    await pets.transaction(async (tx) => {
      await tx.scalar("select 1 as n")
      await tx.db().selectFrom("owners").select("name").execute()
    })
    expect(events.map(({ sql }) => String(sql).split(" ")[0])).toEqual(["update", "select", "select", "select"])
    expect(events.every(({ connection }) => connection === "pets")).toBe(true)
  })

  onEveryDatabase("B44 a stream's event ends with the stream, and reports its failure", async ({ pets }) => {
    const { phases, events } = listen("query")
    const stream = pets.stream(selectOwners, { batchRows: 1 })[Symbol.asyncIterator]()
    await stream.next()
    expect(phases).toEqual(["start", "end"])
    await stream.return!()
    await until(() => phases.length === 4)
    expect(phases).toEqual(["start", "end", "asyncStart", "asyncEnd"])
    await pets.stream(selectOwners).schema
    await using session = pets.session
    for await (const _ of session.stream(selectOwners)) break
    await until(() => phases.filter((phase) => phase === "asyncEnd").length === 2)
    const leaving = new AbortController()
    const reason = new Error("left")
    const left = pets.stream(selectOwners, { batchRows: 1, signal: leaving.signal })[Symbol.asyncIterator]()
    await left.next()
    leaving.abort(reason)
    await failureOf(left.next())
    await until(() => events.at(-1)!.error !== undefined)
    expect(events.at(-1)!.error).toBe(reason)
  })

  onEveryDatabase("B44 what is answered from the cache is no query, and is told on mooring:cache", async ({ pets }) => {
    const queries = listen("query")
    const cache = listen("cache")
    await pets.query(selectOwners, { ttl: "1h" })
    await pets.query(selectOwners, { ttl: "1h" })
    await pets.clearCache()
    expect(queries.events).toHaveLength(1)
    expect(cache.events.map(({ type }) => type)).toEqual(["miss", "stored", "hit", "invalidated"])
    for (const event of cache.events.slice(0, 3)) expect(event.connection).toBe(pets.connectionName)
  })

  onEveryDatabase("B44 a failure is told with our error; retries are one query", async ({ pets, watched }) => {
    const { phases, events } = listen("query")
    const error = await failureOf(pets.query("select * from nowhere"))
    expect(phases).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"])
    expect(events[0]!.error).toBe(error)
    let failures = 2
    watched.interfere = () => (failures-- > 0 ? Promise.reject(new NotReady("starting up")) : undefined)
    await pets.query(selectOwners)
    expect(events).toHaveLength(2)
  })

  onEveryDatabase("B44 a query that was called off is told with its reason", async ({ pets, dialect }) => {
    const { events } = listen("query")
    const leaving = new AbortController()
    const reason = new Error("left")
    const work = pets.execute(slowQuery[dialect], [], { signal: leaving.signal })
    setTimeout(() => leaving.abort(reason), 30)
    await failureOf(work)
    await until(() => events[0]!.error !== undefined)
    expect(events[0]!.error).toBe(reason)
  })

  onEveryDatabase("B44 mooring:connect and mooring:reset tell the connection", async ({ pets, open }) => {
    const connects = listen("connect")
    const resets = listen("reset")
    await open({ lazy: true }, "others").then((others) => others.scalar("select 1 as n"))
    expect(connects.events).toMatchObject([{ connection: "others", class: "SQLConnection" }])
    await pets.reset()
    await pets.isHealthy()
    expect(resets.events).toMatchObject([{ connection: "pets", why: "asked" }])
    expect(connects.events.map(({ connection }) => connection)).toEqual(["others", "pets"])
  })

  onEveryDatabase("B44 no event holds a password, a parameter or a row", async ({ pets, open, login }) => {
    const all = (["connect", "query", "cache", "reset"] as const).map(listen)
    const others = await open({ ...(await login(canary)), connect_args: {} }, "others")
    await others.execute("create table if not exists toys (name varchar(20) unique)")
    const insert = "insert into toys values (:name)"
    await others.execute(insert, { name: canary })
    await failureOf(others.execute(insert, { name: canary }))
    await failureOf(others.transaction((tx) => tx.execute(insert, { name: canary })))
    await others.query("select name from toys where name = :name", { params: { name: canary }, ttl: "1h" })
    await others.query("select name from toys", { ttl: "1h" })
    await others.transaction((tx) => tx.query("select name from toys where name = ?", { params: [canary] }))
    await pets.reset()
    await until(() => all.every(({ events }) => events.length > 0))
    expect(inspect(all, { depth: 20, showHidden: true, maxStringLength: null })).not.toContain(canary)
  })
})
