import { never } from "../../../util/abort.ts"
import type { Connection } from "./driver.ts"

/** How long a server may take to hang up; milliseconds. */
const closePatience = 1_000

/** Gives `mysql2` one of its commands without rows: a ping, a reset. */
export type ShortCommand = (answered: (error?: Error | null) => void) => unknown

/**
 * Runs one of `mysql2`'s short commands.
 *
 * @param destroy ends the link when `signal` aborts: there is no way to take such a command back.
 */
export async function tell(
  link: Connection,
  send: ShortCommand,
  destroy: (error: Error) => void,
  signal: AbortSignal = never,
): Promise<void> {
  signal.throwIfAborted()
  const { stream } = link
  const abort = () => destroy(new Error("No answer to a short command."))
  signal.addEventListener("abort", abort, { once: true })
  stream.ref()
  try {
    await new Promise<void>((resolve, reject) => {
      // `mysql2` tells nobody when a link closes that it was about to close.
      const hangUp = () => reject(connectionLost())
      stream.once("close", hangUp)
      send((error) => {
        stream.off("close", hangUp)
        if (error) reject(error)
        else resolve()
      })
    })
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener("abort", abort)
    stream.unref()
  }
}

/** Ends a session and its link. */
export async function hangUp(link: Connection): Promise<void> {
  const { stream } = link
  if (stream.destroyed) return
  // A link that swallows everything would never say that it is closed.
  const timer = setTimeout(() => stream.destroy(), closePatience)
  stream.ref()
  await new Promise<void>((resolve) => {
    stream.once("close", resolve)
    link.end()
  })
  clearTimeout(timer)
}

/** The error of a link that ended without one. */
export function connectionLost(): Error {
  return Object.assign(new Error("The server closed the connection."), { code: "PROTOCOL_CONNECTION_LOST" })
}
