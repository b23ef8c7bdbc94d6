import { currentEnvironment } from "./core/index.ts"
import { settledWithin } from "./util/abort.ts"
import { type Duration, toMilliseconds } from "./util/duration.ts"

/** A signal that asks a process to end. */
export type EndSignal = "SIGBREAK" | "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGTERM" | "SIGUSR2"

/** How {@link closeOnSignals} goes about it. */
export interface CloseOnSignalsOptions {
  /** Default: `SIGTERM` and `SIGINT`. */
  readonly signals?: readonly EndSignal[]
  /** How long all of it may take before the rest is cut off; default 10 s. */
  readonly timeout?: Duration
  /** What comes first, while connections still work: stop the server that takes requests, and wait for those it has. */
  readonly before?: (signal: EndSignal) => unknown
}

/**
 * On the first SIGTERM or SIGINT, closes all connections as `closeAll()` does (statements under way are finished, others
 * refused) and then lets the signal end the process, with the exit code that it has without a listener. A second signal
 * ends it at once.
 *
 * Where somebody else listens to the signal too, the process is left to them after the closing. Nothing is listened to
 * until this is called: a library does not know when a program wants to end.
 *
 * @returns a function that takes the listeners off.
 * @example closeOnSignals({ timeout: "8s", before: () => new Promise((closed) => server.close(closed)) })
 * @see https://nodejs.org/api/process.html#signal-events
 */
export function closeOnSignals(options: CloseOnSignalsOptions = {}): () => void {
  const { signals = ["SIGTERM", "SIGINT"], timeout = "10s", before } = options
  const wait = toMilliseconds(timeout, "timeout")
  const environment = currentEnvironment()
  let closing = false
  const listen = (signal: EndSignal) => {
    if (closing) return endNow(signal)
    closing = true
    void close(signal).finally(() => {
      undo()
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
    })
  }
  const close = async (signal: EndSignal): Promise<void> => {
    const end = performance.now() + wait
    await settledWithin(
      wait,
      attempt(async () => before?.(signal)),
    )
    await attempt(() => environment.closeAll(Math.max(0, end - performance.now())))
    // Warnings are written in a later turn than the one that they are made in.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const undo = () => {
    for (const signal of signals) process.off(signal, listen)
  }
  for (const signal of signals) process.on(signal, listen)
  return undo
}

/** What fails on the way is told, and does not keep the rest from being closed. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error))
  }
}

/** Not by `process.exit()`, which waits for threads: one of them may be in the middle of a long statement. */
function endNow(signal: EndSignal): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
