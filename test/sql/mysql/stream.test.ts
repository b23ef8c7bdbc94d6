import { expect } from "vitest"
import type { DriverConnection, RecordStream, StreamOptions } from "../../../src/sql/dialect.ts"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { Table } from "../../../src/tables/index.ts"
import { schema } from "../../../src/tables/types.ts"
import { FaultProxy } from "../../support/fault-proxy.ts"
import { mariadbServer } from "../../support/mariadb-database.ts"
import { connect, connectAsAdmin, execute, failure, idOf, kill, never, onServer, rows, typesOf } from "./support.ts"

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
    const stream = await start(connection, `select seq as i from seq_1_to_3000 where seq <= ?`, {}, count)
    expect(typesOf(new Table(schema([...stream.schema.fields]), [[]]))).toEqual({ i: "uint64" })
    expect(await sizes(stream)).toEqual(expected)
  }
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("a stream's rows are all there, in order", async () => {
  const connection = await connect()
  const stream = await start(connection, "select seq as i, repeat('x', seq % 50) as x from seq_1_to_10000")
  let next = 1
  for await (const batch of stream) {
    for (const row of batch.toArray()) {
      expect(row).toEqual({ i: next, x: "x".repeat(next % 50) })
      next++
    }
  }
  expect(next).toBe(10_001)
})

onServer(
  "the server waits for a reader that does not come back, and little is read ahead",
  async () => {
    const proxy = await FaultProxy.start(await mariadbServer())
    try {
      const connection = await connect({ port: proxy.port, settings: { ssl: false } })
      const other = await connectAsAdmin()
      const id = await idOf(connection)
      const stream = await start(connection, "select seq as i, repeat('x', 1000) as x from seq_1_to_200000")
      const iterator = stream[Symbol.asyncIterator]()
      for (let i = 0; i < 3; i++) await iterator.next()
      // Until everything on the way is full.
      let soFar = -1
      while (soFar !== proxy.bytes.toClient) {
        soFar = proxy.bytes.toClient
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
      const state = "select state from information_schema.processlist where id = ?"
      expect(await rows(other, state, id)).toEqual([{ state: "Writing to net" }])
      // Three batches taken, one ahead, and what the sockets on the way hold.
      expect(soFar).toBeLessThan(30_000_000)
      let left = 0
      for await (const batch of stream) left += batch.numRows
      expect(left).toBe(197_000)
    } finally {
      await proxy.stop()
    }
  },
  120_000,
)

onServer(
  "a long stream takes no more memory than a short one",
  async () => {
    const connection = await connect()
    const stream = await start(connection, "select seq as i, repeat('x', 100) as x from seq_1_to_2000000", {
      batchRows: 20_000,
    })
    let most = 0
    let count = 0
    for await (const batch of stream) {
      count += batch.numRows
      most = Math.max(most, process.memoryUsage().arrayBuffers)
    }
    expect(count).toBe(2_000_000)
    // All of it would be 220 MB.
    expect(most).toBeLessThan(120_000_000)
  },
  60_000,
)

onServer("the server's patience with readers is longer than a minute", async () => {
  const connection = await connect()
  expect(await rows(connection, "select @@net_write_timeout >= 3600 as patient")).toEqual([{ patient: 1 }])
})

onServer("leaving early frees the connection, wherever the stream is", async () => {
  const connection = await connect()
  const text = "select seq as i, repeat('x', 100) as x from seq_1_to_100000000"
  for (const taken of [0, 1, 2, 5]) {
    const stream = await start(connection, text)
    const iterator = stream[Symbol.asyncIterator]()
    for (let i = 0; i < taken; i++) expect((await iterator.next()).done).toBe(false)
    await iterator.return!()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(connection.usable).toBe(true)
    expect(await rows(connection, "select ? as a", `${taken}`)).toEqual([{ a: `${taken}` }])
  }
  // One that has ended already.
  const short = await start(connection, "select 1 as a")
  await short[Symbol.asyncIterator]().return!()
  expect(await rows(connection, "select sleep(0.01) as s")).toEqual([{ s: 0 }])
})

onServer("a stream that fails in the middle says so, after the rows before", async () => {
  const connection = await connect()
  await execute(connection, "set sql_mode = 'error_for_division_by_zero,strict_all_tables'")
  const text = "select exp(if(seq = 50000, 100000, 1)) as x from seq_1_to_100000"
  const stream = await start(connection, text, { readOnly: false })
  let count = 0
  const reading = async () => {
    for await (const batch of stream) count += batch.numRows
  }
  expect(await failure(reading())).toMatchObject({ sqlState: "22003" })
  expect(count).toBeGreaterThan(0)
  expect(count).toBeLessThan(50_000)
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("a stream whose statement cannot run fails before its first batch", async () => {
  const connection = await connect()
  expect(await failure(start(connection, "select * from nowhere"))).toMatchObject({ errno: 1146 })
  expect(mysql.classify(await failure(start(connection, "create table never (a int)")))).toMatchObject({
    code: "READ_ONLY",
  })
  expect(await failure(start(connection, "insert into nowhere values (1)"))).toMatchObject({
    errno: expect.any(Number),
  })
  const nothing = await start(connection, "create temporary table t (a int)", { readOnly: false })
  expect([nothing.schema.fields.length, await sizes(nothing)]).toEqual([0, []])
})

onServer("an abort ends a stream, while it reads and while it waits", async () => {
  const connection = await connect()
  for (const text of [
    "select seq as i from seq_1_to_1000000000",
    "select seq as i, if(seq > 5000, sleep(0.1), 0) as s from seq_1_to_1000000",
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

onServer("an abort ends a stream whose reader stays away", async () => {
  const connection = await connect()
  const controller = new AbortController()
  const stream = await start(connection, "select seq as i from seq_1_to_1000000000", { signal: controller.signal })
  const iterator = stream[Symbol.asyncIterator]()
  await iterator.next()
  await new Promise((resolve) => setTimeout(resolve, 100))
  controller.abort(new Error("enough"))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await failure(iterator.next())).toMatchObject({ message: "enough" })
  expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
})

onServer("a connection that is killed fails its stream", async () => {
  const connection = await connect()
  const id = await idOf(connection)
  const stream = await start(connection, "select seq as i from seq_1_to_1000000000")
  const iterator = stream[Symbol.asyncIterator]()
  await iterator.next()
  await kill(id)
  const reading = async () => {
    for (;;) if ((await iterator.next()).done) return
  }
  expect(await failure(reading())).toBeInstanceOf(Error)
  expect(connection.usable).toBe(false)
})

onServer("a stream that leaves something in its session gives its rows all the same", async () => {
  const connection = await connect()
  const stream = await start(connection, "select @last := seq as i from seq_1_to_50000")
  expect((await sizes(stream)).reduce((sum, size) => sum + size, 0)).toBe(50_000)
  await connection.reset()
  expect(await rows(connection, "select @last as last")).toEqual([{ last: null }])
})

onServer("a stream inside a transaction leaves the transaction open", async () => {
  const connection = await connect()
  await execute(connection, "start transaction")
  await execute(connection, "create temporary table t engine=innodb as select seq as i from seq_1_to_5000")
  const stream = await start(connection, "select i from t", { readOnly: false })
  expect(await sizes(stream)).toEqual([1000, 1000, 1000, 1000, 1000])
  const left = await start(connection, "select i from t", { readOnly: false })
  await left[Symbol.asyncIterator]().return!()
  const { table } = await execute(connection, "select count(*) as n, @@in_transaction as open from t")
  expect(table.toArray()).toEqual([{ n: 5000, open: 1 }])
})
