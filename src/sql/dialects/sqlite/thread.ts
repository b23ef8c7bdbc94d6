import { setTimeout as sleep } from "node:timers/promises"
import { Worker } from "node:worker_threads"
import type { Reply, WorkerSetup, WorkerStart } from "./protocol.ts"
import type { Listener, Transport } from "./transport.ts"
import { workerUrl } from "./worker-url.ts"

/** How long a worker that has closed its handles may take to end; ms. */
const endGrace = 1_000

/**
 * A worker in a thread of this process, for where there can be no child process. It cannot be stopped between two rows:
 * such a statement runs to its end, and the process waits for it.
 */
export function startThread(setup: WorkerSetup, listener: Listener): Transport {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const start: WorkerStart = { setup, stop: stop.buffer, output: "port" }
  // Flags of this process, such as loaders, are not for the worker, which needs none.
  const worker = new Worker(workerUrl(), { workerData: start, name: "mooring sqlite", execArgv: [] })
  let isOver = false
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()))
  worker.on("message", (reply: Reply) => listener.reply(reply))
  worker.on("error", (error) => !isOver && listener.lost(error))
  worker.on("exit", () => !isOver && listener.lost(undefined))
  return {
    isReused: false,
    send: (message, transfer) => worker.postMessage(message, transfer),
    stop: (id) => Atomics.store(stop, 0, id),
    async kill() {
      isOver = true
      worker.unref()
      void worker.terminate().catch(() => undefined)
    },
    async end() {
      isOver = true
      worker.ref()
      // A worker that ends on its own is not cut off in the middle of V8's own work.
      await Promise.race([ended, sleep(endGrace, undefined, { ref: false })])
      worker.unref()
      await worker.terminate()
    },
    ref: () => worker.ref(),
    unref: () => worker.unref(),
  }
}
