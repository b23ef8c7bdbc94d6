import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import { expect, onTestFinished, test } from "vitest"
import { FaultProxy } from "./fault-proxy.ts"
import { pause, until } from "./waiting.ts"

/** A server that sends back what it gets, behind a proxy. */
async function echo(): Promise<{ proxy: FaultProxy; heard: () => number; errors: string[] }> {
  let heard = 0
  const errors: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on("error", (error) => errors.push((error as NodeJS.ErrnoException).code!))
    socket.on("data", (data) => {
      heard += data.length
      socket.write(data)
    })
    socket.on("end", () => socket.end())
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const proxy = await FaultProxy.start({ host: "127.0.0.1", port: (server.address() as { port: number }).port })
  onTestFinished(async () => {
    await proxy.stop()
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { proxy, heard: () => heard, errors }
}

interface Client {
  readonly socket: Socket
  readonly got: () => number
  /** How it ended: `end`, a code of an error, or nothing yet. */
  readonly ended: () => string | undefined
}

async function client(proxy: FaultProxy): Promise<Client> {
  const socket = connect(proxy.address)
  let [got, ended]: [number, string | undefined] = [0, undefined]
  socket.on("data", (data) => (got += data.length))
  socket.on("end", () => (ended ??= "end"))
  socket.on("error", (error) => (ended ??= (error as NodeJS.ErrnoException).code))
  onTestFinished(() => void socket.destroy())
  await Promise.race([once(socket, "connect"), once(socket, "error")]).catch(() => undefined)
  return { socket, got: () => got, ended: () => ended }
}

test("passes bytes on, both ways, and counts them and those who connect", async () => {
  const { proxy } = await echo()
  const before = performance.now()
  const [one, two] = [await client(proxy), await client(proxy)]
  one.socket.write(Buffer.alloc(300_000))
  two.socket.write("hello")
  await until(() => one.got() === 300_000 && two.got() === 5)
  expect(proxy.bytes).toEqual({ toServer: 300_005, toClient: 300_005 })
  expect(proxy.connects).toHaveLength(2)
  expect(proxy.connects[0]).toBeGreaterThanOrEqual(before)
  expect(proxy.links.size).toBe(2)
  await until(() => proxy.mostLinks === 2)
  one.socket.end()
  await until(() => one.ended() === "end" && proxy.links.size === 1)
  expect(proxy.mostLinks).toBe(2)
})

test("RST and FIN reach both sides as what they are", async () => {
  const { proxy, errors } = await echo()
  const [one, two] = [await client(proxy), await client(proxy)]
  for (const { socket } of [one, two]) socket.write("x")
  await until(() => one.got() + two.got() === 2)
  const [first, second] = [...proxy.links]
  first!.close("reset")
  second!.close("end")
  await until(() => one.ended() !== undefined && two.ended() !== undefined)
  expect([one.ended(), two.ended()]).toEqual(["ECONNRESET", "end"])
  await until(() => errors.length === 1 && proxy.links.size === 0)
  expect(errors).toEqual(["ECONNRESET"])
})

test.each([
  ["toServer", [0, 0]],
  ["toClient", [4, 0]],
  ["both", [0, 0]],
] as const)("swallows bytes %s, and the link stays", async (swallow, [reached, returned]) => {
  const { proxy, heard } = await echo()
  const one = await client(proxy)
  proxy.fault({ swallow })
  one.socket.write("1234")
  await until(() => heard() === reached)
  await pause(50)
  expect([heard(), one.got(), one.ended()]).toEqual([reached, returned, undefined])
  proxy.fault({})
  one.socket.write("56")
  await until(() => one.got() === 2)
})

test.each(["toServer", "toClient"] as const)("cuts after exactly so many bytes %s", async (direction) => {
  const { proxy, heard } = await echo()
  for (const after of [0, 1, 2, 7, 8]) {
    for (const how of ["reset", "end"] as const) {
      const before = heard()
      proxy.fault({ cut: { direction, after, how } })
      const one = await client(proxy)
      one.socket.write("12345678")
      await until(() => one.ended() !== undefined)
      await until(() => heard() - before === (direction === "toServer" ? after : 8))
      if (direction === "toClient") expect(one.got()).toBe(after)
      expect(one.ended()).toBe(how === "end" ? "end" : "ECONNRESET")
    }
  }
})

test("holds pieces back, and lets through no more than so many bytes a second", async () => {
  const { proxy } = await echo()
  const one = await client(proxy)
  const timed = async (text: string) => {
    const [start, wanted] = [performance.now(), one.got() + text.length]
    one.socket.write(text)
    await until(() => one.got() === wanted)
    return performance.now() - start
  }
  proxy.fault({ delay: 100 })
  expect(await timed("x")).toBeGreaterThanOrEqual(190)
  proxy.fault({ rate: 1_000 })
  one.socket.write("1".repeat(200))
  await pause(20)
  expect(await timed("x")).toBeGreaterThanOrEqual(150)
})

test("refuses, or accepts and hangs up, until it serves again", async () => {
  const { proxy } = await echo()
  const open = await client(proxy)
  await proxy.welcome("refuse")
  expect((await client(proxy)).ended()).toBe("ECONNREFUSED")
  expect(proxy.connects).toHaveLength(1)
  await proxy.welcome("close")
  const closed = await client(proxy)
  await until(() => closed.ended() !== undefined)
  expect(proxy.connects).toHaveLength(2)
  await proxy.welcome("serve")
  const served = await client(proxy)
  for (const { socket } of [open, served]) socket.write("x")
  await until(() => open.got() === 1 && served.got() === 1)
})

test("faults may differ from link to link", async () => {
  const { proxy } = await echo()
  proxy.plan((link) => (link === 1 ? { swallow: "both" } : {}))
  const clients = [await client(proxy), await client(proxy), await client(proxy)]
  for (const { socket } of clients) socket.write("x")
  await until(() => clients[0]!.got() + clients[2]!.got() === 2)
  await pause(20)
  expect(clients[1]!.got()).toBe(0)
})
