/**
 * What is done to a client, whoever it is: Mooring in the tests, and drivers alone for comparison. Nothing here knows
 * what is promised.
 */
import { setTimeout as wait } from "node:timers/promises"
import type { FaultProxy } from "../support/fault-proxy.ts"
import type { FaultServer, FaultServerKind } from "./servers.ts"

/** Whoever reads from a server, by way of a pool of {@link poolSize}. */
export interface Reader {
  /** Resolves with anything, or rejects. */
  read(sql: string): Promise<unknown>
}

/** A server, a proxy before it, and a client that was told the proxy's address. */
export interface Scene {
  readonly kind: FaultServerKind
  readonly server: FaultServer
  readonly proxy: FaultProxy
  readonly reader: Reader
}

/** What came of it. */
export interface Toll {
  /** How often the fault was met. */
  readonly provoked: number
  /** How many calls failed, or never ended. */
  readonly lost: number
  /** The first of their errors. */
  readonly error?: unknown
}

/** What is provoked, as words that follow a number: the same for all, so that the report finds what belongs together. */
export const provoked = {
  R01: "reads after the server had ended all idle sessions",
  R02: "reads by 50 readers, whose links were all reset five times",
  R03: "calls on links that swallow bytes",
  R04: "times the server was killed, and came back",
  R05: "times nobody could connect for 15 s, with 50 callers",
  R06: "processes whose idle connections were ended",
} as const

export const poolSize = 10

/** After so long a call counts as one that never ends; milliseconds. */
export const forEver = 15_000

let texts = 0

/** A read of one row that is like no other, so that no two share a result. */
export function oneRow(): string {
  return `select ${++texts} as n`
}

/** Opens all connections of the pool. */
export async function fill({ kind, reader }: Scene): Promise<void> {
  await Promise.all(Array.from({ length: poolSize }, (_, i) => reader.read(`${kind.sleep(0.1)} /* ${i} */`)))
}

/** Counts the calls that fail. */
export async function tollOf(calls: readonly Promise<unknown>[]): Promise<Toll> {
  const ends = await Promise.allSettled(calls.map((call) => inTime(call, forEver)))
  const failed = ends.filter((end) => end.status === "rejected")
  return { provoked: calls.length, lost: failed.length, error: failed[0]?.reason }
}

/** R01: the server ends all sessions while nobody uses them; then come 10 reads, at once and after a while in turns. */
export async function sessionsEndWhileIdle(scene: Scene): Promise<Toll> {
  const tolls: Toll[] = []
  for (let round = 0; round < 10; round++) {
    await fill(scene).catch(() => undefined)
    await scene.server.endSessions()
    if (round % 2 === 1) await wait(50)
    tolls.push(await tollOf(Array.from({ length: 10 }, () => scene.reader.read(oneRow()))))
  }
  return sum(tolls)
}

/** R02: five times all links are reset while 50 readers read; each time all have been served again before the next. */
export async function resetUnderReaders(scene: Scene): Promise<Toll> {
  await fill(scene)
  let over = false
  const reads = new Array<number>(50).fill(0)
  const readers = reads.map(async (_, who) => {
    const tolls: Toll[] = []
    while (!over) {
      tolls.push(await tollOf([scene.reader.read(`${scene.kind.sleep(0.01)} /* ${who} ${reads[who]!++} */`)]))
      // One that fails at once must not keep everything else from happening.
      await wait(1)
    }
    return sum(tolls)
  })
  for (let i = 0; i < 5; i++) {
    const before = [...reads]
    const served = () => reads.every((count, who) => count > before[who]! + 2)
    for (const end = Date.now() + forEver; Date.now() < end && !served(); ) await wait(20)
    if (!served()) break
    scene.proxy.closeLinks("reset")
  }
  await wait(300)
  over = true
  return sum(await Promise.all(readers))
}

/** R04: the server is killed, and comes back after `down` ms. Gives how long the first success then takes; ms. */
export async function serverReturns(scene: Scene, down: number): Promise<number> {
  await fill(scene)
  await scene.server.kill()
  let success = Number.POSITIVE_INFINITY
  let over = false
  const callers = Array.from({ length: 20 }, async () => {
    while (!over) {
      await scene.reader.read(oneRow()).then(
        () => (success = Math.min(success, performance.now())),
        () => wait(20),
      )
      if (success < Number.POSITIVE_INFINITY) return
    }
  })
  await wait(down)
  await scene.server.start()
  const back = performance.now()
  await Promise.race([Promise.all(callers), wait(forEver, undefined, { ref: false })])
  over = true
  return Math.max(0, success - back)
}

/** R05: for so many ms nobody can connect, while 50 callers call as fast as they can. */
export async function nobodyConnects(scene: Scene, duration: number): Promise<void> {
  let over = false
  const callers = Array.from({ length: 50 }, async () => {
    while (!over) {
      await inTime(scene.reader.read(oneRow()), duration).catch(() => undefined)
      await wait(5)
    }
  })
  await wait(duration)
  over = true
  await Promise.race([Promise.all(callers), wait(duration)])
}

export function sum(tolls: readonly Toll[]): Toll {
  const add = (key: "provoked" | "lost") => tolls.reduce((total, toll) => total + toll[key], 0)
  return { provoked: add("provoked"), lost: add("lost"), error: tolls.find(({ error }) => error !== undefined)?.error }
}

/** Rejects where the call does not end in time. */
export async function inTime<T>(call: Promise<T>, milliseconds: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no end after ${milliseconds} ms`)), milliseconds)
  try {
    return await Promise.race([call, late])
  } finally {
    clearTimeout(timer)
  }
}
