import { spawn } from "node:child_process"
import { describe, expect, onTestFinished, test } from "vitest"
import { cacheResource, closeAll, closeOnSignals } from "../../src/index.ts"
import { builtFile } from "../support/built-file.ts"
import { useProject } from "../support/project.ts"
import { until } from "../support/waiting.ts"

const source = JSON.stringify(builtFile("index.js"))

/** A running script: what it has said, and how it ended. */
function start(body: string) {
  const project = useProject()
  const script = project.write(
    "main.ts",
    `import { BaseConnection, closeOnSignals, connection } from ${source}\n${body}`,
  )
  const child = spawn(process.execPath, [script], {
    cwd: project.dir,
    env: { ...process.env, NODE_NO_WARNINGS: "" },
    stdio: ["ignore", "pipe", "pipe"],
  })
  onTestFinished(() => void child.kill("SIGKILL"))
  const process_ = { child, said: "", ended: undefined as { code: number | null; signal: string | null } | undefined }
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (process_.said += text))
  child.on("close", (code, signal) => (process_.ended = { code, signal }))
  return process_
}

/** A connection whose work takes as long as it is told, and says how it ended. */
const slow = `
process.on("unhandledRejection", (reason) => console.log("unhandled", reason))
class Slow extends BaseConnection {
  _connect() { return { open: true } }
  async _disconnect() { console.log("released") }
  work(ms) { return this._use(() => new Promise((done) => setTimeout(done, ms))) }
}
const pets = await connection("pets", { type: Slow })
const work = (ms) => pets.work(ms).then(() => console.log("done"), ({ code }) => console.log(code))
setInterval(() => undefined, 1_000_000)
`
const ready = `console.log("ready")`

async function readyToEnd(script: ReturnType<typeof start>): Promise<void> {
  await until(() => script.said.includes("ready"))
}

async function ended(script: ReturnType<typeof start>) {
  await until(() => script.ended !== undefined)
  return { ...script.ended, said: script.said.trim().split("\n") }
}

describe("closeOnSignals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: what runs is finished, new work refused, then it ends by the signal",
    async (signal) => {
      const script = start(`${slow}
      closeOnSignals()
      void work(300)
      process.on("exit", () => console.log("never said: a signal ends it"))
      setTimeout(() => void work(1), 250)
      ${ready}`)
      await readyToEnd(script)
      script.child.kill(signal)
      expect(await ended(script)).toEqual({ code: null, signal, said: ["ready", "CLOSED", "released", "done"] })
    },
  )

  test("at its deadline the rest is cut off", async () => {
    const script = start(`${slow}
      closeOnSignals({ timeout: "100ms" })
      void work(60_000)
      ${ready}`)
    await readyToEnd(script)
    script.child.kill("SIGTERM")
    expect(await ended(script)).toMatchObject({ signal: "SIGTERM", said: ["ready", "released", "ABORTED"] })
  })

  test("what is to come first comes first, and cannot hold it up", async () => {
    const script = start(`${slow}
      closeOnSignals({ timeout: "200ms", before: async (signal) => {
        console.log("before", signal)
        await work(10)
        await new Promise(() => undefined)
      } })
      ${ready}`)
    await readyToEnd(script)
    script.child.kill("SIGTERM")
    const said = ["ready", "before SIGTERM", "done", "released"]
    expect(await ended(script)).toMatchObject({ signal: "SIGTERM", said })
  })

  test("what fails on the way is a warning", async () => {
    const script = start(`${slow}
      closeOnSignals({ before: () => { throw new Error("the server was not listening") } })
      ${ready}`)
    await readyToEnd(script)
    script.child.kill("SIGTERM")
    const { said, signal } = await ended(script)
    expect(signal).toBe("SIGTERM")
    expect(said.join(" ")).toContain("Error: the server was not listening")
    expect(said).toContain("released")
  })

  test("a second signal ends it at once", async () => {
    const script = start(`${slow}
      closeOnSignals({ timeout: "1h", before: () => console.log("closing") })
      void work(60_000)
      ${ready}`)
    await readyToEnd(script)
    script.child.kill("SIGTERM")
    await until(() => script.said.includes("closing"))
    script.child.kill("SIGINT")
    expect(await ended(script)).toMatchObject({ signal: "SIGINT", said: ["ready", "closing"] })
  })

  test("where somebody else listens, the end is theirs", async () => {
    const script = start(`${slow}
      process.on("SIGTERM", () => setTimeout(() => process.exit(7), 400))
      closeOnSignals()
      ${ready}`)
    await readyToEnd(script)
    script.child.kill("SIGTERM")
    expect(await ended(script)).toMatchObject({ code: 7, said: ["ready", "released"] })
  })

  test("taken back, nothing is listened to; and nothing holds a program that is done", async () => {
    useProject()
    const before = process.listenerCount("SIGTERM")
    const undo = closeOnSignals({ signals: ["SIGTERM"] })
    expect(process.listenerCount("SIGTERM")).toBe(before + 1)
    undo()
    expect(process.listenerCount("SIGTERM")).toBe(before)
    const script = start(`closeOnSignals()
      await connection("cats", { type: "sql", url: "sqlite://" }).then((cats) => cats.query("select 1"))`)
    expect(await ended(script)).toEqual({ code: 0, signal: null, said: [""] })
  })
})

describe("closeAll", () => {
  test("has its deadline where an onRelease never ends", async () => {
    useProject()
    await cacheResource(() => ({}), { onRelease: () => new Promise<void>(() => undefined) })()
    await closeAll({ timeout: 0.1 })
  })
})

test("a program whose server is not there ends by itself, with nothing unhandled", async () => {
  const script = start(`
    process.on("unhandledRejection", (reason) => console.log("unhandled", reason))
    const lost = () => new Promise((_, reject) => setTimeout(reject, 1, Object.assign(new Error("refused"), { code: "ECONNREFUSED" })))
    class Down extends BaseConnection {
      _connect() { return lost() }
      ask(options) { return this._use(() => 1, { retry: true, ...options }) }
    }
    const pets = await connection("pets", { type: Down, lazy: true })
    const leaving = new AbortController()
    const left = pets.ask({ signal: leaving.signal }).catch(({ message }) => console.log(message))
    setTimeout(() => leaving.abort(new Error("left")), 150)
    const codes = await Promise.all(Array.from({ length: 20 }, () => pets.ask().catch(({ code }) => code)))
    await left
    console.log(new Set(codes))
    console.log(await pets.isHealthy())`)
  expect(await ended(script)).toEqual({ code: 0, signal: null, said: ["left", "Set(1) { 'ECONNREFUSED' }", "false"] })
}, 40_000)
