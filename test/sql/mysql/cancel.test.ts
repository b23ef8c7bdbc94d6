import { EventEmitter } from "node:events"
import { Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { cancelRunning } from "../../../src/sql/dialects/mysql/cancel.ts"
import type { Answered, Connection } from "../../../src/sql/dialects/mysql/driver.ts"
import { pause } from "../../support/waiting.ts"

/** A connection that breaks when it is asked something. */
function breaking(): Connection {
  const stream = new Socket()
  const query = (_statement: object, answered: Answered) => setImmediate(answered, new Error("The link broke."))
  return Object.assign(new EventEmitter(), { stream, query, end: () => stream.destroy() }) as unknown as Connection
}

test("a request to cancel whose link breaks has the statement's link ended, and harms nobody else", async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on("unhandledRejection", note)
  onTestFinished(() => void process.off("unhandledRejection", note))
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let isDestroyed = false
  const destroy = () => {
    isDestroyed = true
    end()
  }
  const link = { threadId: 1, ended, heard: () => true, destroy }
  expect(await cancelRunning(async () => breaking(), link)).toBe(false)
  await pause(10)
  expect(isDestroyed).toBe(true)
  expect(unhandled).toEqual([])
})
