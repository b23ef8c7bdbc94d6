import { constants } from "node:os"
import { printNote } from "./print.ts"

/** Somebody pressed Ctrl-C, or the system asks the process to end. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: keyof typeof constants.signals) {
    super("Cancelled.")
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
      const reason = new Interrupted(name)
      if (controller.signal.aborted) process.exit(reason.exitCode)
      controller.abort(reason)
      if (name === "SIGINT") printNote("Cancelling. Ctrl-C again quits at once.")
    })
  }
}
