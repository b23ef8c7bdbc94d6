import { type ChildProcess, fork } from "node:child_process"
import { join } from "node:path"
import type { Login, Place } from "./servers.ts"

/** The drivers that Mooring is compared with. */
export type DriverName = "pg" | "postgres" | "mysql2"

/** What {@link DriverAlone} is told. */
export interface DriverOptions extends Login, Place {
  readonly driver: DriverName
  /** Hears the errors of idle connections, where the driver wants it. */
  readonly listens: boolean
  /** The most connections. */
  readonly max: number
}

/** A read, or a question for the connects of the last `since` ms. */
export interface DriverCommand {
  readonly id: number
  readonly sql?: string
  readonly since?: number
}

interface Answer {
  readonly id: number
  readonly error?: string
  readonly connects?: number
  readonly gap?: number
}

/** A driver with its pool in a process of its own: it may hang, spin or die there. */
export class DriverAlone {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>()
  #last = 0
  #ended: Error | undefined

  constructor(options: DriverOptions) {
    const env = { ...process.env, DRIVER_FIXTURE: JSON.stringify(options) }
    const fixture = join(import.meta.dirname, "driver.fixture.ts")
    this.#child = fork(fixture, { env, execArgv: [], stdio: ["ignore", "ignore", "ignore", "ipc"] })
    this.#child.on("message", (answer: Answer) => {
      this.#waiting.get(answer.id)?.resolve(answer)
      this.#waiting.delete(answer.id)
    })
    this.#child.on("exit", () => {
      this.#ended = new Error("The process has ended.")
      for (const { reject } of this.#waiting.values()) reject(this.#ended)
      this.#waiting.clear()
    })
  }

  /** False once the process has ended. */
  get alive(): boolean {
    return this.#ended === undefined
  }

  async read(sql: string): Promise<void> {
    const { error } = await this.#ask({ sql })
    if (error !== undefined) throw new Error(error)
  }

  /** How often it tried to connect in the last `since` ms, and the longest time between two tries; ms. */
  async connects(since: number): Promise<{ connects: number; gap: number }> {
    const { connects = 0, gap = since } = await this.#ask({ since })
    return { connects, gap }
  }

  stop(): void {
    this.#child.kill("SIGKILL")
  }

  #ask(command: Omit<DriverCommand, "id">): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, { resolve, reject })
      this.#child.send({ id, ...command }, (error) => error && reject(error))
    })
  }
}
