import { expect, test } from "vitest"
import { connection, type SQLConnection } from "../../../src/index.ts"
import { useProject } from "../../support/project.ts"
import { rawServer } from "../../support/raw-server.ts"
import { failureOf } from "../../support/waiting.ts"
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

const welcome = Buffer.concat([
  message("R", int32(0)),
  message("S", Buffer.from("client_encoding\0UTF8\0")),
  message("K", Buffer.concat([int32(7), int32(8)])),
  ready,
])
const empty = message("I")
const refusal = (state: string, text: string) => message("E", Buffer.from(`SERROR\0C${state}\0M${text}\0\0`))

/** What an engine answers to the statements of one write, by their texts. */
type Engine = (text: string) => Buffer | undefined

/** A server that runs the extended protocol's messages in their order, and skips to the Sync after an error. */
async function engine(answer: Engine): Promise<SQLConnection> {
  useProject()
  const port = await rawServer((socket) => {
    const texts = new Map<string, string>()
    let bound = ""
    let isIn = false
    let skips = false
    socket.on("data", (data) => {
      if (!isIn) {
        isIn = true
        return void socket.write(welcome)
      }
      for (let place = 0; place < data.length; ) {
        const code = String.fromCharCode(data[place]!)
        const end = place + 1 + data.readInt32BE(place + 1)
        const [first = "", second = ""] = data.toString("utf8", place + 5, end).split("\0")
        place = end
        if (code === "S") {
          skips = false
          socket.write(ready)
        } else if (skips || code === "H") continue
        else if (code === "P") {
          texts.set(first, second)
          const bytes = answer(second)
          skips = bytes?.[0] === 0x45
          socket.write(skips ? bytes! : parseComplete)
        } else if (code === "D") {
          const text = texts.get(first.slice(1)) ?? ""
          const rows = text.startsWith("select") ? rowDescription([["a", 23]]) : message("n")
          socket.write(
            Buffer.concat([
              parameterDescription,
              rows,
              text === "" ? (answer("describe") ?? Buffer.alloc(0)) : Buffer.alloc(0),
            ]),
          )
        } else if (code === "B") {
          bound = texts.get(second) ?? ""
          socket.write(bindComplete)
        } else if (code === "E") {
          if (bound === "") socket.write(empty)
          else if (/^select/i.test(bound)) socket.write(Buffer.concat([dataRow([int32(7)]), tag("SELECT 1")]))
          else socket.write(tag(bound.split(" ")[0]!))
        } else socket.write(message("3"))
      }
    })
  })
  return connection("pets", { type: "sql", url: `postgresql://pets@127.0.0.1:${port}/pets?sslmode=disable` })
}

test("an engine that answers an empty statement when it is described connects and answers", async () => {
  const pets = await engine((text) => (text === "describe" ? empty : undefined))
  expect((await pets.query("select a from b")).toArray()).toEqual([{ a: 7 }])
  expect(await pets.isHealthy()).toBe(true)
})

test("an engine that knows none of the functions that clear a session answers, whatever code it gives", async () => {
  for (const state of ["00000", "42P01", "0A000"]) {
    const pets = await engine((text) =>
      text.includes("pg_catalog") ? refusal(state, "table does not exist") : undefined,
    )
    for (let i = 0; i < 3; i++) expect((await pets.query("select a from b", { ttl: 0 })).toArray()).toEqual([{ a: 7 }])
    await pets.close()
  }
})

test("an engine without transactions that only read says so, and runs what execute() is given", async () => {
  const pets = await engine((text) => (text === "BEGIN READ ONLY" ? refusal("42000", "Syntax error") : undefined))
  expect(await failureOf(pets.query("select a from b"))).toMatchObject({
    code: "UNSUPPORTED",
    connection: "pets",
    message: expect.stringContaining("This server has no BEGIN READ ONLY"),
    hint: expect.stringContaining("execute()"),
  })
  expect(await pets.execute("select a from b")).toMatchObject({ rowCount: 1 })
})

test("an error of the caller's statement stays what it is, also where it comes before the answer to BEGIN", async () => {
  const pets = await engine((text) => (text === "select x" ? refusal("42703", "no such column") : undefined))
  expect(await failureOf(pets.query("select x"))).toMatchObject({ code: "QUERY", sqlState: "42703" })
})

for (const [name, variable] of [
  ["QuestDB", "QUESTDB_URL"],
  ["H2", "H2_URL"],
] as const) {
  const url = process.env[variable]
  test.skipIf(url === undefined)(`${name} itself: runs where ${variable} names one`, async () => {
    useProject()
    const pets = await connection<SQLConnection>("pets", { type: "sql", url: url! })
    expect((await pets.execute("select 7 as a")).rows.toArray()).toEqual([{ a: 7 }])
    if (name === "H2") expect(await failureOf(pets.query("select 7 as a"))).toMatchObject({ code: "UNSUPPORTED" })
    else expect((await pets.query("select 7 as a")).toArray()).toEqual([{ a: 7 }])
  })
}
