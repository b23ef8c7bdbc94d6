import type { Submittable, Wire } from "../driver.ts"
import { ProtocolError, type Source } from "./framer.ts"
import { MessageWriter } from "./messages.ts"
import type { ColumnarWire, Conversation } from "./wire.ts"

/**
 * A conversation that `pg` begins in its turn, from its first message to ReadyForQuery: how it ends, whatever happens.
 * A subclass says what is sent and takes what is answered.
 */
export abstract class Exchange implements Submittable, Conversation {
  /** Settles when the server is ready for the next one, or the link is broken. */
  readonly done: Promise<void>
  /** What it failed with. */
  error: unknown
  /** Whether that came from the server. */
  refused = false
  failed = false
  /** Whether Sync was sent: the server will answer ReadyForQuery. */
  protected synced = false
  private resolve!: () => void
  private reject!: (error: unknown) => void
  private wire: ColumnarWire | undefined
  private expectsError = false
  private settled = false

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  /** Sends the first messages. What it throws fails the exchange. */
  protected abstract begin(): void

  /** Takes a message, or leaves it to `pg` with false. What it throws fails the exchange. */
  protected abstract handle(code: number, source: Source, start: number, end: number): boolean

  /** The bytes of what was taken are about to change. */
  protected abstract keep(): void

  /** A row of so many bytes is coming. What it throws fails the exchange. */
  protected announce(_size: number): void {}

  /** True while the server owes an answer. */
  protected abstract get waiting(): boolean

  /** Stops the server. */
  protected abstract cancel(): void

  submit(wire: Wire): Error | null {
    // Returned errors come back by handleError.
    if (this.failed) return this.error as Error
    this.wire = wire as ColumnarWire
    this.wire.conversation = this
    try {
      this.begin()
    } catch (error) {
      this.fail(error)
    }
    return null
  }

  /** Gives up: the rest is not read, and `done` rejects with this error once the server is ready again. */
  fail(error: unknown): void {
    if (this.failed || this.settled) return
    this.failed = true
    this.error = error
    if (this.wire === undefined) return
    const busy = this.synced || this.waiting
    this.sync(new MessageWriter())
    if (busy) this.cancel()
  }

  take(code: number, source: Source, start: number, end: number): boolean {
    try {
      return this.handle(code, source, start, end)
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof RangeError) throw error
      this.fail(error)
      return true
    }
  }

  release(): void {
    if (this.failed) return
    try {
      this.keep()
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof RangeError) throw error
      this.fail(error)
    }
  }

  refuses(size: number): boolean {
    if (!this.failed) {
      try {
        this.announce(size)
      } catch (error) {
        this.fail(error)
      }
    }
    return this.failed
  }

  failing(): void {
    this.expectsError = true
  }

  handleError(error: Error): void {
    if (!this.expectsError) {
      this.broken(error)
      return
    }
    this.expectsError = false
    if (!this.failed) {
      this.failed = true
      this.refused = true
      this.error = error
    }
    // The server skips everything up to it.
    this.sync(new MessageWriter())
  }

  /** `pg` says so as well; the wire's own word comes also after errors. */
  handleReadyForQuery(): void {}

  ready(): void {
    if (!this.failed && (!this.synced || this.waiting)) {
      // What has come so far is not all, and would be taken for it.
      const error = new ProtocolError("that it is ready before it has answered")
      this.broken(error)
      throw error
    }
    this.settle()
  }

  broken(error: Error): void {
    if (!this.failed) {
      this.failed = true
      this.error = error
    }
    this.settle()
  }

  protected sync(writer: MessageWriter): void {
    if (this.synced) return
    this.synced = true
    this.send(writer.sync())
  }

  protected send(writer: MessageWriter): void {
    this.wire!.stream.write(writer.take())
  }

  private settle(): void {
    if (this.settled) return
    this.settled = true
    if (this.failed) this.reject(this.error)
    else this.resolve()
  }
}
