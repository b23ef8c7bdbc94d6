import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Orders, Progress, Ready, Report } from "./messages.ts"

/** How long a worker may take to finish what it has begun, and to end by itself; milliseconds. */
const patience = 60_000

/** A process under load, as it is seen from here. */
export class Child {
  done = 0
  readonly worker: number
  readonly megabytes: number[] = []
  /** Resolves when its work begins, or it has ended. */
  readonly ready: Promise<void>
  /** Resolves when it has ended. */
  readonly gone: Promise<void>
  readonly #broken: string[]
  readonly #process: ChildProcess
  #report: Report | undefined
  #finishing = false

  constructor(orders: Orders, broken: string[]) {
    const { worker } = orders
    this.worker = worker
    this.#broken = broken
    this.#process = fork(join(import.meta.dirname, "load.ts"), { execArgv: ["--expose-gc"] })
    const { promise, resolve: begin } = Promise.withResolvers<void>()
    this.#process.on("message", (message: Ready | Progress | Report) => {
      if (message.type === "ready") begin()
      else if (message.type === "report") this.#report = message
      else {
        this.done = message.done
        this.megabytes.push(message.megabytes)
      }
    })
    this.gone = new Promise((resolve) => {
      this.#process.once("exit", (code, signal) => {
        if (code !== 0 || !this.#finishing) broken.push(`Process ${worker} ended with ${signal ?? `code ${code}`}.`)
        resolve()
      })
    })
    this.ready = Promise.race([promise, this.gone])
    this.#process.send(orders)
  }

  /** Has it stop; it must end by itself. */
  async finish(): Promise<Report> {
    this.#finishing = true
    if (this.#process.connected) this.#process.send("stop")
    const late = setTimeout(() => {
      this.#broken.push(`Process ${this.worker} did not end by itself.`)
      this.#process.kill("SIGKILL")
    }, patience)
    await this.gone
    clearTimeout(late)
    return this.#report ?? { type: "report", work: {}, errors: {}, told: {}, violations: ["There is no report."] }
  }
}
