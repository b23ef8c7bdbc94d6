import { expect } from "vitest"
import type { DriverConnection, RecordStream, StreamOptions } from "../../../src/sql/dialect.ts"
import { Table } from "../../../src/tables/index.ts"
import { schema } from "../../../src/tables/types.ts"
import { config, connect, execute, failure, never, onServer, rows, typesOf } from "./support.ts"

const options: StreamOptions = { signal: never, readOnly: true, batchRows: 1000 }

function start(connection: DriverConnection, text: string, changes: Partial<StreamOptions> = {}, ...values: unknown[]) {
  return connection.stream({ text, values }, { ...options, ...changes })
}

async function sizes(stream: RecordStream): Promise<number[]> {
  const found: number[] = []
  for await (const batch of stream) found.push(batch.numRows)
  return found
}

onServer("a stream gives batches of the size that was asked for", async () => {
  const connection = await connect()
  for (const [count, expected] of [
    [2500, [1000, 1000, 500]],
    [2000, [1000, 1000]],
    [10, [10]],
    [0, []],
  ] as const) {
    const stream = await start(connection, "select generate_series(1, $1::int) as i", {}, count)
    expect(typesOf(new Table(schema([...stream.schema.fields]), [[]]))).toEqual({ i: "int32" })
    expect(await sizes(stream)).toEqual(expected)
  }
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("a stream's rows are all there, in order", async () => {
  const connection = await connect()
  const stream = await start(connection, "select i, repeat('x', i % 50) as x from generate_series(1, 10000) i")
  let next = 1
  for await (const batch of stream) {
    for (const row of batch.toArray()) {
      expect(row).toEqual({ i: next, x: "x".repeat(next % 50) })
      next++
    }
  }
  expect(next).toBe(10_001)
})

onServer("the server makes no more rows than two batches beyond what was taken", async () => {
  const connection = await connect()
  const other = await connect()
  await execute(other, "drop sequence if exists made")
  await execute(other, "create sequence made")
  const stream = await start(connection, "select nextval('made') as i from generate_series(1, 1000000)", {
    readOnly: false,
  })
  const iterator = stream[Symbol.asyncIterator]()
  for (let i = 0; i < 3; i++) await iterator.next()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const [{ made }] = (await rows(other, "select last_value as made from made")) as [{ made: number }]
  expect(made).toBeLessThanOrEqual(5000)
  await iterator.return!()
})

onServer("leaving a stream frees the connection at once, wherever it stands", async () => {
  const [connection, other] = [await connect(), await connect()]
  const [{ pid }] = (await rows(connection, "select pg_backend_pid() as pid")) as [{ pid: number }]
  for (const taken of [0, 1, 3]) {
    for (const readOnly of [true, false]) {
      const stream = await start(connection, "select generate_series(1, 100000000) as i", { readOnly })
      const iterator = stream[Symbol.asyncIterator]()
      for (let i = 0; i < taken; i++) await iterator.next()
      await iterator.return!()
      expect(await iterator.next()).toEqual({ done: true, value: undefined })
      expect(connection.usable).toBe(true)
      expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
      expect(await rows(other, "select state from pg_stat_activity where pid = $1", pid)).toEqual([{ state: "idle" }])
    }
  }
})

onServer("leaving a stream while the next batch is slow cancels it", async () => {
  const connection = await connect()
  const text = "select i, case when i > 1000 then pg_sleep(0.1) end from generate_series(1, 3000) i"
  const stream = await start(connection, text)
  const iterator = stream[Symbol.asyncIterator]()
  await iterator.next()
  await iterator.return!()
  expect(connection.usable).toBe(true)
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("an error in the middle of a stream is thrown where it is read", async () => {
  const connection = await connect()
  const stream = await start(connection, "select 1 / (1500 - i) as x from generate_series(1, 5000) i")
  const iterator = stream[Symbol.asyncIterator]()
  expect((await iterator.next()).value.numRows).toBe(1000)
  expect(await failure(iterator.next())).toMatchObject({ code: "22012" })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("an error before the first row is thrown by stream()", async () => {
  const connection = await connect()
  expect(await failure(start(connection, "select 1 / 0"))).toMatchObject({ code: "22012" })
  expect(await failure(start(connection, "delete from pg_class returning 1"))).toMatchObject({ code: "25006" })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("an abort ends a stream with its reason, between batches and within one", async () => {
  const connection = await connect()
  for (const text of [
    "select generate_series(1, 100000000) as i",
    "select i, pg_sleep(0.05 * (i / 1500)) from generate_series(1, 9000) i",
  ]) {
    const controller = new AbortController()
    const stream = await start(connection, text, { signal: controller.signal })
    const iterator = stream[Symbol.asyncIterator]()
    await iterator.next()
    setTimeout(() => controller.abort(new Error("enough")), 50)
    const reading = async () => {
      for (;;) if ((await iterator.next()).done) return
    }
    expect(await failure(reading())).toMatchObject({ message: "enough" })
    expect(connection.usable).toBe(true)
    expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
  }
})

onServer("a stream inside a transaction leaves the transaction open", async () => {
  const connection = await connect()
  await execute(connection, "begin")
  await execute(connection, "create temporary table t as select i from generate_series(1, 5000) i")
  const stream = await start(connection, "select i from t", { readOnly: false })
  expect(await sizes(stream)).toEqual([1000, 1000, 1000, 1000, 1000])
  const left = await start(connection, "select i from t", { readOnly: false })
  await left[Symbol.asyncIterator]().return!()
  const { table } = await execute(connection, "select count(*) as n from t")
  expect(table.toArray()).toEqual([{ n: 5000 }])
})

onServer("a stream of arrays knows their depth from its first batch", async () => {
  const connection = await connect()
  const stream = await start(
    connection,
    "select case when i > 10 then array[[i]] else '{}' end as a from generate_series(1, 20) i",
  )
  expect(typesOf(new Table(stream.schema, [[]]))).toEqual({ a: "list<list<int32>>" })
  expect(await sizes(stream)).toEqual([20])
})

onServer(
  "a stream that nobody reads on does not keep the process alive, and its end is awaited all the same",
  async () => {
    const { script } = await import("../../support/postgres-script.ts")
    const begin = `
    const rows = { text: "select generate_series(1, 5) as n", values: [] }
    const leaving = new AbortController()
    const stream = await connection.stream(rows, { ...options, signal: leaving.signal, batchRows: 2 })
    const batches = stream[Symbol.asyncIterator]()
    // Once the next batch is here, the server waits.
    const waiting = async () => {
      const isAlive = () => process.getActiveResourcesInfo().some((kind) => /TCP|Pipe.*Socket/.test(kind))
      while (isAlive()) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    `
    const ends: Record<string, string> = {
      "only the schema": `console.log("left")`,
      "one batch": `await batches.next(); console.log("left")`,
      "read on": `
      let n = 0
      for await (const batch of stream) { n += batch.numRows; if (n < 5) await waiting() }
      if (n === 5) console.log("left")`,
      disposed: `await batches.next(); await waiting(); await batches.return(); console.log("left")`,
      aborted: `
      await batches.next(); await waiting(); leaving.abort(new Error("left"))
      await batches.next().catch((error) => console.log(error.message))`,
      closed: `await batches.next(); await waiting(); await connection.close(); console.log("left")`,
    }
    const setup = await config()
    const found = await Promise.all(
      Object.entries(ends).map(async ([name, end]) => [name, await script(begin + end, setup)] as const),
    )
    const expected = Object.keys(ends).map((name) => [name, { code: 0, output: "left\n" }])
    expect(found).toEqual(expected)
  },
)
