import { Socket } from "node:net"

/** The attempts of this process to connect to a port, as `performance.now()`, refused ones included. */
export interface ConnectWatch {
  readonly at: readonly number[]
  stop(): void
}

const watched = new Map<number, number[]>()
const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket

/** A server that is not there cannot count who asks for it: this process counts its own sockets. */
export function watchConnects(port: number): ConnectWatch {
  const at: number[] = []
  watched.set(port, at)
  Socket.prototype.connect = noting as typeof Socket.prototype.connect
  return { at, stop: () => void watched.delete(port) }
}

function noting(this: Socket, ...args: unknown[]): Socket {
  watched.get(portOf(args))?.push(performance.now())
  return connect.apply(this, args)
}

/** Of `connect(port)`, `connect({ port })`, and of either in the list that Node itself hands on. */
function portOf([first]: readonly unknown[]): number {
  const given = Array.isArray(first) ? first[0] : first
  return Number(typeof given === "object" && given !== null ? (given as { port?: unknown }).port : given)
}

/** The longest time between two attempts, or before the first or after the last of a time that was looked at; ms. */
export function longestGap(at: readonly number[], from: number, to: number): number {
  const inside = at.filter((time) => time >= from && time <= to)
  const edges = [from, ...inside, to]
  return Math.max(...edges.slice(1).map((time, i) => time - edges[i]!))
}
