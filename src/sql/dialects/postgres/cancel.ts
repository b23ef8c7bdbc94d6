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
 * socket: then the request was carried out, and cannot hit a later statement.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
function requestCancel({ pg, host, port, wire }: CancelTarget, client: Client, within: number): Promise<void> {
  const { processID, secretKey } = client
  if (processID === null || secretKey === null) return Promise.resolve()
  return new Promise((resolve) => {
    const socket = new pg.Connection(wire)
    const timer = setTimeout(() => socket.stream.destroy(), within)
    const send = () => socket.cancel(processID, secretKey)
    socket.on("connect", () => (wire.ssl ? socket.requestSsl() : send()))
    socket.on("sslconnect", send)
    // A request that does not get through is repeated, or the connection destroyed.
    socket.on("error", () => socket.stream.destroy())
    socket.on("end", () => {
      clearTimeout(timer)
      resolve()
    })
    if (host.startsWith("/")) socket.connect(`${host}/.s.PGSQL.${port}`)
    else socket.connect(port, host)
  })
}

/**
 * Cancels what runs: again and again, and if it has not ended by then, destroys the link.
 *
 * @param ended settles when the statement has ended.
 * @param patience milliseconds until the link is destroyed.
 */
export async function cancelRunning(
  target: CancelTarget,
  client: Client,
  ended: Promise<unknown>,
  options: { patience: number; destroy(): void },
): Promise<void> {
  let running = true
  const end = ended.then(
    () => void (running = false),
    () => void (running = false),
  )
  const deadline = performance.now() + options.patience
  const timer = setTimeout(options.destroy, options.patience)
  try {
    while (running) {
      const sent = requestCancel(target, client, deadline - performance.now())
      await Promise.race([end, new Promise<void>((resolve) => setTimeout(resolve, repeatAfter))])
      await sent
    }
  } finally {
    clearTimeout(timer)
  }
}
