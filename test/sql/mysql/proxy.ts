import { createServer, connect as dial, type Socket } from "node:net"
import { onTestFinished } from "vitest"

/** Cuts what the server sends: how many bytes the next piece has. */
export type Cuts = () => number

/** A relay in front of a server that passes its bytes on in pieces. It goes with the test. */
export async function rechunking(server: { host: string; port: number }, cuts: Cuts): Promise<number> {
  const sockets = new Set<Socket>()
  const relay = createServer((client) => {
    const upstream = dial(server.port, server.host)
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      socket.on("error", () => undefined)
      sockets.add(socket)
    }
    client.pipe(upstream)
    upstream.on("data", (bytes: Buffer) => {
      upstream.pause()
      pass(bytes, client, cuts).then(() => upstream.resume())
    })
    upstream.on("end", () => client.end())
    client.on("close", () => upstream.destroy())
  })
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    relay.close()
  })
  return (relay.address() as { port: number }).port
}

/** A turn of the event loop between two pieces, so that they are read as two. */
async function pass(bytes: Buffer, client: Socket, cuts: Cuts): Promise<void> {
  for (let place = 0; place < bytes.length; ) {
    const size = cuts()
    client.write(bytes.subarray(place, (place += size)))
    await new Promise((resolve) => setImmediate(resolve))
  }
}
