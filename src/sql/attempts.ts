import { sleep } from "../util/abort.ts"
import { traced } from "../util/tracing.ts"
import type { Dialect, Failure, Statement } from "./dialect.ts"
import { actionOf, toQueryError } from "./query-error.ts"

/** How a statement is tried. */
export interface AttemptHost {
  readonly connection: string
  readonly dialect: Dialect
  /** Tries again after a broken connection or one that is not ready, as long as `may` allows it. */
  retry<T>(attempt: () => Promise<T>, signal: AbortSignal, may: () => boolean): Promise<T>
}

/**
 * Tries a statement as often as it may be, tells the channel, and gives its failure as one of ours.
 *
 * @param repeatable true for what only reads: it may be run again although it reached the database.
 * @param attempt calls `send` before the statement can reach the database.
 * @param until when what the attempt began has ended, for the channel.
 */
export function attempting<T>(
  { connection, dialect, retry }: AttemptHost,
  statement: Statement,
  { repeatable, signal }: { repeatable: boolean; signal: AbortSignal },
  attempt: (send: () => void) => Promise<T>,
  until?: (result: T) => Promise<void>,
): Promise<T> {
  const event = () => ({ connection, dialect: dialect.name, sql: statement.text })
  const work = () => {
    let attempts = 0
    let sent = false
    const once = () => {
      attempts++
      sent = false
      return attempt(() => {
        sent = true
      })
    }
    const attempted = repeatable ? () => rerunning(once, dialect, signal) : once
    return retry(attempted, signal, () => repeatable || !sent).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason
      const outcome = !sent ? "notRun" : outcomeOf(actionOf(error, dialect), repeatable)
      throw toQueryError(error, dialect, { connection, attempts, outcome, statement })
    })
  }
  return traced("query", event, work, until)
}

/** How often a statement that reads is run at most, where others got in its way. */
const mostRuns = 3

/** The wait before the second run; it doubles from there. Milliseconds. */
const firstWait = 50

/**
 * A read that the database gave up for the sake of something else runs again: one that recovery cancels on a standby, or
 * the victim of a deadlock.
 */
async function rerunning<T>(run: () => Promise<T>, dialect: Dialect, signal: AbortSignal): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await run()
    } catch (error) {
      if (number === mostRuns || signal.aborted || actionOf(error, dialect) !== "rerun") throw error
      await sleep(firstWait * 2 ** (number - 1) * (0.5 + Math.random()), signal)
    }
  }
}

/** What only reads takes no effect; anything else may have, if the link broke before the answer. */
function outcomeOf(action: Failure["action"], repeatable: boolean): "failed" | "unknown" {
  return action === "lost" && !repeatable ? "unknown" : "failed"
}
