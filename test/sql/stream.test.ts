import { describe, expect, test } from "vitest"
import type { RecordStream } from "../../src/sql/dialect.ts"
import { type StreamSource, TableStream } from "../../src/sql/table-stream.ts"
import { type Table, tableFromRows } from "../../src/tables/index.ts"
import { failureOf, gate, pause, until } from "../support/waiting.ts"

/** Batches of one row each; what was done with them, in order. */
function source(rows: number, more: Partial<StreamSource> = {}) {
  const done: string[] = []
  const tables = Array.from({ length: rows }, (_, i) => tableFromRows([{ i }]))
  let at = 0
  const batches: AsyncIterator<Table> & { wait?: Promise<unknown> } = {
    next: async () => {
      done.push("next")
      await batches.wait
      return at < tables.length ? { done: false, value: tables[at++]! } : { done: true, value: undefined }
    },
    return: async () => {
      done.push("return")
      return { done: true, value: undefined }
    },
  }
  const records: RecordStream = { schema: tableFromRows([{ i: 0 }]).schema, [Symbol.asyncIterator]: () => batches }
  const opened = { records, release: async () => void done.push("release") }
  const stream = new TableStream<{ i: number }>({
    name: "pets",
    values: undefined,
    signal: undefined,
    timeout: undefined,
    batchRows: undefined,
    translate: (error) => new Error(`translated: ${(error as Error).message}`),
    open: async () => {
      done.push("open")
      return opened
    },
    ...more,
  })
  return { stream, done, batches, opened }
}

describe("the order of things", () => {
  test("a batch is fetched when it is asked for, and the connection is given back once, after the batches have ended", async () => {
    const { stream, done } = source(2)
    for await (const batch of stream) done.push(`row ${batch.at(0)!.i}`)
    await stream[Symbol.asyncDispose]()
    expect(done).toEqual(["open", "next", "row 0", "next", "row 1", "next", "return", "release"])
  })

  test("what opens although nobody waits any more is ended, then given back", async () => {
    const late = gate()
    const { stream, done, opened } = source(1, {
      timeout: 0.01,
      open: async () => {
        await late.promise
        return opened
      },
    })
    expect(await failureOf(stream.schema)).toMatchObject({ code: "TIMEOUT", connection: "pets" })
    late.open()
    await until(() => done.includes("release"))
    expect(done).toEqual(["return", "release"])
  })

  test("a batch that is being fetched is waited for before the connection is given back", async () => {
    const held = gate()
    const leaving = new AbortController()
    const { stream, done, batches } = source(1, { signal: leaving.signal })
    batches.wait = held.promise
    const reading = failureOf(stream[Symbol.asyncIterator]().next())
    await until(() => done.includes("next"))
    const reason = new Error("left")
    leaving.abort(reason)
    expect(await reading).toBe(reason)
    await pause(5)
    expect(done).not.toContain("release")
    held.open()
    await until(() => done.includes("release"))
    expect(done.slice(-2)).toEqual(["return", "release"])
  })

  test("a batch that fails is translated, and so is an opening that does", async () => {
    const { stream, done, batches } = source(1)
    batches.wait = Promise.reject(new Error("no"))
    expect((await failureOf(stream[Symbol.asyncIterator]().next())).message).toBe("translated: no")
    expect(done.at(-1)).toBe("release")
    const closed = source(1, { open: () => Promise.reject(new Error("nobody there")) })
    expect((await failureOf(closed.stream.schema)).message).toBe("translated: nobody there")
  })

  test("who asks for the schema and disposes gives everything back", async () => {
    const { stream, done } = source(3)
    expect((await stream.schema).fields.map(({ name }) => name)).toEqual(["i"])
    await stream[Symbol.asyncDispose]()
    expect(done).toEqual(["open", "return", "release"])
  })

  test("the deadline counts from the first look, and holds while the reader does something else", async () => {
    const { stream } = source(3, { timeout: 0.05 })
    await pause(70)
    const reader = stream[Symbol.asyncIterator]()
    expect((await reader.next()).done).toBe(false)
    await pause(70)
    expect(await failureOf(reader.next())).toMatchObject({ code: "TIMEOUT" })
  })
})
