import type { Socket } from "node:net"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import { type Broken, damaged, type Framed, type Random } from "./random.ts"
import type { Case } from "./run.ts"

interface Message extends Framed {
  readonly code: string
}

const int16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [(value >> 8) & 255, value & 255]))
const int32 = (value: number) => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])
const text = (value: string) => Buffer.from(`${value}\0`)
const message = (code: string, ...parts: Buffer[]): Message => ({ code, body: Buffer.concat(parts) })
const field = (value: string) => [int32(Buffer.byteLength(value)), Buffer.from(value)]

function frame({ code }: Message, body: Buffer, lengthError: number): Buffer {
  return Buffer.concat([Buffer.from(code), int32(body.length + 4 + lengthError), body])
}

const column = (name: string, type: number) =>
  Buffer.concat([text(name), int32(0), int16(0), int32(type), int16(8), int32(-1), int16(0)])
const notice = (code: string) =>
  message(code, text("SERROR"), text("C42601"), text("Mno"), text("P3"), Buffer.from([0]))
const row = (a: number, b: string) => message("D", int16(2), int32(4), int32(a), ...field(b))
const ready = message("Z", Buffer.from("I"))
const parameter = message("S", text("server_version"), text("16.1"))
const key = message("K", int32(1), int32(2))
const request = (kind: number, ...more: Buffer[]) => message("R", int32(kind), ...more)

const welcome = [request(0), parameter, message("S", text("client_encoding"), text("UTF8")), notice("N"), key, ready]
const described = [message("1"), message("t", int16(0)), message("T", int16(2), column("a", 23), column("b", 25))]
const rows = [message("2"), row(7, "owl"), row(8, "cat"), message("C", text("SELECT 2")), ready]
const right = [
  { a: 7, b: "owl" },
  { a: 8, b: "cat" },
]

/** One of every kind that a server can send. */
const others: readonly Message[] = [
  ...welcome,
  ...described,
  ...rows,
  notice("E"),
  request(3),
  request(5, Buffer.from("salt")),
  request(7),
  request(8, Buffer.from("token")),
  request(9),
  request(10, text("SCRAM-SHA-256"), Buffer.from([0])),
  request(11, Buffer.from("r=abc,s=c2FsdA==,i=4096")),
  request(12, Buffer.from("v=c2FsdA==")),
  message("3"),
  message("A", int32(1), text("channel"), text("payload")),
  message("G", Buffer.from([0]), int16(1, 0)),
  message("H", Buffer.from([0]), int16(1, 0)),
  message("W", Buffer.from([0]), int16(1, 0)),
  message("I"),
  message("c"),
  message("d", Buffer.from("x\ty\n")),
  message("n"),
  message("s"),
  message("V", int32(5)),
  message("v", int32(0), int32(1), text("_pq_.x")),
  message("?"),
]

const stages = ["login", "password", "sasl", "describe", "rows", "stream"] as const

/** A server that answers as it should, but for one message of one stage; and what its client makes of it. */
export function postgresCase(random: Random): Case {
  const stage = random.one(stages)
  let broken: Broken | undefined
  const break_ = (at: (typeof stages)[number], messages: readonly Message[]): Buffer => {
    if (at !== stage || broken !== undefined) return Buffer.concat(messages.map((each) => frame(each, each.body, 0)))
    broken = damaged(random, messages, others, frame)
    return broken.bytes
  }
  const first = { password: [request(3)], sasl: [request(10, text("SCRAM-SHA-256"), Buffer.from([0]))] } as const
  return {
    stage,
    broken: () => broken,
    right,
    serve(socket: Socket) {
      let step = 0
      const answers =
        stage === "stream"
          ? [
              () => break_("describe", described),
              () => break_("stream", [message("2"), row(7, "owl"), message("s")]),
              () => break_("stream", [row(8, "cat"), message("C", text("SELECT 2"))]),
              () => break_("rows", [ready]),
            ]
          : [() => break_("describe", described), () => break_("rows", rows)]
      socket.on("data", (data) => {
        const last = data[data.length - 5]
        if (step === 0 && (stage === "password" || stage === "sasl")) {
          step = 1
          return void socket.write(break_(stage, first[stage]))
        }
        if (step === 1 && stage === "sasl") {
          step = 2
          const nonce = /r=([^,]+)/.exec(data.toString("latin1"))?.[1] ?? ""
          return void socket.write(break_("sasl", [request(11, Buffer.from(`r=${nonce}x,s=c2FsdA==,i=2`))]))
        }
        if (step < 3) {
          step = 3
          return void socket.write(break_("login", welcome))
        }
        if (last !== 0x48 && last !== 0x53) return
        const answer = answers.shift()
        if (answer !== undefined) socket.write(answer())
      })
    },
    async use(port, signal) {
      const database = await postgres.open(settings(port))
      const connection = await database.connect({ signal })
      try {
        const statement = { text: "select a, b", values: [] }
        if (stage !== "stream") {
          const { table } = await connection.run(statement, { signal, readOnly: false, maxRows: 1e6, maxBytes: 1e9 })
          return table.toArray()
        }
        const found: unknown[] = []
        const stream = await connection.stream(statement, { signal, readOnly: false, batchRows: 1 })
        for await (const batch of stream) found.push(...batch.toArray())
        return found
      } finally {
        await connection.close()
      }
    },
  }
}

function settings(port: number): Parameters<typeof postgres.open>[0] {
  return {
    dialect: "postgresql",
    driver: undefined,
    username: "pets",
    password: "hunter2",
    host: "127.0.0.1",
    port,
    database: "pets",
    query: {},
    settings: { sslmode: "disable" },
    connectArgs: {},
    pool: { size: 1, maxOverflow: 0, timeout: 30_000, recycle: Number.POSITIVE_INFINITY, prePing: false },
    autocommit: false,
    projectDir: process.cwd(),
  }
}
