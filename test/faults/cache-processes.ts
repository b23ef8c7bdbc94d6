import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

const script = fileURLToPath(new URL("./cache-process.fixture.ts", import.meta.url))

/** Who answered the calls of one task: process ids, or errors. */
type By = readonly (number | string)[]

/** A process that reads through a shared cache. */
export class CacheProcess {
  readonly #child: ChildProcess
  readonly #waiting = new Map<string, (by: By) => void>()

  constructor(child: ChildProcess) {
    this.#child = child
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (line === "ready") return
      const { id, by } = JSON.parse(line) as { id: string; by: By }
      this.#waiting.get(id)?.(by)
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** So many equal calls at once. Never settles in a process that was killed. */
  read(id: string, calls = 1): Promise<By> {
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.stdin!.write(`${JSON.stringify({ id, calls })}\n`)
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/** Processes that share a cache, and the log of their executions. They end with the test. */
export async function cacheProcesses(
  count: number,
  { url, lease, takes }: { url: string; lease: number; takes: number },
) {
  const folder = mkdtempSync(join(tmpdir(), "mooring-cache-"))
  const log = join(folder, "executions")
  writeFileSync(log, "")
  const prefix = `${folder}:`
  const args = ["--experimental-strip-types", script, url, prefix, String(lease), log, String(takes)]
  const env = { ...process.env, NODE_NO_WARNINGS: "1" }
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"], env }),
  )
  onTestFinished(() => {
    for (const child of children) child.kill("SIGKILL")
    rmSync(folder, { recursive: true, force: true })
  })
  const processes = children.map((child) => new CacheProcess(child))
  await Promise.all(children.map((child) => once(child.stdout!, "data")))
  /** The processes that executed a task, in order. */
  const executors = (id: string): number[] =>
    readFileSync(log, "utf8")
      .split("\n")
      .map((line) => line.split(" "))
      .filter(([task]) => task === id)
      .map(([, pid]) => Number(pid))
  return { processes, executors, prefix }
}
