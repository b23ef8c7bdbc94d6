import { ChildProcess } from "node:child_process"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { serialize } from "node:v8"
import { expect, onTestFinished, test, vi } from "vitest"
import { frameKinds, frameStart } from "../../../src/sql/dialects/sqlite/frames.ts"
import { sqlite } from "../../../src/sql/dialects/sqlite/index.ts"
import { readyId } from "../../../src/sql/dialects/sqlite/protocol.ts"
import { childOf, connect, failure, folder, never, open, query } from "./support.ts"

test("a kept process that died unnoticed is replaced by another", async () => {
  const database = await open()
  const connections = [await connect(database), await connect(database)]
  const kept = connections.map((one) => childOf(one))
  for (const one of connections) await one.close()
  // This process hears of it when it turns to its event loop.
  for (const child of kept) process.kill(child.pid!, "SIGKILL")
  const next = await connect(database)
  expect(kept).not.toContain(childOf(next))
  expect((await query(next, "select 7 as n")).table.toArray()).toEqual([{ n: 7 }])
})

/** A stand-in for Node in child processes, which answers each message that it gets with the next of these. */
async function answering(...answers: Uint8Array[]): Promise<void> {
  const path = join(folder(), "node")
  const texts = answers.map((answer) => Buffer.from(answer).toString("base64"))
  writeFileSync(
    path,
    `#!${process.execPath}
    const answers = ${JSON.stringify(texts)}
    process.stdin.on("data", () => {
      if (answers.length > 0) process.stdout.write(Buffer.from(answers.shift(), "base64"))
    })
    process.stdin.on("end", () => process.exit())`,
  )
  chmodSync(path, 0o755)
  // Those that are kept from before are real.
  const database = await open()
  for (let i = 0; i < 2; i++) await connect(database)
  const { execPath } = process
  process.execPath = path
  onTestFinished(() => void (process.execPath = execPath))
}

const ready = frameStart(frameKinds.reply, serialize({ id: readyId, value: undefined }))

test("a result that this process cannot hold is an error of the call, and the connection is not used again", async () => {
  await answering(ready, frameStart(frameKinds.reply, serialize({}), 2 ** 60))
  const connection = await connect(await open())
  const child = childOf(connection)
  const error = await failure(query(connection, "select 1"))
  expect(error).toMatchObject({ code: "TOO_LARGE", hint: expect.stringContaining("stream()") })
  expect(error.message).toMatch(/^The rows take up \d+ MB, which this process cannot hold at once\.$/)
  expect(sqlite.classify(error)).toMatchObject({ action: "fatal" })
  expect(connection.usable).toBe(false)
  await vi.waitFor(() => expect(child.signalCode).toBe("SIGKILL"), 10_000)
})

test("a process that does not become ready fails the connect before its deadline, and the error says why", async () => {
  await answering()
  const database = await open()
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  onTestFinished(() => void vi.useRealTimers())
  const asked = failure(database.connect({ signal: never }))
  await vi.advanceTimersByTimeAsync(8_000)
  vi.useRealTimers()
  expect(await asked).toMatchObject({
    code: "CONNECT",
    message: "SQLite's worker process could not be started (not ready within 8 s).",
    hint: expect.stringContaining("raise the limits of processes, threads"),
  })
})

test("a process that gets no thread says so, and does not stay", async () => {
  await answering(frameStart(frameKinds.lost, serialize({ message: "EAGAIN", code: "ERR_WORKER_INIT_FAILED" })))
  const database = await open()
  const kill = vi.spyOn(ChildProcess.prototype, "kill")
  onTestFinished(() => kill.mockRestore())
  expect(await failure(database.connect({ signal: never }))).toMatchObject({
    code: "CONNECT",
    message: "SQLite's worker process could not be started (ERR_WORKER_INIT_FAILED).",
  })
  expect(kill).toHaveBeenCalledWith("SIGKILL")
})
