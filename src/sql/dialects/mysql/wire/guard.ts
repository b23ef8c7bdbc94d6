import { ProtocolError } from "../columns/reader.ts"
import type { Connection } from "../driver.ts"
import { checkGreeting, checkLogin, longestLoginPacket, mostLoginBytes } from "./login.ts"
import { type Agreed, checkPacket } from "./validity.ts"

/** Length and number of each packet. */
const headerBytes = 4

/** A packet of so many bytes goes on in the next one. */
const longestPacket = 0xff_ffff

/** The servers' own limit is a gigabyte. */
const mostParts = 65

/** First byte of an error. */
const failure = 0xff

/** A bit of what a server can: it tells of changes of its session. */
const tracksSession = 0x80_0000

/**
 * Checks the packets that `mysql2` reads, by what it waits for. `mysql2` takes packets as they come, writes about some that it
 * does not understand to the console, and waits for the rest of others.
 */
export class Guard {
  private readonly link: Connection
  private isLoggingIn = true
  private bytes = 0
  /** How many parts of a packet that is not complete have come. */
  private parts = 0

  constructor(link: Connection) {
    this.link = link
  }

  loggedIn(): void {
    this.isLoggingIn = false
  }

  /** The beginning of a packet has come. @throws ProtocolError where that is enough to know that it is none. */
  begins(bytes: Buffer, start: number, end: number, length: number): void {
    if (!this.isLoggingIn) return
    if (length > longestLoginPacket) throw new ProtocolError(`a packet of ${length} bytes before the login`)
    if (this.waiting !== "handshakeInit" || start + headerBytes >= end) return
    const first = bytes[start + headerBytes]
    if (first !== 10 && first !== failure) throw new ProtocolError(`a greeting of the unknown version ${first}`)
  }

  /** One whole packet. @throws ProtocolError, and MooringError `CONNECT` for a way to log in that is not supported. */
  check(bytes: Buffer, start: number, end: number): void {
    const { waiting } = this
    // Told about what nobody waits for, `mysql2` ends the link.
    if (waiting === undefined) return
    const first = start + headerBytes
    const number = (this.link.sequenceId + this.parts) & 255
    if (bytes[first - 1] !== number) {
      if (bytes[first] !== failure) throw new ProtocolError("packets out of order")
      // A server that hangs up says why at any time, in a packet 0.
      bytes[first - 1] = number
    }
    if (this.parts > 0 || end - first === longestPacket) {
      this.takePart(waiting, end - first)
      return
    }
    if (waiting === "handshakeInit" || waiting === "handshakeResult") this.checkLogin(waiting, bytes, first, end)
    else checkPacket(waiting, bytes, first, end, this.agreed)
  }

  private checkLogin(waiting: string, bytes: Buffer, first: number, end: number): void {
    this.bytes += end - first
    if (this.bytes > mostLoginBytes) throw new ProtocolError("more than a megabyte before the login")
    if (bytes[first] === failure) checkPacket(waiting, bytes, first, end, this.agreed)
    else if (waiting === "handshakeInit") checkGreeting(bytes, first, end)
    else checkLogin(bytes, first, end, this.link.config?.authPlugins ?? {})
  }

  private takePart(waiting: string, length: number): void {
    if (waiting !== "row") throw new ProtocolError("a packet of 16 megabytes that is no row")
    this.parts = length === longestPacket ? this.parts + 1 : 0
    if (this.parts > mostParts) throw new ProtocolError("a row of more than a gigabyte")
  }

  /** What `mysql2` waits for: the name of the method that takes the next packet. */
  private get waiting(): string | undefined {
    return this.link._command?.next?.name
  }

  private get agreed(): Agreed {
    const { _mariadbExtendedMetadata: extended = false, serverCapabilityFlags: flags = 0 } = this.link
    return { extended, tracking: (flags & tracksSession) !== 0 }
  }
}
