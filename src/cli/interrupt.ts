import { constants } from "node:os"
import { printNote } from "./print.ts"

type SignalName = "SIGINT" | "SIGTERM"

/** Somebody pressed Ctrl-C, or the system asks the process to end. */
export class Interrupted extends Error {
  readonly signal: SignalName
  readonly exitCode: number

  constructor(signal: SignalName) {
    super("Cancelled.")
    this.signal = signal
    // What shells report of a process that a signal ended.
    this.exitCode = 128 + constants.signals[signal]
  }
}

const controller = new AbortController()

/** Aborts at the first Ctrl-C. Commands hand it to everything that takes time. */
export const interrupted: AbortSignal = controller.signal

/** The first signal cancels what runs, at the database too; the second ends the process at once. */
export function listenForInterrupts(): void {
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) endBySignal(name)
      controller.abort(new Interrupted(name))
      if (name === "SIGINT") printNote("Cancelling. Ctrl-C again quits at once.")
    })
  }
}

/** Ends the process: a timer or socket that a connection left does not hold up the shell. */
export function endProcess(): void {
  setTimeout(() => process.exit(), 1000).unref()
}

/** Without a listener, a signal does what it does to every program. */
function endBySignal(name: SignalName): void {
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}
