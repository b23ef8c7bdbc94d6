import { expect, test } from "vitest"
import { BaseConnection, cacheData, cacheResource, configure, connection, type SQLConnection } from "../../src/index.ts"
import { withConnections } from "../../src/testing/index.ts"
import { useProject } from "../support/project.ts"
import { failureOf } from "../support/waiting.ts"

async function begin(): Promise<SQLConnection> {
  useProject()
  return connection<SQLConnection>("pets", { type: "sql", url: "sqlite://" })
}

/** Options that the compiler would refuse. */
const wrong = (options: unknown) => options as never
const attempt = (work: () => unknown) => failureOf(async () => await work())

test("an option that a call does not have is refused with the nearest name", async () => {
  const pets = await begin()
  const session = pets.session
  const calls: Record<string, [string, () => unknown]> = {
    "query()": ["ttl", () => pets.query("select 1 as a", wrong({ tll: "10m" }))],
    "scalar()": ["maxRows", () => pets.scalar("select 1 as a", wrong({ maxrows: 1 }))],
    "stream()": ["batchRows", () => pets.stream("select 1 as a", wrong({ batchRow: 1 }))],
    "execute()": ["timeout", () => pets.execute("select 1 as a", [], wrong({ timout: 1 }))],
    "begin()": ["isolation", () => pets.begin(wrong({ isolaton: "serializable" }))],
    "transaction()": ["maxAttempts", () => pets.transaction(() => 1, wrong({ maxAttempt: 1 }))],
    "connect()": ["signal", () => pets.connect(wrong({ singal: 1 }))],
    "query() of a session": ["params", () => session.query("select 1 as a", wrong({ parms: {} }))],
    "commit()": ["timeout", () => session.commit(wrong({ timeouts: 1 }))],
    "configure()": ["sessionIdle", () => configure(wrong({ sesionIdle: 1 }))],
    "configure({ cache })": ["maxBytes", () => configure({ cache: wrong({ maxByte: 1 }) })],
    "cacheData(f)": ["ttl", () => cacheData(function f() {}, wrong({ tll: 1 }))],
    "cacheResource(f)": ["onRelease", () => cacheResource(function f() {}, wrong({ onrelease: 1 }))],
  }
  for (const [call, [name, work]] of Object.entries(calls)) {
    const error = await attempt(work)
    expect(error).toMatchObject({ code: "BAD_CONFIG", hint: `Did you mean ${JSON.stringify(name)}?` })
    expect(error.message).toContain(`${call} has no option`)
  }
  await session[Symbol.asyncDispose]()
  // What is undefined says nothing.
  expect(await pets.scalar("select 1 as a", wrong({ tll: undefined }))).toBe(1)
})

test("options that are no object are refused with what to write", async () => {
  const pets = await begin()
  expect(await attempt(() => pets.query("select 1 as a", wrong(600)))).toMatchObject({ hint: "Write { ttl: 600 }." })
  expect((await attempt(() => pets.query("select 1 as a", wrong(null)))).message).toContain("not null")
  expect((await attempt(() => withConnections({ pets: wrong("duckdb://") }, () => 1))).message).toContain('"pets"')
})

test("execute(sql, { params }) is recognised, and a parameter called params is not", async () => {
  const pets = await begin()
  const wrapped = { params: { name: "Ada" } }
  await using session = pets.session
  for (const execute of [pets, session]) {
    const error = await attempt(() => execute.execute("select :name as a", wrong(wrapped)))
    expect(error).toMatchObject({ code: "BAD_PARAMS", message: expect.stringContaining("second argument") })
  }
  const { rows } = await pets.execute("select :params as a", { params: "x" })
  expect(rows.toArray()).toEqual([{ a: "x" }])
})

test("await using on a shared connection says that there is nothing to close", async () => {
  const pets = await begin()
  const error = await attempt(async () => {
    await using shared = pets
    return shared
  })
  expect(error).toMatchObject({ code: "SESSION_STATE", message: expect.stringContaining("nothing to close") })
  expect(Symbol.asyncDispose in pets).toBe(false)
  class Own extends BaseConnection<number> {
    protected override _connect(): number {
      return 1
    }
  }
  const own = new Own("own")
  expect(() => own[Symbol.dispose as never]).toThrow("asynchronously")
  await own[Symbol.asyncDispose]()
})
