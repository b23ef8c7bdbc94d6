import { expect, onTestFinished, test } from "vitest"
import { Exchange, type RowTaker } from "../../../src/sql/dialects/mysql/exchange.ts"
import { pause } from "../../support/waiting.ts"

const ignored: RowTaker = { describe() {}, row() {}, release() {}, complete() {} }

test.for(["fail", "end"] as const)("an exchange that is over before it began harms nobody (%s)", async (how) => {
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on("unhandledRejection", note)
  onTestFinished(() => void process.off("unhandledRejection", note))
  const exchange = new Exchange({ text: "select 1", values: [], protocol: "binary" }, ignored, () => undefined)
  exchange[how](new Error("Nobody waits for it any more."))
  await pause(10)
  expect(unhandled).toEqual([])
  await expect(exchange.done).rejects.toThrow("Nobody waits")
})
