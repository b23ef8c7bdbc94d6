import { createServer, type Socket } from "node:net"
import { onTestFinished } from "vitest"

/** A server on a loopback port that does with its clients whatever `serve` does. Goes with the test. */
export async function rawServer(serve: (socket: Socket, count: number) => void): Promise<number> {
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => sockets.delete(socket))
    serve(socket, ++count)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}
