import { onAbort } from "../util/abort.ts"

/** How long an answer to a short statement of our own may take; milliseconds. */
const patience = 5_000

/** The same once the caller does not wait any more; milliseconds. */
const abortedPatience = 200

/**
 * Watches over a short statement of our own: calls `late` when its answer takes too long, which is soon after the caller
 * has stopped waiting. Gives what ends the watch.
 */
export function watchAnswer(signal: AbortSignal, late: () => void): () => void {
  let over = false
  // What came while this process was busy has to be seen first.
  const due = () => setImmediate(() => over || late())
  let timer = setTimeout(due, signal.aborted ? abortedPatience : patience)
  const unlisten = onAbort(signal, () => {
    clearTimeout(timer)
    timer = setTimeout(due, abortedPatience)
  })
  return () => {
    over = true
    clearTimeout(timer)
    unlisten()
  }
}
