import { isMooringError, MooringError, QueryError } from "../../../errors.ts"
import { permissionHint } from "../../../util/permission-model.ts"
import { canHaveChildren, startChild } from "./child.ts"
import {
  type FailureData,
  type Reply,
  type Request,
  readyId,
  type SqliteError,
  type WorkerSetup,
  workerLost,
} from "./protocol.ts"
import { startThread } from "./thread.ts"
import type { Transport } from "./transport.ts"

/** How long an aborted request waits for the worker to stop at its next row, before the worker is killed; ms. */
const grace = 100

/**
 * How long a worker may take to start; ms. Under a limit of threads, Node waits forever in the child for those that it
 * did not get. A start takes some 40 ms.
 */
const startPatience = 8_000

interface Pending {
  readonly id: number
  settle(reply: Reply): void
  fail(error: unknown): void
}

/** The caller's end of a worker: one request at a time. An idle worker does not keep the process alive. */
export class WorkerLink {
  /** The worker ended, or was given up. */
  isLost = false
  #isClosed = false
  private readonly transport: Transport
  #pending: Pending | undefined
  #lastId = readyId

  private constructor(setup: WorkerSetup) {
    const start = canHaveChildren() ? startChild : startThread
    this.transport = start(setup, {
      reply: (reply) => this.#receive(reply),
      lost: (cause) => this.#lose(cause),
    })
  }

  /** Starts a worker; opens nothing yet. */
  static async start(setup: WorkerSetup, signal: AbortSignal): Promise<WorkerLink> {
    for (;;) {
      signal.throwIfAborted()
      let link: WorkerLink | undefined
      try {
        link = new WorkerLink(setup)
        await link.#started(signal)
        return link
      } catch (error) {
        if (signal.aborted) throw signal.reason
        // Each that is kept is taken once, and then there is a new one.
        if (link?.transport.isReused) continue
        throw startError((error as Error).cause ?? error)
      }
    }
  }

  async #started(signal: AbortSignal): Promise<void> {
    const late = Object.assign(new Error(`It was ${notReady}.`), { code: notReady })
    const timer = setTimeout(() => void this.kill(late), startPatience)
    try {
      await this.#wait(readyId, signal, () => void this.kill(signal.reason))
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Sends a request and waits for its reply. On abort it rejects with the signal's reason: a statement that does not stop
   * at a row within the grace is ended together with its worker, and the link is lost.
   */
  request(request: Request, signal?: AbortSignal, transfer?: ArrayBuffer[]): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (this.isLost) return Promise.reject(this.#isClosed ? closedError() : lostError(undefined))
    if (this.#pending) return Promise.reject(new Error("This SQLite connection already runs a statement."))
    const id = ++this.#lastId
    let timer: NodeJS.Timeout | undefined
    const reply = this.#wait(id, signal, () => {
      this.transport.stop(id)
      timer = setTimeout(() => void this.kill(signal!.reason), grace)
    })
    this.transport.send({ id, request }, transfer)
    return reply.finally(() => clearTimeout(timer))
  }

  /** Closes the handles and ends the worker; a request that still runs is rejected, and its worker killed. */
  async close(): Promise<void> {
    if (this.isLost) return
    this.#isClosed = true
    if (this.#pending) return this.kill(closedError())
    // Handles that are closed in order leave no write-ahead log behind.
    const closed = await this.request({ type: "close" }).then(
      () => true,
      () => false,
    )
    if (this.isLost) return
    this.isLost = true
    await (closed ? this.transport.end() : this.transport.kill())
  }

  #wait(id: number, signal: AbortSignal | undefined, onAbort: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        signal?.removeEventListener("abort", onAbort)
        this.#pending = undefined
        this.transport.unref()
      }
      this.#pending = {
        id,
        settle: (reply) => {
          finish()
          if ("value" in reply) resolve(reply.value)
          else reject(signal?.aborted ? signal.reason : toError(reply.failure))
        },
        fail: (error) => {
          finish()
          reject(error)
        },
      }
      signal?.addEventListener("abort", onAbort, { once: true })
      this.transport.ref()
    })
  }

  /** Ends the worker, whatever it does; a request that runs is rejected with the reason. What it had not committed is rolled back when the file is next opened. */
  async kill(reason: unknown): Promise<void> {
    this.isLost = true
    const pending = this.#pending
    await this.transport.kill()
    // From here on nothing of the statement runs any more.
    if (this.#pending === pending) pending?.fail(reason)
  }

  #receive(reply: Reply): void {
    if (this.#pending?.id === reply.id) this.#pending.settle(reply)
  }

  #lose(cause: unknown): void {
    this.isLost = true
    this.#pending?.fail(isMooringError(cause) ? cause : lostError(cause))
  }
}

/** The system has no more files, processes or memory. */
const notReady = `not ready within ${startPatience / 1000} s`
const exhausted: readonly unknown[] = ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM", "ERR_WORKER_INIT_FAILED", notReady]

function startError(cause: unknown): MooringError {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException
  // Node itself ends with a signal where it gets no memory or no thread.
  if (exhausted.includes(code) || /^SIG/.test(String(code))) {
    return new MooringError("CONNECT", `SQLite's worker process could not be started (${code}).`, {
      hint: "Each connection has one: lower pool_size and max_overflow, or raise the limits of processes, threads and open files.",
      cause,
    })
  }
  const isMissing = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND"
  const denied = permissionHint(cause)
  if (denied !== undefined) {
    return new MooringError("CONNECT", "SQLite's worker could not be started.", { hint: denied, cause })
  }
  return new MooringError("UNSUPPORTED", "SQLite's worker process could not be started.", {
    hint: isMissing
      ? 'A bundler has left the worker\'s file behind: keep "mooring" out of the bundle (external packages).'
      : "Mooring reads SQLite with node:sqlite in a process of its own, which Node 22.16 or newer has.",
    cause,
  })
}

/** For a statement that was running, or a stream that was being read. */
export function closedError(): MooringError {
  return new MooringError("ABORTED", "The connection was closed while a statement ran.")
}

function lostError(cause: unknown): Error {
  const why = cause instanceof Error ? ` (${cause.message})` : ""
  return Object.assign(new Error(`The worker of this SQLite connection has ended${why}.`, { cause }), {
    code: workerLost,
  })
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
