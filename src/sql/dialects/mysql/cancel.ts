import type { Connection } from "./driver.ts"

/** How long a statement may take to end by itself before it is cancelled: most of what is given up is nearly over. */
const grace = 10

/** When KILL QUERY is repeated, because one that comes before the statement has begun is lost; milliseconds. */
const repeatAfter = 80

/** How long a link may be silent once its statement was cancelled, before it is taken for dead; milliseconds. */
const silence = 200

/** How long the server may take to heed KILL QUERY, if the link lives; milliseconds. */
const patience = 2_000

/** The link whose statement is cancelled. */
export interface CancelledLink {
  readonly threadId: number | null
  /** Settles when the statement has ended. */
  readonly ended: Promise<unknown>
  /** Whether anything came from the server since the request. */
  heard(): boolean
  destroy(): void
}

/** Opens a connection of the same user that the server is asked by. */
export type OpenAside = (started: (connection: Connection) => void) => Promise<Connection>

/**
 * Has the server stop what a connection does, by KILL QUERY on a connection of its own; if it does not stop, destroys the
 * link. Resolves when no request is under way: with true if there was one, which may have come too late.
 */
export async function cancelRunning(open: OpenAside, link: CancelledLink): Promise<boolean> {
  let running = true
  const end = () => {
    running = false
  }
  const ended = link.ended.then(end, end)
  await within(grace, ended)
  if (!running) return false
  let aside: Connection | undefined
  let isDestroyed = false
  const destroy = () => {
    isDestroyed = true
    link.destroy()
  }
  const isAlive = () => link.heard() || (aside?.stream.bytesRead ?? 0) > 0
  const timers = [
    // What came while this process was busy has to be seen first.
    setTimeout(() => setImmediate(() => void (running && !isAlive() && destroy())), silence),
    setTimeout(() => void (running && destroy()), patience),
    setTimeout(() => aside?.stream.destroy(), patience),
  ]
  try {
    const killer = await open((connection) => {
      aside = connection
    })
    // Also for a link that was destroyed meanwhile: the server would work on, and notice only when it writes.
    while (running || isDestroyed) {
      await Promise.all([killQuery(killer, link.threadId), within(repeatAfter, ended)])
      isDestroyed = false
    }
    return true
  } catch {
    // The server lets nobody else in: what runs is ended by ending its link.
    if (running) destroy()
    await ended
    return false
  } finally {
    timers.forEach(clearTimeout)
    leave(aside)
  }
}

/** Waits for a promise, but not for longer. */
async function within(milliseconds: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}

function killQuery(killer: Connection, threadId: number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    killer.query({ sql: `KILL QUERY ${Number(threadId)}` }, (error) => {
      // Told that there is no such thread, the server has ended it by itself.
      if (error && (error as { errno?: unknown }).errno !== 1094) reject(error)
      else resolve()
    })
  })
}

/** Says goodbye, and does not wait for an answer. */
function leave(connection: Connection | undefined): void {
  if (connection === undefined) return
  connection.end()
  const timer = setTimeout(() => connection.stream.destroy(), silence)
  timer.unref()
  connection.stream.unref()
  connection.stream.once("close", () => clearTimeout(timer))
}
