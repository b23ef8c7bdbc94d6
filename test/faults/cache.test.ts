import { expect, onTestFinished } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import type { Codec } from "../../src/cache/contract.ts"
import { redisStore } from "../../src/index.ts"
import { newRedis } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { pause, until } from "../support/waiting.ts"
import { cacheProcesses } from "./cache-processes.ts"
import { record } from "./report.ts"

const test = testWith("redis")
const dialect = "redis"

const text: Codec<string> = {
  id: "text",
  encode: (value) => Buffer.from(value, "utf8"),
  decode: (bytes) => Buffer.from(bytes).toString("utf8"),
}

test("R18 10,000 equal calls execute once, a failure reaches all, and one caller's abort cancels nobody else", async () => {
  const { url } = await newRedis()
  const store = redisStore({ url })
  onTestFinished(() => store.close?.() as Promise<void>)
  const cache = new Cache()
  const calls = 10_000
  let executions = 0
  const read = (id: string, signal?: AbortSignal, failure?: Error) =>
    cache.read(
      { scope: "r18", group: "", id },
      { ttl: 60_000, sizeOf: () => 8, store, codec: text, signal },
      async () => {
        executions++
        await pause(100)
        if (failure) throw failure
        return id
      },
    )
  const answers = await Promise.all(Array.from({ length: calls }, () => read("answer")))
  const failure = new Error("no")
  const failed = await Promise.allSettled(Array.from({ length: calls }, () => read("failure", undefined, failure)))
  const leaving = Array.from({ length: calls / 2 }, () => new AbortController())
  const both = Promise.allSettled([
    ...leaving.map(({ signal }) => read("abort", signal)),
    ...Array.from({ length: calls / 2 }, () => read("abort")),
  ])
  await pause(20)
  for (const each of leaving) each.abort("left")
  const left = await both
  const wrong = [
    answers.filter((answer) => answer !== "answer").length,
    failed.filter((each) => each.status !== "rejected" || each.reason !== failure).length,
    left.filter((each, at) =>
      at < calls / 2
        ? each.status !== "rejected" || each.reason !== "left"
        : each.status !== "fulfilled" || each.value !== "abort",
    ).length,
    executions - 3,
  ]
  const lost = wrong.reduce((sum, each) => sum + each)
  record({ promise: "R18", dialect, what: "equal calls of one process, by thirds", provoked: 3 * calls, lost })
  expect(wrong).toEqual([0, 0, 0, 0])
}, 60_000)

test("R19 equal calls in 8 processes execute once", async () => {
  const { url } = await newRedis()
  const { processes, executors } = await cacheProcesses(8, { url, lease: 5_000, takes: 150 })
  const rounds = 40
  let extra = 0
  let calls = 0
  for (let round = 0; round < rounds; round++) {
    const id = `round-${round}`
    const answers = (await Promise.all(processes.map((each) => each.read(id, 25)))).flat()
    const [executor, ...others] = executors(id)
    extra += others.length
    calls += answers.length
    expect(new Set(answers)).toEqual(new Set([executor]))
  }
  record({
    promise: "R19",
    dialect,
    what: `equal calls in 8 processes, ${rounds} rounds`,
    provoked: calls,
    lost: extra,
  })
  expect(extra).toBe(0)
}, 120_000)

test("R19 when the process that executes is killed, one other does, and nobody else notices", async () => {
  const { url } = await newRedis()
  const kills = 4
  let wrong = 0
  const times: number[] = []
  // A fifth of them is left at the end.
  const { processes, executors } = await cacheProcesses(8, { url, lease: 1_000, takes: 500 })
  for (let round = 0; round < kills; round++) {
    const id = `killed-${round}`
    const reading = processes.map((each) => ({ each, answers: each.read(id, 10) }))
    await until(() => executors(id).length === 1)
    const holder = processes.find(({ pid }) => pid === executors(id)[0])!
    holder.signal("SIGKILL")
    const killed = performance.now()
    processes.splice(processes.indexOf(holder), 1)
    const answers = await Promise.all(reading.filter(({ each }) => each !== holder).map(({ answers }) => answers))
    times.push(Math.round(performance.now() - killed))
    const [, second, ...others] = executors(id)
    wrong += others.length + answers.flat().filter((by) => by !== second).length
  }
  const note = `answers ${times.join(", ")} ms after the kill, with a lease of 1 s and work of 0.5 s`
  record({ promise: "R19", dialect, what: "executing processes killed by -9", provoked: kills, lost: wrong, note })
  expect(wrong).toBe(0)
  // Lease, work, and slack for processes that share two cores.
  expect(Math.max(...times)).toBeLessThan(1_500 + 5_000)
}, 120_000)

test("R20 a process that was stopped beyond its lease does not replace what is newer", async () => {
  const { url } = await newRedis()
  const { processes, executors } = await cacheProcesses(3, { url, lease: 300, takes: 100 })
  const [late, prompt, reader] = processes as [(typeof processes)[0], (typeof processes)[0], (typeof processes)[0]]
  const rounds = 25
  let replaced = 0
  for (let round = 0; round < rounds; round++) {
    const id = `stopped-${round}`
    const lateAnswer = late.read(id)
    await until(() => executors(id).length === 1)
    late.signal("SIGSTOP")
    const [newer] = await prompt.read(id)
    expect(newer).toBe(prompt.pid)
    late.signal("SIGCONT")
    // Its own caller gets its own answer; later ones, there and elsewhere, get the newer one.
    expect(await lateAnswer).toEqual([late.pid])
    await pause(30)
    for (const each of [reader, late, prompt]) if ((await each.read(id))[0] !== prompt.pid) replaced++
    expect(executors(id)).toEqual([late.pid, prompt.pid])
  }
  record({ promise: "R20", dialect, what: "holders stopped beyond their lease", provoked: rounds, lost: replaced })
  expect(replaced).toBe(0)
}, 120_000)
