import fc from "fast-check"
import { expect, test } from "vitest"
import { isMooringError } from "../../../src/errors.ts"
import { postgres } from "../../../src/sql/dialects/postgres/index.ts"
import {
  bindComplete,
  dataRow,
  int32,
  message,
  parameterDescription,
  parseComplete,
  ready,
  rowDescription,
  scriptedServer,
  tag,
} from "./backend.ts"
import { connectTo, failure } from "./support.ts"

const described = Buffer.concat([
  parseComplete,
  parameterDescription,
  rowDescription([
    ["a", 23],
    ["b", 25],
  ]),
])
const row = dataRow([int32(7), Buffer.from("x")])
const answer = Buffer.concat([bindComplete, row, row, tag("SELECT 2"), ready])

/** The statement is not in a transaction here, so that two answers are enough. */
async function ask(port: number) {
  const connection = await connectTo({ port })
  return connection.run(
    { text: "select a, b", values: [] },
    { signal: new AbortController().signal, readOnly: false, maxRows: 100, maxBytes: 1e9 },
  )
}

test("the scripted server is understood", async () => {
  const port = await scriptedServer(() => [described, answer, ready])
  const { table, rowCount } = await ask(port)
  expect(table.toArray()).toEqual([
    { a: 7, b: "x" },
    { a: 7, b: "x" },
  ])
  expect(rowCount).toBe(2)
})

test("broken answers are an error or other rows, never a hang", async () => {
  let script: readonly Buffer[] = []
  const port = await scriptedServer(() => script)
  const change = fc.tuple(fc.boolean(), fc.nat(200), fc.nat(255))
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const broken = [Buffer.from(described), Buffer.from(answer)]
      for (const [first, place, byte] of changes) {
        const target = broken[first ? 0 : 1]!
        target[place % target.length] = byte
      }
      script = broken
      const outcome = await ask(port).catch((error: unknown) => error)
      if (!(outcome instanceof Error)) return
      const { action } = postgres.classify(outcome)
      expect(action === "lost" || isMooringError(outcome) || "severity" in outcome, String(outcome)).toBe(true)
    }),
    { numRuns: 300 },
  )
}, 120_000)

test("every message that cannot come where it comes ends the link with an error", async () => {
  for (const stray of [row, tag("SELECT 1"), message("?"), message("W", Buffer.alloc(3))]) {
    const port = await scriptedServer(() => [Buffer.concat([stray, described]), answer])
    const error = await failure(ask(port))
    expect(postgres.classify(error).action === "lost" || isMooringError(error), String(error)).toBe(true)
  }
})

test("a row of a statement that was said to have none ends the link", async () => {
  const noData = Buffer.concat([parseComplete, parameterDescription, message("n")])
  const port = await scriptedServer(() => [noData, answer])
  const error = await failure(ask(port))
  expect(postgres.classify(error).action, String(error)).toBe("lost")
})

test("a server that hangs up in the middle of rows is a lost connection", async () => {
  for (const cut of [1, 6, 12, bindComplete.length + row.length + 3]) {
    const port = await scriptedServer(() => [described, answer.subarray(0, cut)])
    expect(postgres.classify(await failure(ask(port)))).toMatchObject({ action: "lost", kind: "connection" })
  }
})
