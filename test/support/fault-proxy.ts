import { once } from "node:events"
import { createServer, connect as dial, type Server, type Socket } from "node:net"
import { setTimeout as wait } from "node:timers/promises"

/** Which way bytes go. */
export type Direction = "toServer" | "toClient"

/** How a link ends: `reset` sends RST, so that what is under way is lost; `end` sends FIN behind it. */
export type Ending = "reset" | "end"

/** What is wrong with a link. What is not named works. */
export interface LinkFaults {
  /** Bytes in this direction vanish, and the link stays open. */
  readonly swallow?: Direction | "both"
  /** Milliseconds that each piece is held back. */
  readonly delay?: number
  /** Bytes a second, in each direction. */
  readonly rate?: number
  /** Ends the link as soon as exactly so many bytes, counted from its beginning, went in this direction. */
  readonly cut?: { readonly direction: Direction; readonly after: number; readonly how: Ending }
}

/** What happens to new clients: `close` accepts them and hangs up, `refuse` does not listen. */
export type Welcome = "serve" | "close" | "refuse"

/** How long a link may overlap with its successor before both are counted; milliseconds. */
const countAfter = 20

/** One client, and the link to the server that was made for it. */
export class Link {
  /** When the client came: `performance.now()`. */
  readonly at: number = performance.now()
  /** How many bytes arrived, swallowed ones left out. */
  readonly bytes: Record<Direction, number> = { toServer: 0, toClient: 0 }
  faults: LinkFaults
  readonly #client: Socket
  readonly #server: Socket
  readonly #tap: (direction: Direction, bytes: Buffer) => void

  constructor(client: Socket, server: Socket, faults: LinkFaults, tap: (way: Direction, bytes: Buffer) => void) {
    this.#client = client
    this.#server = server
    this.faults = faults
    this.#tap = tap
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on("error", () => this.reset())
    }
    void this.#carry("toServer", client, server)
    void this.#carry("toClient", server, client)
  }

  /** Ends both sides. */
  close(how: Ending): void {
    if (how === "reset") this.reset()
    else for (const socket of [this.#client, this.#server]) socket.end(() => socket.destroy())
  }

  reset(): void {
    for (const socket of [this.#client, this.#server]) {
      // A side that is not connected yet has nothing to reset, and one that sends its FIN cannot be.
      if (socket.connecting || socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }

  async #carry(direction: Direction, from: Socket, to: Socket): Promise<void> {
    try {
      for await (const piece of from as AsyncIterable<Buffer>) {
        if (this.faults.delay !== undefined) await wait(this.faults.delay)
        if (await this.#pass(direction, piece, to)) return this.close(this.faults.cut!.how)
      }
      to.end()
    } catch {
      this.reset()
    }
  }

  /** True once the link has to be cut. */
  async #pass(direction: Direction, piece: Buffer, to: Socket): Promise<boolean> {
    const { swallow, cut, rate } = this.faults
    if (swallow === direction || swallow === "both") return false
    const room =
      cut?.direction === direction ? Math.max(0, cut.after - this.bytes[direction]) : Number.POSITIVE_INFINITY
    const bytes = piece.subarray(0, room)
    this.bytes[direction] += bytes.length
    this.#tap(direction, bytes)
    // Waits until the system has them: what a reset follows must have arrived before.
    if (bytes.length > 0) await new Promise<void>((done, fail) => to.write(bytes, (no) => (no ? fail(no) : done())))
    if (rate !== undefined) await wait((bytes.length / rate) * 1000)
    return room <= piece.length
  }
}

/**
 * A TCP proxy on the loopback interface, between a client and a real server, that does to their links what networks do.
 *
 * @example
 * const proxy = await FaultProxy.start({ host: "127.0.0.1", port: 5432 })
 * proxy.fault({ swallow: "toClient" })
 */
export class FaultProxy {
  readonly host = "127.0.0.1"
  readonly port: number
  /** Every attempt to connect that was heard, as `performance.now()`. While it refuses, none is. */
  readonly connects: number[] = []
  /** Links that their clients have open now. */
  readonly links: Set<Link> = new Set()
  /** The most links that were open at once since {@link forget}. */
  mostLinks = 0
  /** Hears all bytes that are passed on. */
  tap: ((direction: Direction, bytes: Buffer) => void) | undefined
  #welcome: Welcome = "serve"
  #faults: LinkFaults | ((link: number) => LinkFaults) = {}
  #listener: Server | undefined
  readonly #target: { readonly host: string; readonly port: number }

  private constructor(target: { host: string; port: number }, port: number) {
    this.#target = target
    this.port = port
  }

  static async start(target: { host: string; port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy({ host: target.host, port: target.port }, await quietPort())
    await proxy.#listen()
    return proxy
  }

  get address(): { host: string; port: number } {
    return { host: this.host, port: this.port }
  }

  /** Bytes that went through since the beginning, links that have ended included. */
  readonly bytes: Record<Direction, number> = { toServer: 0, toClient: 0 }

  forget(): void {
    this.connects.length = 0
    this.mostLinks = this.links.size
  }

  /** Sets what is wrong with all links, those that are open and those to come. */
  fault(faults: LinkFaults): void {
    this.#faults = faults
    for (const link of this.links) link.faults = faults
  }

  /** Sets what is wrong with links to come, by how many came since the call. */
  plan(faults: (link: number) => LinkFaults): void {
    let count = 0
    this.#faults = () => faults(count++)
  }

  /** Ends all links. */
  closeLinks(how: Ending): number {
    const links = [...this.links]
    for (const link of links) link.close(how)
    return links.length
  }

  async welcome(how: Welcome): Promise<void> {
    this.#welcome = how
    if (how === "refuse") await this.#deafen()
    else if (this.#listener === undefined) await this.#listen()
  }

  async stop(): Promise<void> {
    await this.#deafen()
    this.closeLinks("reset")
  }

  async #listen(): Promise<void> {
    const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => this.#accept(client))
    this.#listener = listener
    listener.listen(this.port, this.host, 1024)
    await once(listener, "listening")
  }

  async #deafen(): Promise<void> {
    const listener = this.#listener
    this.#listener = undefined
    // Its callback waits for the links, and the port is free at once.
    listener?.close()
    await wait(0)
  }

  #accept(client: Socket): void {
    this.connects.push(performance.now())
    if (this.#welcome !== "serve") return void client.on("error", () => undefined).destroy()
    const server = dial({ ...this.#target, allowHalfOpen: true })
    const faults = typeof this.#faults === "function" ? this.#faults(this.connects.length) : this.#faults
    const link = new Link(client, server, faults, (direction, bytes) => {
      this.bytes[direction] += bytes.length
      this.tap?.(direction, bytes)
    })
    this.links.add(link)
    for (const end of ["end", "close"]) client.once(end, () => this.links.delete(link))
    // The end of an old link may be read a little later than the beginning of the new one in its place.
    const here = [...this.links]
    const count = () => {
      this.mostLinks = Math.max(this.mostLinks, here.filter((one) => this.links.has(one)).length)
    }
    setTimeout(count, countAfter).unref()
    client.resume()
  }
}

/**
 * A free port below those that systems take for outgoing connections. Among those, somebody else could take it while
 * nobody listens, and a client that is refused thousands of times would end up connected to itself.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => probe.close(resolve))
    return port
  }
}
