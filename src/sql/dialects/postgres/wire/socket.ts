import { Buffer } from "node:buffer"
import { Socket } from "node:net"

/** As much as Node reads at a time by itself. */
const bufferBytes = 65_536

/**
 * A socket that reads into one buffer, again and again. Node's own makes a buffer for each chunk, and V8 collects garbage
 * by the bytes of buffers: collecting those of a large result would take longer than reading it.
 *
 * @param mayReuse whether whoever listens to `data` is done with a chunk at once. Where not, each gets a chunk to keep.
 * @see https://nodejs.org/api/net.html#new-netsocketoptions
 */
export function reusingSocket(mayReuse: () => boolean): Socket {
  const socket: Socket = new Socket({
    onread: {
      buffer: Buffer.allocUnsafeSlow(bufferBytes),
      callback: (size, buffer) => {
        const chunk = (buffer as Buffer).subarray(0, size)
        socket.emit("data", mayReuse() ? chunk : Buffer.from(chunk))
        return true
      },
    },
  })
  return socket
}
