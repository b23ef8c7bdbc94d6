import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { describe, expect, it } from "vitest"
import { Cache } from "../../src/cache/cached.ts"
import { sizeOfData } from "../../src/cache/data-size.ts"
import { copyData } from "../../src/cache/plain-data.ts"
import { sharedTables } from "../../src/core/table-codec.ts"
import { Table, tableFromRows } from "../../src/tables/index.ts"
import { stableKey } from "../../src/util/stable-key.ts"
import { builtFile } from "../support/built-file.ts"
import { runScript } from "../support/child.ts"
import { memoryInUse } from "../support/gc.ts"
import { keyOf } from "./support.ts"

const entries = 2_000
const sizeOf = (value: unknown) => sizeOfData(value, sharedTables)
const range = (count: number) => Array.from({ length: count }, (_, at) => at)

const shapes: Record<string, (seed: number) => unknown> = {
  "a number": (seed) => seed,
  "a text": (seed) => `user ${seed} has a name`,
  "a row": (seed) => ({ id: seed, name: `user ${seed}`, ok: true }),
  rows: (seed) => range(20).map((at) => ({ id: seed + at, name: `user ${seed + at}`, score: at + 0.5 })),
  fractions: (seed) => range(200).map((at) => seed + at + 0.5),
  "an object with keys of its own": (seed) => Object.fromEntries(range(50).map((at) => [`key ${seed} ${at}`, at])),
  "a Map": (seed) => new Map(range(10).map((at) => [`key ${at}`, seed])),
  bytes: () => new Uint8Array(100),
  "a buffer out of Node's pool": () => Buffer.from("a few bytes"),
  "a table of one value": (seed) => tableFromRows([{ id: seed }]),
  "a table of many columns": (seed) =>
    tableFromRows([Object.fromEntries(range(16).map((at) => [`c${at}`, `${seed}`]))]),
  "a table that was read": (seed) => {
    const table = tableFromRows(range(4).map((at) => ({ id: seed + at, name: `user ${at}` })))
    table.toArray()
    return table
  },
}

describe("what an entry costs", () => {
  it.each(Object.entries(shapes))("%s is counted as at least four fifths of what it takes", async (_, make) => {
    const cache = new Cache({ maxBytes: 2 ** 40 })
    const fill = async (from: number, to: number) => {
      for (let at = from; at < to; at++) {
        const work = async () => copyData(make(at), sharedTables)
        await cache.read(keyOf(`[#${at};]`), { ttl: Infinity, sizeOf }, work)
      }
    }
    await fill(-200, 0)
    const before = { used: await memoryInUse(), counted: cache.stats().bytes }
    await fill(0, entries)
    const used = (await memoryInUse()) - before.used
    const counted = cache.stats().bytes - before.counted
    expect(cache.stats().entries).toBe(entries + 200)
    expect(counted).toBeGreaterThan(used * 0.8)
    expect(counted).toBeLessThan(used * 4)
  })

  it("with a key of many parts is no more than what the key's text takes", async () => {
    const cache = new Cache({ maxBytes: 2 ** 40 })
    const fill = async (from: number, to: number) => {
      for (let at = from; at < to; at++) {
        const key = {
          ...keyOf(stableKey(range(200).map((part) => part + at))),
          group: `select ${at} /*`.concat("*", "/"),
        }
        await cache.read(key, { ttl: Infinity, sizeOf }, async () => at)
      }
    }
    await fill(-200, 0)
    const before = { used: await memoryInUse(), counted: cache.stats().bytes }
    await fill(0, entries)
    const used = (await memoryInUse()) - before.used
    expect(cache.stats().bytes - before.counted).toBeGreaterThan(used * 0.8)
  })

  it("of a table is the whole of each buffer behind it, once", () => {
    const ipc = tableFromRows(range(1_000).map((at) => ({ a: at, b: at }))).toIPC()
    const large = new Uint8Array(ipc.length + 1_000_000)
    large.set(ipc)
    const table = Table.fromIPC(large.subarray(0, ipc.length))
    expect(sizeOf(table)).toBeGreaterThan(large.length)
    expect(sizeOf(table)).toBeLessThan(large.length + 10_000)
  })

  it("a process with a small heap runs on, however many small results it asks for", async () => {
    const script = join(import.meta.dirname, "small-heap.fixture.ts")
    const hook = pathToFileURL(join(import.meta.dirname, "../docs/as-built.fixture.mjs")).href
    const nodeOptions = ["--max-old-space-size=48", "--import", hook]
    const env = { MOORING_BUILT: `${pathToFileURL(builtFile("")).href}/` }
    const { code, stdout, stderr } = await runScript(script, { nodeOptions, env, timeoutMs: 120_000 })
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    const { bytes, evictions } = JSON.parse(stdout) as { bytes: number; evictions: number }
    expect(evictions).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(16 * 2 ** 20)
  }, 120_000)
})
