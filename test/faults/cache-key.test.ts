import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { expect, onTestFinished, test, vi } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import { rangeKey } from "../../src/cache/key.ts"
import { connection, type SQLConnection, withSession } from "../../src/index.ts"
import { tableFromRows } from "../../src/tables/index.ts"
import { useProject } from "../support/project.ts"
import { record } from "./report.ts"

const place = vi.hoisted(() => ({ machine: "one" }))
vi.mock("../../src/core/source-identity.ts", async (original) => ({
  ...(await original<object>()),
  machineId: () => place.machine,
}))

/** One of so many things, by a generator that a run repeats. */
function picker(seed: number): <T>(list: readonly T[]) => T {
  let state = seed
  return (list) => {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return list[Math.floor((state / 2 ** 32) * list.length)]!
  }
}

/** A source, and what of it decides what it answers. */
interface Source {
  readonly identity: object
  readonly isLocal: boolean
  readonly isMemory: boolean
  readonly session: string | undefined
  /** Where its process runs, for all its life. */
  readonly machine: string
  readonly pets: SQLConnection
}

/** Values of which no two are the same, however similar. */
const values: readonly unknown[] = [
  1,
  "1",
  true,
  1n,
  "1n",
  "true",
  null,
  "null",
  0,
  -0,
  "",
  1.5,
  "1.5",
  new Date(0),
  "1970-01-01T00:00:00.000Z",
  new Uint8Array([49]),
  new Uint8Array([49, 0]),
  "x".repeat(5_000),
  `${"x".repeat(4_999)}y`,
  "#1;",
  "i1;",
  "1:1",
  "\ud800",
  "\ufffd",
]
const named = ["select :v as v", "select :v as v ", "select  :v as v", "select :v as V", "select ':v' as w, :v as v"]
const positional = ["select ? as v", "select  ? as v"]
const plain = ["select 1", "select '1'", "select 1 -- :v", "select 1:1"]
const limits = [{}, { maxRows: 1 }, { maxRows: 11 }, { maxBytes: 1 }, { maxBytes: 11 }, { maxRows: 1, maxBytes: 1 }]

async function makeSources(pick: ReturnType<typeof picker>, folder: string): Promise<Source[]> {
  const made: Source[] = []
  for (let at = 0; at < 250; at++) {
    const dialect = pick(["postgresql", "postgresql", "sqlite", "duckdb"])
    const session = pick([undefined, undefined, "ada", "bob"])
    const host = pick(["db", "db2", "localhost", "127.0.0.1"])
    const isMemory = dialect !== "postgresql" && pick([true, false])
    const database = dialect === "postgresql" ? pick(["x", "y", "x y"]) : isMemory ? ":memory:" : pick(["x.db", "y.db"])
    const server = { host, port: pick([5432, 5433, 54321]), username: pick(["ada", "bob"]) }
    const role = pick([{}, { query: { options: "-c role=analyst" } }, { query: { options: "-c role=owner" } }])
    const identity = { dialect, database, ...(dialect === "postgresql" && { ...server, ...role }) }
    // Neither decides what is answered: a rotated password, the pool's size.
    const beside = dialect === "postgresql" ? { password: `secret-${at}`, pool_size: pick([1, 2]) } : {}
    const where = dialect === "postgresql" || isMemory ? database : join(folder, database)
    const options = { type: "sql", lazy: true, ...identity, database: where, ...beside } as const
    const open = (scope: "global" | "session") => connection<SQLConnection>(`pets${at}`, { ...options, scope })
    const pets = session === undefined ? await open("global") : await withSession(session, () => open("session"))
    const isLocal = dialect !== "postgresql" || host !== host.replace(/localhost|127\.0\.0\.1/, "")
    made.push({ identity, isLocal: isLocal && !isMemory, isMemory, session, machine: pick(["one", "two"]), pets })
  }
  return made
}

test("R22 no two calls that may be answered differently have one key; those that may not have", async () => {
  const { dir } = useProject()
  const pick = picker(20_260_101)
  const sources = await makeSources(pick, dir)
  let key = ""
  const table = tableFromRows([{ n: 1 }])
  onTestFinished(() => void vi.restoreAllMocks())
  vi.spyOn(Cache.prototype, "read").mockImplementation(async (at) => {
    key = rangeKey(at)
    return table as never
  })

  /** A random call: its key, and all that decides what it answers. */
  async function call(source: Source) {
    const value = pick(values)
    const [form, sql] = pick([
      ["named", pick(named)],
      ["positional", pick(positional)],
      ["plain", pick(plain)],
    ] as const)
    const limit = pick(limits)
    place.machine = source.machine
    const params = form === "plain" ? {} : { params: form === "named" ? { v: value } : [value] }
    const query = () => source.pets.query(sql, { ...params, ...limit, ttl: "1h" })
    await (source.session === undefined ? query() : withSession(source.session, query))
    const decides = {
      ...source.identity,
      memory: source.isMemory && sources.indexOf(source),
      machine: source.isLocal && source.machine,
      session: source.session,
      sql,
      form,
      value: form === "plain" || values.findIndex((each) => Object.is(each, value)),
      limit,
    }
    return { key, decides }
  }

  const pairs = 100_000
  let collisions = 0
  let lost = 0
  let same = 0
  for (let pair = 0; pair < pairs; pair++) {
    const first = pick(sources)
    const [a, b] = [await call(first), await call(pick([true, false, false]) ? pick(sources) : first)]
    const equal = isDeepStrictEqual(a.decides, b.decides)
    if (equal) same++
    if (!equal && a.key === b.key) collisions++
    if (equal && a.key !== b.key) lost++
  }
  const note = `${same} of them the same, of which ${lost} had two keys`
  record({ promise: "R22", dialect: "every", what: "random pairs of calls", provoked: pairs, lost: collisions, note })
  expect(same).toBeGreaterThan(50)
  expect({ collisions, lost }).toEqual({ collisions: 0, lost: 0 })
}, 300_000)

test("R22 each generation of a database in memory is a source of its own", async () => {
  useProject()
  const keys = new Set<string>()
  const read = vi.spyOn(Cache.prototype, "read")
  const pets = await connection<SQLConnection>("pets", { type: "sql", dialect: "sqlite", database: ":memory:" })
  const rounds = 20
  for (let round = 0; round < rounds; round++) {
    await pets.scalar("select 1", { ttl: "1h" })
    keys.add(rangeKey(read.mock.lastCall![0]))
    await pets.reset()
  }
  const lost = rounds - keys.size
  record({ promise: "R22", dialect: "sqlite", what: "generations of a database in memory", provoked: rounds, lost })
  expect(keys.size).toBe(rounds)
})
