import { EventEmitter } from "node:events"
import fc from "fast-check"
import { expect, test } from "vitest"
import type { Connection } from "../../../src/sql/dialects/mysql/driver.ts"
import { type ReadTarget, Wire } from "../../../src/sql/dialects/mysql/wire/wire.ts"
import { newMariaDBDatabase } from "../../support/mariadb-database.ts"
import { rechunking } from "./proxy.ts"
import { connect, execute, onServer, query, rows } from "./support.ts"

/** A packet, and whether it is a row that the wire gives past `mysql2`. */
interface Given {
  readonly payload: Buffer
  readonly isRow: boolean
}

const long = 0xff_ffff
const eof = Buffer.from([0xfe, 0, 0, 2, 0])
const error = Buffer.from([0xff, 0x15, 0x04, 0x23, 0x30])

const row = fc.uint8Array({ minLength: 1, maxLength: 300 }).filter(([first]) => first! < 0xfe)
const strange = fc.constantFrom(Buffer.alloc(0), Buffer.from([0xfe, ...Buffer.alloc(9)]))
const result = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: row.map((bytes): Given => ({ payload: Buffer.from(bytes), isRow: true })) },
    { weight: 1, arbitrary: strange.map((payload): Given => ({ payload, isRow: false })) },
  ),
  { maxLength: 60 },
)

/** A connection that is given bytes, and notes what reaches `mysql2` and what it would expect next. */
function listener() {
  const others: Buffer[] = []
  const taken: Buffer[] = []
  const seen: Buffer[] = []
  let kept: { buffer: Buffer; start: number; end: number }[] = []
  let target!: ReadTarget
  const raw = {
    sequenceId: 0,
    stream: Object.assign(new EventEmitter(), { pause() {}, resume() {} }),
    packetParser: {
      execute(packet: Buffer) {
        others.push(packet)
        seen.push(Buffer.from(packet))
        raw.sequenceId = (packet[3]! + 1) & 255
      },
    },
  }
  const wire = new Wire((given) => {
    target = given
    return raw as unknown as Connection
  })
  wire.loggedIn()
  const sink = {
    row: (buffer: Buffer, start: number, end: number) => void kept.push({ buffer, start, end }),
    release: () => {
      for (const { buffer, start, end } of kept) taken.push(Buffer.from(buffer.subarray(start, end)))
      kept = []
    },
  }
  /** As the socket does that reads into memory given. */
  const read = (bytes: Buffer) => {
    for (let place = 0; place < bytes.length; ) {
      const size = bytes.copy(target.buffer(), 0, place)
      target.callback(size)
      place += size
    }
  }
  const push = (bytes: Buffer) => void (raw.packetParser as { execute(chunk: Buffer): unknown }).execute(bytes)
  return { wire, raw, sink, read, push, others, seen, taken }
}

function packet(payload: Buffer, number: number): Buffer {
  const { length } = payload
  return Buffer.concat([Buffer.from([length & 255, (length >> 8) & 255, length >> 16, number & 255]), payload])
}

function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const found: Buffer[] = []
  for (let place = 0, i = 0; place < bytes.length; i++) {
    const size = sizes[i % sizes.length]!
    found.push(bytes.subarray(place, (place += size)))
  }
  return found
}

const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })

test("rows come past mysql2 as they are, and all else reaches it whole and in its order, wherever it is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(result, fc.constantFrom(eof, error), fc.constantFrom(0, 1)), { minLength: 1, maxLength: 4 }),
      cuts,
      fc.boolean(),
      fc.array(fc.nat(20), { maxLength: 5 }),
      (results, sizes, reads, pauses) => {
        const { wire, raw, sink, read, push, others, seen, taken } = listener()
        const give = reads ? read : push
        const expectedRows: Buffer[] = []
        const expectedOthers: Buffer[] = []
        for (const [packets, end, eofs] of results) {
          raw.sequenceId = 250
          wire.takeRows(sink, eofs)
          let number = 250
          const before = eofs === 1 ? [{ payload: eof, isRow: false }] : []
          const sent = [...before, ...packets, { payload: end, isRow: false }].map(({ payload, isRow }) => {
            const bytes = packet(payload, number++)
            if (isRow) expectedRows.push(payload)
            else expectedOthers.push(bytes)
            return bytes
          })
          for (const [i, piece] of pieces(Buffer.concat(sent), sizes).entries()) {
            const stops = pauses.includes(i)
            const count = taken.length + others.length
            if (stops) wire.pause()
            give(piece)
            if (stops) expect(taken.length + others.length).toBe(count)
            wire.resume()
          }
          expect(raw.sequenceId).toBe(number & 255)
        }
        expect(taken).toEqual(expectedRows)
        expect(seen).toEqual(expectedOthers)
        // What mysql2 keeps stays as it was.
        expect(others).toEqual(expectedOthers)
      },
    ),
    { numRuns: 500 },
  )
})

test("a packet out of its turn, and parts of long ones, are mysql2's, and the rows go on behind them", () => {
  const { wire, raw, sink, push, seen, taken } = listener()
  raw.sequenceId = 3
  wire.takeRows(sink, 0)
  // The last part begins as an error would.
  const sent = [
    packet(Buffer.from([0, 1]), 3),
    packet(Buffer.alloc(long), 4),
    packet(Buffer.alloc(long, 0xff), 5),
    packet(Buffer.from([0xff, 2]), 6),
    packet(Buffer.from([0, 3]), 7),
    packet(Buffer.from([0, 4]), 9),
    packet(Buffer.from([0, 5]), 10),
    packet(eof, 11),
    packet(Buffer.from([0, 6]), 12),
  ]
  for (const piece of pieces(Buffer.concat(sent), [100_000])) push(piece)
  expect(taken).toEqual([Buffer.from([0, 1]), Buffer.from([0, 3]), Buffer.from([0, 5])])
  expect(seen.map((bytes) => [bytes.length, bytes[3]])).toEqual([
    [long + 4, 4],
    [long + 4, 5],
    [6, 6],
    [6, 9],
    [9, 11],
    [6, 12],
  ])
})

test("random bytes are neither an error nor more memory than came", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 10 }), (chunks) => {
      const { wire, sink, push } = listener()
      const before = process.memoryUsage().arrayBuffers
      wire.takeRows(sink, 0)
      for (const chunk of chunks) push(Buffer.from(chunk))
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
    }),
    { numRuns: 500 },
  )
})

const select = `
  select seq as i, cast(seq / 7 as decimal(30, 10)) as d, repeat(concat('é🦉', seq), seq % 30) as t,
    date_add('2024-01-01 00:00:00.25', interval seq second) as a, if(seq % 3, null, seq / 3e0) as f, md5(seq) as m
  from seq_1_to_300`
/** Runs a statement by the text protocol: it cannot be prepared. */
const asText = (sql: string) => `begin not atomic ${sql}; end`

onServer(
  "a connection's rows are the same cut at every place, and cut at random",
  async () => {
    const address = await newMariaDBDatabase()
    const settings = { ssl_mode: "DISABLED" }
    const direct = await connect({ ...address, settings })
    const expected = await rows(direct, select)
    const few = await rows(direct, `${select} limit 4`)
    const whole = () => 1_000_000
    let size = whole
    const port = await rechunking(address, () => size())
    const through = await connect({ ...address, port, settings })
    const check = async (sizes: () => () => number, sql = select, wanted = expected) => {
      for (const text of [sql, asText(sql)]) {
        await execute(through, "do 1")
        size = sizes()
        expect((await execute(through, text)).table.toArray()).toEqual(wanted)
        size = whole
      }
    }
    await check(() => () => 1)
    const random = fc.sample(fc.integer({ min: 1, max: 400 }), { numRuns: 5000, seed: 7 })
    let next = 0
    for (let run = 0; run < 10; run++) await check(() => () => random[next++ % random.length]!)
    // The first piece ends one byte later each time.
    for (let cut = 1; cut < 700; cut++) {
      const cutOnce = () => {
        const sizes = [cut]
        return () => sizes.pop() ?? whole()
      }
      await check(cutOnce, `${select} limit 4`, few)
    }
  },
  300_000,
)

const ways: readonly (readonly [string, Record<string, unknown>, Record<string, unknown>])[] = [
  ["plain", { ssl_mode: "DISABLED" }, {}],
  ["TLS", { ssl_mode: "REQUIRED" }, {}],
  ["compressed", { ssl_mode: "DISABLED" }, { compress: true }],
]
for (const [how, settings, connectArgs] of ways) {
  onServer(
    `${how}: rows of all lengths, in one result, in a stream that waits, and in several packets each`,
    async () => {
      const connection = await connect({ settings: settings as never, connectArgs })
      const many = "select seq, repeat(char(97 + seq % 26 using utf8mb4), (seq * 7919) % 2000) as t from seq_1_to_20000"
      const table = (await query(connection, many)).table
      const wanted = Array.from({ length: 20_000 }, (_, i) => ({
        seq: i + 1,
        t: String.fromCharCode(97 + ((i + 1) % 26)).repeat(((i + 1) * 7919) % 2000),
      }))
      expect(table.toArray()).toEqual(wanted)
      const stream = await connection.stream(
        { text: many, values: [] },
        { signal: new AbortController().signal, readOnly: true, batchRows: 1500 },
      )
      const streamed: unknown[] = []
      for await (const batch of stream) {
        expect(batch.numRows).toBeLessThanOrEqual(1500)
        streamed.push(...batch.toArray())
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      expect(streamed).toEqual(wanted)
      for (const size of [2 ** 24 - 20, 2 ** 24, 2 ** 25 + 7]) {
        const large = `select seq, if(seq = 2, repeat('x', ${size}), 'short') as t from seq_1_to_3`
        const found = (await query(connection, large)).table.getChild("t")!
        expect([found.at(0), (found.at(1) as string).length, found.at(2)]).toEqual(["short", size, "short"])
      }
      expect(await rows(connection, "select 1 as a")).toEqual([{ a: 1 }])
    },
  )
}
