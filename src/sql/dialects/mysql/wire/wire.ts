import { Buffer } from "node:buffer"
import { headBytes } from "../../../other-protocol.ts"
import { ProtocolError } from "../columns/reader.ts"
import type { Connection, PacketParser } from "../driver.ts"
import { Guard } from "./guard.ts"

/** Who takes the packets of a result's rows. Must not throw. */
export interface RowSink {
  /** One row: the bytes from `start` to `end`, which are only good until {@link release}. */
  row(buffer: Buffer, start: number, end: number): void
  /** What was given so far is about to be overwritten or let go. */
  release(): void
}

/** Where a socket reads to, as `onread` of Node's `net.connect` takes it. */
export interface ReadTarget {
  buffer(): Buffer
  callback(size: number): boolean
}

/** Length and number of each packet. */
const headerBytes = 4

/** A packet of so many bytes goes on in the next one. */
const longestPacket = 0xff_ffff

/** First bytes of the packets that end a result. */
const eof = 0xfe
const failure = 0xff

/** An EOF is this long: its first byte, warnings, the server's status. */
const eofBytes = 5

/** An EOF is shorter than this; a row that begins like one is longer. */
const longestEof = 9

/** Room that is kept for what comes; so many rows fit into a processor's cache. */
const usualSize = 262_144

/** The least room that a read is given. */
const leastRoom = 65_536

/**
 * The bytes that come for one of `mysql2`'s connections, cut into packets: those of rows are given to who waits for them,
 * as they lie in memory, and all others to `mysql2`'s own parser, always whole ones. A row of several packets is such
 * another: `mysql2` puts it together.
 *
 * @see https://mariadb.com/kb/en/0-packet/
 */
export class Wire {
  readonly raw: Connection
  /** Bits of the server's status that an EOF has brought: those of the last one, and any since {@link forgetStatus}. */
  status: number | undefined
  anyStatus = 0
  private parser: PacketParser
  private readonly own: PacketParser = { execute: (chunk) => this.push(chunk) }
  private sink: RowSink | undefined
  /** How many EOFs come before the rows. */
  private eofs = 0
  private bytes: Buffer = Buffer.allocUnsafeSlow(usualSize)
  /** What has come and was not yet cut into packets. */
  private start = 0
  private end = 0
  /** The last packet goes on in the next one. */
  private isSplit = false
  private paused = false
  private framing = false
  private failed = false
  private readonly guard: Guard
  private first: Uint8Array = new Uint8Array()

  /** @param connect makes the connection. Its socket may read to the target given: it then emits no `data`. */
  constructor(connect: (target: ReadTarget) => Connection) {
    this.raw = connect({
      buffer: () => this.room(),
      callback: (size) => {
        this.filled(size)
        return true
      },
    })
    this.guard = new Guard(this.raw)
    this.parser = this.raw.packetParser
    this.raw.packetParser = this.own
  }

  /** The first bytes that came, before any TLS. */
  get head(): Uint8Array {
    return this.first
  }

  /** To be called after the login, in which `mysql2` puts parsers of its own to compressed packets and what is in them. */
  loggedIn(): void {
    this.guard.loggedIn()
    const { _inflatedPacketsParser: inflated } = this.raw
    if (inflated === undefined) return
    this.parser = inflated
    this.raw._inflatedPacketsParser = this.own
  }

  /**
   * The packets that come next are a result's rows, until one ends them.
   *
   * @param eofs how many EOFs come before them.
   */
  takeRows(sink: RowSink, eofs: number): void {
    this.sink = sink
    this.eofs = eofs
  }

  forgetStatus(): void {
    this.status = undefined
    this.anyStatus = 0
  }

  /** Nothing more is read or given until {@link resume}. */
  pause(): void {
    this.paused = true
    this.raw.stream.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.frame()
    if (!this.paused) this.raw.stream.resume()
  }

  private push(chunk: Buffer): void {
    for (let place = 0; place < chunk.length; ) {
      const size = chunk.copy(this.room(), 0, place)
      place += size
      this.filled(size)
    }
  }

  /** Where the next bytes go. */
  private room(): Buffer {
    if (this.sink === undefined && this.start === this.end) {
      this.start = 0
      this.end = 0
      if (this.bytes.length > usualSize) this.bytes = Buffer.allocUnsafeSlow(usualSize)
    }
    if (this.bytes.length - this.end < leastRoom) this.makeRoom()
    return this.bytes.subarray(this.end)
  }

  /** Room grows with what has come, never with what a packet says of itself. */
  private makeRoom(): void {
    this.sink?.release()
    const { bytes, start, end } = this
    const needed = end - start + leastRoom
    if (needed > bytes.length) {
      const enough = Math.min(bytes.length * 2, longestPacket + headerBytes + leastRoom)
      this.bytes = Buffer.allocUnsafeSlow(Math.max(needed, enough))
    }
    bytes.copy(this.bytes, 0, start, end)
    this.start = 0
    this.end = end - start
  }

  private filled(size: number): void {
    if (this.first.length === 0)
      this.first = Uint8Array.from(this.bytes.subarray(this.end, this.end + size).subarray(0, headBytes))
    this.end += size
    this.frame()
  }

  private frame(): void {
    // Who is given something may go on at once.
    if (this.framing || this.failed) return
    this.framing = true
    try {
      do if (this.sink !== undefined && !this.isSplit) this.giveRows(this.sink)
      while (!this.paused && !this.failed && this.giveOther())
    } catch (error) {
      // What the server sent must never end the process.
      this.failed = true
      this.raw.stream.destroy(error instanceof Error ? error : new ProtocolError("what cannot be read"))
    } finally {
      this.framing = false
    }
  }

  /** Gives rows for as long as there are whole ones that `mysql2` would expect here. */
  private giveRows(sink: RowSink): void {
    const { bytes, end, raw } = this
    let { start } = this
    let number = raw.sequenceId
    while (!this.paused && start + headerBytes < end) {
      const first = start + headerBytes
      const length = lengthAt(bytes, start)
      const next = first + length
      if (next > end || length === 0 || length === longestPacket) break
      if (bytes[first]! >= eof || bytes[start + 3] !== number) break
      number = (number + 1) & 255
      start = next
      sink.row(bytes, first, next)
    }
    this.start = start
    raw.sequenceId = number
  }

  /** Gives one packet to `mysql2`; false if there is none. */
  private giveOther(): boolean {
    const { bytes, start, end } = this
    if (start + headerBytes > end) return false
    const length = lengthAt(bytes, start)
    const next = start + headerBytes + length
    this.guard.begins(bytes, start, end, length)
    if (next > end) return false
    this.guard.check(bytes, start, next)
    if (!this.isSplit && length === eofBytes && bytes[start + headerBytes] === eof)
      this.noteStatus(bytes.readUInt16LE(next - 2))
    if (this.sink !== undefined && !this.isSplit) this.noteEnd(bytes[start + headerBytes]!, length)
    this.isSplit = length === longestPacket
    this.start = next
    // `mysql2` may keep parts of it.
    this.parser.execute(Buffer.from(bytes.subarray(start, next)))
    return true
  }

  private noteStatus(status: number): void {
    this.status = status
    this.anyStatus |= status
  }

  private noteEnd(first: number, length: number): void {
    const isEof = first === eof && length < longestEof
    if (length === 0 || !(isEof || first === failure)) return
    if (isEof && this.eofs-- > 0) return
    this.sink?.release()
    this.sink = undefined
  }
}

function lengthAt(bytes: Buffer, place: number): number {
  return bytes[place]! | (bytes[place + 1]! << 8) | (bytes[place + 2]! << 16)
}
