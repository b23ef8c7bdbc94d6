import { setTimeout as sleep } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import { MooringError, QueryError } from "../../../errors.ts"
import {
  type FailureData,
  type Reply,
  type Request,
  type Send,
  type SqliteError,
  type WorkerSetup,
  workerLost,
} from "./protocol.ts"
import { workerUrl } from "./worker-url.ts"

/** How long an aborted request waits for the worker to stop at its next row, before the worker is given up; ms. */
const grace = 100

/** How long a worker that has closed its handles may take to end by itself; ms. */
const endGrace = 1_000

interface Pending {
  readonly id: number
  settle(reply: Reply): void
  fail(error: unknown): void
}

/** The calling thread's end of a worker: one request at a time. An idle worker does not keep the process alive. */
export class WorkerLink {
  /** The worker ended, or runs a statement that nobody waits for any more. */
  isLost = false
  private readonly worker: Worker
  private readonly stop: Int32Array
  private pending: Pending | undefined
  private lastId = 0

  private constructor(worker: Worker, stop: SharedArrayBuffer) {
    this.worker = worker
    this.stop = new Int32Array(stop)
  }

  /** Starts a worker; opens nothing yet. */
  static async start(setup: Omit<WorkerSetup, "stop">, signal: AbortSignal): Promise<WorkerLink> {
    signal.throwIfAborted()
    const stop = new SharedArrayBuffer(4)
    const worker = startWorker({ ...setup, stop })
    const link = new WorkerLink(worker, stop)
    try {
      await ready(worker, signal)
    } catch (error) {
      link.giveUp()
      throw error
    }
    worker.on("message", (reply: Reply) => link.receive(reply))
    worker.on("error", (error) => link.lose(error))
    worker.on("exit", () => link.lose(undefined))
    worker.unref()
    return link
  }

  /**
   * Sends a request and waits for its reply. On abort it rejects with the signal's reason, at the latest when the grace
   * is over: a statement that has not stopped by then leaves the link lost.
   */
  request(request: Request, signal?: AbortSignal, transfer?: ArrayBuffer[]): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.isLost) return Promise.reject(lostError(undefined))
    if (this.pending) return Promise.reject(new Error("This SQLite connection already runs a statement."))
    const id = ++this.lastId
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const abort = () => {
        Atomics.store(this.stop, 0, id)
        timer = setTimeout(() => {
          this.giveUp()
          finish()
          reject(signal!.reason)
        }, grace)
      }
      const finish = () => {
        clearTimeout(timer)
        signal?.removeEventListener("abort", abort)
        this.pending = undefined
        this.worker.unref()
      }
      this.pending = {
        id,
        settle: (reply) => {
          finish()
          if ("value" in reply) resolve(reply.value)
          else reject(signal?.aborted ? signal.reason : toError(reply.failure))
        },
        fail: (error) => {
          finish()
          reject(signal?.aborted ? signal.reason : error)
        },
      }
      signal?.addEventListener("abort", abort, { once: true })
      this.worker.ref()
      this.worker.postMessage({ id, request } satisfies Send, transfer)
    })
  }

  /** Closes the handles and ends the worker; a request that still runs is rejected now, and its worker given up. */
  async close(): Promise<void> {
    if (this.isLost) return
    if (this.pending) {
      this.pending.fail(new MooringError("ABORTED", "The connection was closed while a statement was running."))
      this.giveUp()
      return
    }
    // Handles that are closed in order leave no write-ahead log behind, and a worker that ends by itself is not cut off
    // in the middle of V8's own work.
    const ended = new Promise<void>((resolve) => this.worker.once("exit", () => resolve()))
    await this.request({ type: "close" }).catch(() => undefined)
    this.isLost = true
    this.worker.ref()
    await Promise.race([ended, sleep(endGrace, undefined, { ref: false })])
    this.worker.unref()
    await this.worker.terminate()
  }

  /**
   * Ends the worker without waiting: a statement that runs now ends first, since `node:sqlite` cannot interrupt it.
   * What it had not committed is rolled back.
   */
  giveUp(): void {
    this.isLost = true
    this.worker.unref()
    void this.worker.terminate().catch(() => undefined)
  }

  private receive(reply: Reply): void {
    if (this.pending?.id === reply.id) this.pending.settle(reply)
  }

  private lose(cause: unknown): void {
    this.isLost = true
    this.pending?.fail(lostError(cause))
  }
}

function startWorker(setup: WorkerSetup): Worker {
  // Flags of this process, such as loaders, are not for the worker, which needs none.
  const options = { workerData: setup, name: "mooring sqlite", execArgv: [] }
  return new Worker(workerUrl(), options)
}

function ready(worker: Worker, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = () => {
      worker.off("message", start)
      worker.off("error", fail)
      // A worker that is ended while it starts may still have an error to tell, which nobody needs to hear.
      worker.on("error", () => undefined)
      signal.removeEventListener("abort", abort)
    }
    const start = () => {
      finish()
      resolve()
    }
    const fail = (cause: Error) => {
      finish()
      reject(startError(cause))
    }
    const abort = () => {
      finish()
      reject(signal.reason)
    }
    signal.addEventListener("abort", abort, { once: true })
    worker.on("message", start)
    worker.on("error", fail)
  })
}

function startError(cause: Error & { code?: string }): MooringError {
  const isMissing = cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND"
  return new MooringError("UNSUPPORTED", "SQLite's worker thread could not be started.", {
    hint: isMissing
      ? 'A bundler has left the worker\'s file behind: keep "mooring" out of the bundle (external packages).'
      : "Mooring reads SQLite with node:sqlite in worker threads, which Node 22.16 or newer has.",
    cause,
  })
}

function lostError(cause: unknown): Error {
  const why = cause instanceof Error ? ` (${cause.message})` : ""
  return Object.assign(new Error(`The worker thread of this SQLite connection has ended${why}.`), { code: workerLost })
}

function toError(failure: FailureData): Error {
  if (!failure.mooring) {
    const { message, mooring: _, ...details } = failure
    return Object.assign(new Error(message), details) satisfies SqliteError
  }
  const details = failure.hint === undefined ? {} : { hint: failure.hint }
  if (failure.code === "QUERY") return new QueryError(failure.message, { ...details, kind: failure.kind ?? "other" })
  return new MooringError(failure.code, failure.message, details)
}
