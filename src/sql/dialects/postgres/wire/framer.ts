import { Buffer } from "node:buffer"

/** Bytes and the same memory as a view: frames are read from both. */
export interface Source {
  readonly bytes: Buffer
  readonly view: DataView
}

/** Who is given the messages of a stream of bytes. */
export interface FrameTaker {
  /**
   * One whole message: `start` is the place of its code, `end` that behind it. The bytes are only good until
   * {@link release}.
   */
  frame(code: number, source: Source, start: number, end: number): void
  /** What was given so far is about to be overwritten or let go. */
  release(): void
  /** Whether nobody wants a message, whose end has not come yet: it is then dropped as it comes. */
  refuses?(code: number, size: number): boolean
}

/** The server's own limit of what it sends in one message; anything longer is no message. */
export const largestMessage = 0x4000_0000

/** The code and the length before each message; the length counts itself. */
export const headerBytes = 5

/**
 * Cuts a stream of bytes into messages of PostgreSQL's protocol, wherever the chunks begin and end. Whole messages are
 * given as they lie in the chunk; only one that was cut apart is put together in a buffer of its own.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class Framer {
  /** How long a message may be, in bytes. */
  longest: number = largestMessage
  private readonly taker: FrameTaker
  /** The beginning of a message whose end has not come: `held` bytes. */
  private partial: Buffer = Buffer.alloc(0)
  private held = 0
  /** How much is still to come of a message that nobody wants. */
  private unwanted = 0

  constructor(taker: FrameTaker) {
    this.taker = taker
  }

  /** @throws ProtocolError for lengths that no message has. */
  push(chunk: Buffer): void {
    let place = Math.min(this.unwanted, chunk.length)
    this.unwanted -= place
    while (this.held > 0 && place < chunk.length) place = this.complete(chunk, place)
    if (place === chunk.length) return
    const source = { bytes: chunk, view: new DataView(chunk.buffer, chunk.byteOffset, chunk.length) }
    const { view } = source
    const size = chunk.length
    while (place + headerBytes <= size) {
      const end = place + 1 + this.checked(view.getInt32(place + 1))
      if (end > size) {
        this.taker.release()
        if (!this.taker.refuses?.(chunk[place]!, end - place)) break
        this.unwanted = end - size
        return
      }
      this.taker.frame(chunk[place]!, source, place, end)
      place = end
    }
    this.taker.release()
    if (place < size) this.hold(chunk, place, size)
  }

  /** Adds what is missing of the held message, and gives it if that is all. Gives the place behind what was taken. */
  private complete(chunk: Buffer, place: number): number {
    if (this.held < headerBytes) {
      const taken = Math.min(headerBytes - this.held, chunk.length - place)
      this.hold(chunk, place, place + taken)
      place += taken
      if (this.held < headerBytes) return place
      const whole = 1 + this.checked(this.partial.readInt32BE(1))
      if (whole - this.held > chunk.length - place && this.taker.refuses?.(this.partial[0]!, whole)) {
        this.unwanted = whole - this.held - (chunk.length - place)
        this.held = 0
        return chunk.length
      }
    }
    const size = 1 + this.checked(this.partial.readInt32BE(1))
    const taken = Math.min(size - this.held, chunk.length - place)
    if (taken > 0) this.hold(chunk, place, place + taken)
    if (this.held === size) {
      const bytes = this.partial.subarray(0, size)
      this.held = 0
      this.taker.frame(bytes[0]!, { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, size) }, 0, size)
      this.taker.release()
      if (this.partial.length > 1_048_576) this.partial = Buffer.alloc(0)
    }
    return place + taken
  }

  /** Room grows with what has come, never with what a message says of itself. */
  private hold(chunk: Buffer, start: number, end: number): void {
    const needed = this.held + end - start
    if (needed > this.partial.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(needed, Math.min(this.partial.length * 2, largestMessage + 1), 1024),
      )
      this.partial.copy(larger, 0, 0, this.held)
      this.partial = larger
    }
    chunk.copy(this.partial, this.held, start, end)
    this.held = needed
  }

  private checked(length: number): number {
    if (length < 4 || length > this.longest) throw new ProtocolError(`a message of ${length} bytes`)
    return length
  }
}

/** The bytes on the link are not PostgreSQL's protocol: nothing that follows can be trusted. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError"

  constructor(what: string) {
    super(`The server sent ${what}, which is not PostgreSQL's protocol.`)
  }
}
