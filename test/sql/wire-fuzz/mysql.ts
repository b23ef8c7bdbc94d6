import type { Socket } from "node:net"
import { mysql } from "../../../src/sql/dialects/mysql/index.ts"
import { type Broken, damaged, type Framed, type Random } from "./random.ts"
import type { Case } from "./run.ts"

interface Packet extends Framed {
  /** Counted from the first of an answer. */
  readonly number: number
}

const bytes = (...values: number[]) => Buffer.from(values)
const coded = (text: string) => Buffer.concat([bytes(Buffer.byteLength(text)), Buffer.from(text)])

function frame({ number }: Packet, body: Buffer, lengthError: number): Buffer {
  const length = (body.length + lengthError) & 0xff_ffff
  return Buffer.concat([bytes(length & 255, (length >> 8) & 255, length >> 16, number & 255), body])
}

const capabilities = 0x80fb_ffff & ~0x800 & ~0x20 & ~0x100_0000
const greeting = Buffer.concat([
  bytes(10),
  Buffer.from("8.0.30\0"),
  bytes(1, 0, 0, 0),
  Buffer.from("12345678\0"),
  bytes(
    capabilities & 255,
    (capabilities >> 8) & 255,
    255,
    2,
    0,
    (capabilities >> 16) & 255,
    (capabilities >>> 24) & 255,
    21,
  ),
  Buffer.alloc(10),
  Buffer.from("123456789012\0mysql_native_password\0"),
])
const ok = bytes(0, 0, 0, 2, 0, 0, 0)
const eof = bytes(0xfe, 0, 0, 2, 0)
const changed = Buffer.concat([bytes(0, 0, 0, 2, 0x40, 0, 0, 0, 15, 0, 13), coded("autocommit"), bytes(1, 0x31)])
const refused = (errno: number) => Buffer.concat([bytes(0xff, errno & 255, errno >> 8), Buffer.from("#HY000no")])
const column = (name: string, type: number, charset: number) =>
  Buffer.concat([
    coded("def"),
    coded("pets"),
    coded("owners"),
    coded("owners"),
    coded(name),
    coded(name),
    bytes(12, charset, 0, 11, 0, 0, 0, type, 0, 0, 0, 0, 0),
  ])
const columns = [column("a", 3, 63), column("b", 253, 45)]
const prepared = [bytes(0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0), ...columns, eof]
const row = (a: number, b: string) => Buffer.concat([bytes(0, 0, a, 0, 0, 0), coded(b)])
const rows = [bytes(2), ...columns, eof, row(7, "owl"), row(8, "cat"), eof]
const right = [
  { a: 7, b: "owl" },
  { a: 8, b: "cat" },
]
const switchTo = Buffer.from("\xfemysql_native_password\x0012345678901234567890\0", "latin1")
const key = Buffer.from("\x01-----BEGIN PUBLIC KEY-----\n", "latin1")

/** One of every kind that a server can send. */
const bodies: readonly Buffer[] = [
  greeting,
  ok,
  changed,
  eof,
  refused(1064),
  refused(1317),
  ...prepared,
  ...rows,
  switchTo,
  Buffer.from("\xfecaching_sha2_password\x0012345678901234567890\0", "latin1"),
  Buffer.from("\xfesha256_password\x0012345678901234567890\0", "latin1"),
  Buffer.from("\xfemysql_clear_password\0", "latin1"),
  Buffer.from("\xfe__proto__\0", "latin1"),
  bytes(0xfe),
  bytes(1, 3),
  bytes(1, 4),
  key,
  Buffer.from("\x02mysql_native_password\x0012345678901234567890\0", "latin1"),
  Buffer.from("\xfb/etc/passwd", "latin1"),
  bytes(),
  bytes(0xfc, 255, 255),
  bytes(0xfe, 255, 255, 255, 255, 255, 255, 255, 255),
]

const stages = ["greeting", "login", "switch", "setting", "prepare", "rows", "stream"] as const

/** A server that answers as it should, but for one packet of one stage; and what its client makes of it. */
export function mysqlCase(random: Random): Case {
  const stage = random.one(stages)
  let broken: Broken | undefined
  const others = bodies.map((body) => ({ body, number: 1 + random.below(4) }))
  const answer = (at: string, first: number, sent: readonly Buffer[]): Buffer => {
    const packets = sent.map((body, i) => ({ body, number: first + i }))
    const isTarget = at === stage || (at === "rows" && stage === "stream")
    if (!isTarget || broken !== undefined) return Buffer.concat(packets.map((each) => frame(each, each.body, 0)))
    broken = damaged(random, packets, others, frame)
    return broken.bytes
  }
  return {
    stage,
    broken: () => broken,
    right,
    serve(socket: Socket) {
      let step = 0
      socket.write(answer("greeting", 0, [greeting]))
      socket.on("data", (data) => {
        const number = (data[3] ?? 0) + 1
        if (step === 0 && stage === "switch") {
          step = 1
          return void socket.write(answer("switch", number, [switchTo]))
        }
        if (step < 2) {
          step = 2
          return void socket.write(answer("login", number, [ok]))
        }
        const command = data[4]
        if (command === 0x16) socket.write(answer("prepare", 1, prepared))
        else if (command === 0x17) socket.write(answer("rows", 1, rows))
        else if (data.includes("mooring_probe")) socket.write(answer("setting", 1, [refused(1792)]))
        else if (command === 1) socket.end()
        else if (command !== 0x19) socket.write(answer("setting", 1, [random.below(2) === 0 ? ok : changed]))
      })
    },
    async use(port, signal) {
      const database = await mysql.open(settings(port))
      const connection = await database.connect({ signal })
      try {
        const statement = { text: "select a, b", values: [] }
        if (stage !== "stream") {
          const { table } = await connection.run(statement, { signal, readOnly: true, maxRows: 1e6, maxBytes: 1e9 })
          return table.toArray()
        }
        const found: unknown[] = []
        const stream = await connection.stream(statement, { signal, readOnly: true, batchRows: 1 })
        for await (const batch of stream) found.push(...batch.toArray())
        return found
      } finally {
        await connection.close()
      }
    },
  }
}

function settings(port: number): Parameters<typeof mysql.open>[0] {
  return {
    dialect: "mysql",
    driver: undefined,
    username: "pets",
    password: "hunter2",
    host: "127.0.0.1",
    port,
    database: "pets",
    query: {},
    settings: { ssl_mode: "DISABLED" },
    connectArgs: {},
    pool: { size: 1, maxOverflow: 0, timeout: 30_000, recycle: Number.POSITIVE_INFINITY, prePing: false },
    autocommit: false,
    projectDir: process.cwd(),
  }
}
