import { sleep } from "../../../util/abort.ts"
import type { Client, Pg, WireConfig } from "./driver.ts"

/** When a cancel request is repeated, because one that comes before the statement has begun is lost; milliseconds. */
const repeatAfter = 80

/** What a cancel request is sent to. */
export interface CancelTarget {
  readonly pg: Pg
  readonly host: string
  readonly port: number
  readonly wire: WireConfig
}

/**
 * Asks the server, on a socket of its own, to stop what a connection does. Resolves when the server has closed that
 * socket: then the request was carried out, and cannot hit a later statement. False: it did not get through.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
function requestCancel({ pg, host, port, wire }: CancelTarget, link: CancelledLink, within: number): Promise<boolean> {
  const { processID, secretKey } = link.client
  if (processID === null || secretKey === null) return Promise.resolve(false)
  return new Promise((resolve) => {
    const socket = new pg.Connection(wire)
    // The server answers by hanging up: nothing that it sends is read, least of all by a parser that trusts it.
    socket.attachListeners = () => socket.stream.resume()
    let given = true
    const giveUp = () => {
      given = false
      socket.stream.destroy()
    }
    const timer = setTimeout(giveUp, within)
    // A link that was destroyed needs no request any more.
    link.ended.then(
      () => undefined,
      () => link.isDestroyed && giveUp(),
    )
    const send = () => socket.cancel(processID, secretKey)
    socket.on("connect", () => (wire.ssl ? socket.requestSsl() : send()))
    socket.on("sslconnect", send)
    socket.on("error", giveUp)
    socket.on("end", () => {
      clearTimeout(timer)
      resolve(given)
    })
    if (host.startsWith("/")) socket.connect(`${host}/.s.PGSQL.${port}`)
    else socket.connect(port, host)
  })
}

/** How long a link may be silent once its statement was cancelled, before it is taken for dead; milliseconds. */
const silence = 200

/** How long the server may take to heed a cancel request, if the link lives; milliseconds. */
const patience = 2_000

/** The link whose statement is cancelled. */
export interface CancelledLink {
  readonly client: Client
  /** Settles when the statement has ended. */
  readonly ended: Promise<unknown>
  /** Whether anything came from the server since the request. */
  heard(): boolean
  readonly isDestroyed: boolean
  destroy(): void
}

/** Cancels what runs: again and again, and if it has not ended by then, destroys the link. */
export async function cancelRunning(target: CancelTarget, link: CancelledLink): Promise<void> {
  let running = true
  let answered = false
  const end = link.ended.then(
    () => void (running = false),
    () => void (running = false),
  )
  const deadline = performance.now() + patience
  const timers = [
    // What came while this process was busy has to be seen first.
    setTimeout(() => setImmediate(() => void (running && !answered && !link.heard() && link.destroy())), silence),
    setTimeout(link.destroy, patience),
  ]
  try {
    while (running) {
      const sent = requestCancel(target, link, Math.max(0, deadline - performance.now()))
      await Promise.race([end, sleep(repeatAfter)])
      answered = (await sent) || answered
    }
  } finally {
    timers.forEach(clearTimeout)
  }
}
