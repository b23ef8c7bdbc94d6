import { createServer, type Server, type Socket } from "node:net"
import { onTestFinished } from "vitest"

/** One message of the server's. */
export function message(code: string, body: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(5)
  header.write(code, "latin1")
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** A DataRow; null is NULL. */
export function dataRow(fields: readonly (Buffer | null)[]): Buffer {
  const parts = fields.map((field) => (field === null ? int32(-1) : Buffer.concat([int32(field.length), field])))
  return message("D", Buffer.concat([int16(fields.length), ...parts]))
}

/** A RowDescription of columns by name and type. */
export function rowDescription(columns: readonly (readonly [name: string, typeId: number])[]): Buffer {
  const parts = columns.map(([name, typeId]) =>
    Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(typeId), int16(8), int32(-1), int16(0)]),
  )
  return message("T", Buffer.concat([int16(columns.length), ...parts]))
}

export const parameterDescription: Buffer = message("t", int16(0))
export const parseComplete: Buffer = message("1")
export const bindComplete: Buffer = message("2")
export const ready: Buffer = message("Z", Buffer.from("I"))
export const tag = (text: string): Buffer => message("C", Buffer.from(`${text}\0`))

/**
 * A server that lets everybody in and then answers by the script: once a write ends with Flush or Sync, the next entry is
 * sent. Behind the last one it hangs up, and when nothing comes for a while.
 */
export async function scriptedServer(script: () => readonly Buffer[]): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.setTimeout(100, () => socket.end())
    socket.on("close", () => sockets.delete(socket))
    let started = false
    const answers = [...script()]
    socket.on("data", (data) => {
      if (!started && data.readInt32BE(4) === 80_877_103) return void socket.write("N")
      if (!started) {
        started = true
        const key = message("K", Buffer.concat([int32(1), int32(2)]))
        const encoding = message("S", Buffer.from("client_encoding\0UTF8\0"))
        return void socket.write(Buffer.concat([message("R", int32(0)), encoding, key, ready]))
      }
      const code = data[data.length - 5]
      if (code !== 0x53 && code !== 0x48) return
      const answer = answers.shift()
      if (answer !== undefined) socket.write(answer)
      if (answers.length === 0) socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as { port: number }).port
}
