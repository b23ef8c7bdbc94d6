import { createServer, type Server, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { onTestFinished } from "vitest"

/** A server of pets on a real port: one line in, one line out, as JSON. */
export interface PetsServer {
  readonly port: number
  /** Connections that were ever made. */
  readonly connects: number
  /** Connections that are open now. */
  readonly open: number
  /** Requests that were answered or refused, logins apart. */
  readonly requests: readonly string[]
  /** Logins with another token are refused. */
  token: string
  /** Milliseconds before each answer to a login. */
  loginDelay: number
  /** Takes requests and never answers while true. */
  silent: boolean
  readonly owners: Map<string, string>
  /** Breaks every open connection with a TCP reset. */
  breakAll(): void
  /** Refuses connections until `resume()`. */
  refuse(): Promise<void>
  resume(): Promise<void>
}

/** Starts a server that ends with the test. */
export async function startPetsServer(): Promise<PetsServer> {
  const sockets = new Set<Socket>()
  const requests: string[] = []
  let connects = 0
  const server = createServer((socket) => {
    connects++
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    socket.on("error", () => undefined)
    const lines = createInterface({ input: socket })
    lines.on("error", () => undefined)
    lines.on("line", (line) => answer(socket, line))
  })
  function answer(socket: Socket, line: string): void {
    const [id, verb, ...rest] = JSON.parse(line) as [number, string, ...string[]]
    const reply = (value: object) => void socket.write(`${JSON.stringify({ id, ...value })}\n`)
    if (verb === "login") {
      const refusal = rest[0] === pets.token ? {} : { error: "the token is wrong" }
      setTimeout(() => reply(refusal), pets.loginDelay)
      return
    }
    requests.push(verb)
    if (pets.silent) return
    if (verb === "owner") reply({ value: pets.owners.get(rest[0]!) ?? null })
    else if (verb === "break") socket.resetAndDestroy()
    else if (verb === "slow") setTimeout(() => reply({ value: rest[1] ?? "done" }), Number(rest[0]))
    else if (verb === "ping") reply({ value: "pong" })
    else reply({ error: `there is no request ${verb}` })
  }

  const port = await listen(server, 0)
  onTestFinished(() => close(server, sockets))
  const pets: PetsServer = {
    port,
    requests,
    token: "canary-token",
    loginDelay: 0,
    silent: false,
    owners: new Map([["cat", "Ada"]]),
    get connects() {
      return connects
    },
    get open() {
      return sockets.size
    },
    breakAll: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    refuse: () => close(server, sockets),
    resume: async () => void (await listen(server, port)),
  }
  return pets
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", () => resolve((server.address() as { port: number }).port))
  })
}

function close(server: Server, sockets: Set<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy()
  return new Promise((resolve) => server.close(() => resolve()))
}
