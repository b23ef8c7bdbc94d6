import { expect } from "vitest"
import { newRedis } from "../support/redis-database.ts"
import { testWith } from "../support/server-test.ts"
import { pause, until } from "../support/waiting.ts"
import { cacheProcesses } from "./cache-processes.ts"
import { record } from "./report.ts"

const test = testWith("redis")
const dialect = "redis"

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
