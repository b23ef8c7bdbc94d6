import type { Socket } from "node:net"
import { describe, expect, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { useProject } from "../../support/project.ts"
import { rawServer } from "../../support/raw-server.ts"
import { failureOf, until } from "../../support/waiting.ts"
import {
  bindComplete,
  dataRow,
  int32,
  message,
  parameterDescription,
  parseComplete,
  ready,
  rowDescription,
  tag,
} from "./backend.ts"

const authentication = (request: number, more: Buffer = Buffer.alloc(0)): Buffer =>
  message("R", Buffer.concat([int32(request), more]))

const allowed = authentication(0)
const welcome = Buffer.concat([allowed, message("K", Buffer.concat([int32(7), int32(8)])), ready])
const sasl = authentication(10, Buffer.from("SCRAM-SHA-256\0\0"))
const errorWithoutEnd = message("E", Buffer.from("SERROR\0C55000\0Mno room at the inn\0"))

/** Turns TLS down, and answers every other write with what `answer` gives; nothing is sent for undefined. */
function answering(answer: (data: Buffer, asked: number, socket: Socket) => Buffer | undefined): Promise<number> {
  return rawServer((socket) => {
    let asked = 0
    socket.on("data", (data) => {
      if (data.length === 8) return void socket.write("N")
      const bytes = answer(data, asked++, socket)
      if (bytes !== undefined) socket.write(bytes)
    })
  })
}

function open(port: number, more: object = {}): Promise<SQLConnection> {
  return connection("pets", {
    type: "sql",
    url: `postgresql://pets:hunter2@127.0.0.1:${port}/pets?sslmode=disable`,
    ...more,
  })
}

/** What connecting ends with, where the server answers the first message so. */
async function refusal(first: Buffer): Promise<Error> {
  useProject()
  return failureOf(open(await answering((_, asked) => (asked === 0 ? first : undefined))))
}

describe("a login", () => {
  for (const [request, method] of [
    [2, "Kerberos"],
    [6, "SCM credentials"],
    [7, "GSSAPI"],
    [9, "SSPI"],
  ] as const) {
    test(`by ${method} is refused in a sentence`, async () => {
      expect(await refusal(authentication(request))).toMatchObject({
        code: "CONNECT",
        connection: "pets",
        message: `Connection "pets": The server wants a login by ${method}, which is not supported.`,
        hint: expect.stringContaining("pg_hba.conf"),
      })
    })
  }

  const broken: Record<string, Buffer> = {
    "an error without its end": errorWithoutEnd,
    "an error of a letter": message("E", Buffer.from("S")),
    "a notice without its end": message("N", Buffer.from("SNOTICE\0")),
    "an unknown request": authentication(99),
    "a request of three bytes": message("R", Buffer.alloc(3)),
    "a salt of three bytes": authentication(5, Buffer.alloc(3)),
    "the end of a login that did not begin": authentication(12, Buffer.from("v=AA==")),
    "an answer to nothing": authentication(11, Buffer.from("r=a,s=AA==,i=1")),
    "readiness that nobody was let in to": ready,
    "a key that nobody was let in for": message("K", Buffer.alloc(8)),
    "a row": dataRow([null]),
    "an unknown state": Buffer.concat([allowed, message("Z", Buffer.from("X"))]),
    "a setting without its value": Buffer.concat([allowed, message("S", Buffer.from("server_version\0"))]),
    "a setting with more": Buffer.concat([allowed, message("S", Buffer.from("a\0b\0c"))]),
    "a second login": Buffer.concat([allowed, allowed]),
    "a login that the server never proved": Buffer.concat([sasl, welcome]),
    "a long message": Buffer.concat([Buffer.from("N"), int32(70_000)]),
    "many messages": Buffer.concat(Array(40).fill(message("N", Buffer.from(`M${"x".repeat(30_000)}\0\0`)))),
  }
  for (const [name, first] of Object.entries(broken)) {
    test(`with ${name} is no PostgreSQL, and ends at once`, async () => {
      expect(await refusal(first)).toMatchObject({
        code: "CONNECT",
        message: expect.stringContaining("which is not PostgreSQL's protocol"),
        hint: expect.stringContaining("Check host and port"),
      })
    })
  }

  test("that is refused without a closing zero tells what the server said", async () => {
    expect((await refusal(errorWithoutEnd)).message).toContain('("no room at the inn")')
  })

  test("by SASL is not over before the server has proved that it knows the password", async () => {
    const first = authentication(11, Buffer.from("r=x,s=AA==,i=1"))
    expect(await refusal(Buffer.concat([sasl, first, welcome]))).toMatchObject({ code: "CONNECT" })
  })
})

describe("a statement", () => {
  const described = Buffer.concat([parseComplete, parameterDescription, rowDescription([["a", 23]])])
  const answer = Buffer.concat([dataRow([int32(7)]), tag("SELECT 1")])

  /** Answers the first connection's statement with the broken bytes, and all others as it should. */
  async function serving(bytes: Buffer): Promise<{ pets: SQLConnection; links: () => number }> {
    useProject()
    let links = 0
    const port = await rawServer((socket) => {
      const link = ++links
      let isIn = false
      let isSelect = false
      socket.on("data", (data) => {
        if (!isIn && data.length === 8) return void socket.write("N")
        if (!isIn) {
          isIn = true
          return void socket.write(welcome)
        }
        const last = data[data.length - 5]
        if (last === 0x48) {
          // The first statement is the empty one that a new connection is tried with.
          isSelect = data.includes("select")
          if (isSelect && link === 1) return void socket.write(bytes)
          socket.write(isSelect ? described : Buffer.concat([parseComplete, parameterDescription, message("n")]))
        } else if (last === 0x53) {
          socket.write(Buffer.concat([bindComplete, isSelect ? answer : message("I"), ready]))
        }
      })
    })
    return { pets: await open(port, { autocommit: true }), links: () => links }
  }

  const broken: Record<string, Buffer> = {
    "an error without its end": errorWithoutEnd,
    "an error with more than its end": message("E", Buffer.from("SERROR\0C55000\0\0x")),
    "a notice without its end": message("N", Buffer.from("SNOTICE\0Mx\0")),
    "a notification without its end": message("A", Buffer.from([0, 0, 0, 1, 65])),
    "a request to log in": allowed,
    "a description that ends early": Buffer.concat([parseComplete, message("T", Buffer.from([0, 1, 65]))]),
    "an unknown state": message("Z", Buffer.from("?")),
    "a setting without its value": message("S", Buffer.from("a\0")),
  }
  for (const [name, bytes] of Object.entries(broken)) {
    test(`that is answered with ${name} fails with its connection`, async () => {
      const { pets, links } = await serving(bytes)
      const error = await failureOf(pets.execute("select a from b"))
      expect(error).toMatchObject({ code: "QUERY", kind: "connection" })
      expect(error.message).toContain("which is not PostgreSQL's protocol")
      // No transaction is begun for the next one, which is on another connection.
      expect(await pets.execute("select a from b")).toMatchObject({ rowCount: 1 })
      expect(links()).toBe(2)
    })
  }

  test("that is given up survives what the server says to the request to cancel it", async () => {
    useProject()
    const port = await rawServer((socket) => {
      let asked = 0
      socket.on("data", (data) => {
        if (data.length === 8 && asked === 0) return void socket.write("N")
        // A request to cancel.
        if (data.length === 16)
          return void socket.write(Buffer.concat([errorWithoutEnd, Buffer.from("E\0\0\0\x0aSERROR")]))
        if (asked++ === 0) socket.write(welcome)
      })
    })
    const pets = await open(port, { lazy: true })
    const error = await failureOf(pets.execute("select 1", undefined, { timeout: 0.2 }))
    expect(error).toMatchObject({ code: "TIMEOUT" })
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await until(() => turns > 100)
    clearInterval(timer)
  })
})
