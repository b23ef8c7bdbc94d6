import { EventEmitter } from "node:events"
import { headBytes } from "../../../other-protocol.ts"
import type { Pg, Wire, WireConfig } from "../driver.ts"
import { Framer, type FrameTaker, headerBytes, largestMessage, ProtocolError, type Source } from "./framer.ts"
import { Login, longestLoginMessage } from "./login.ts"
import { backend } from "./messages.ts"
import { reusingSocket } from "./socket.ts"
import { checkMessage } from "./validity.ts"

/** One conversation with the server, from its first message to ReadyForQuery. */
export interface Conversation {
  /**
   * Takes a message, or leaves it to `pg` with false.
   *
   * @throws ProtocolError for one that cannot come here.
   */
  take(code: number, source: Source, start: number, end: number): boolean
  /** The bytes of what was taken are about to change. */
  release(): void
  /** Whether a row of so many bytes is not wanted. */
  refuses(size: number): boolean
  /** An ErrorResponse is about to come by way of `pg`. */
  failing(): void
  /** ReadyForQuery: the conversation is over. */
  ready(): void
  /** The link broke: nothing more will come. */
  broken(error: Error): void
}

/** Where the server stands: idle, in a transaction, in a failed one; undefined before it is ready. */
export type TransactionStatus = "I" | "T" | "E" | undefined

/** `pg`'s protocol connection, with our conversations in between. */
export interface ColumnarWire extends Wire {
  conversation: Conversation | undefined
  readonly status: TransactionStatus
  /** Why nothing can be sent any more. */
  readonly failure: Error | undefined
  /** The settings that the server reports: its version, encodings, time zone. */
  readonly parameters: ReadonlyMap<string, string>
  /** The first bytes that came, before any TLS. */
  readonly head: Uint8Array
}

/** Servers report some tens of settings; no more than these are remembered. */
const mostParameters = 200

/**
 * Makes `pg`'s connection one that cuts the bytes into messages itself, gives those of a conversation to it, and all
 * others to `pg`'s own parser: always whole ones, so that taking over in the middle of something cannot happen.
 */
export function columnarWire(pg: Pg, config: WireConfig): ColumnarWire {
  return new (classFor(pg))(config)
}

const classes = new WeakMap<Pg, new (config: WireConfig) => ColumnarWire>()

function classFor(pg: Pg): new (config: WireConfig) => ColumnarWire {
  let made = classes.get(pg)
  if (made === undefined) classes.set(pg, (made = makeClass(pg)))
  return made
}

function makeClass(pg: Pg): new (config: WireConfig) => ColumnarWire {
  return class extends pg.Connection implements ColumnarWire, FrameTaker {
    conversation: Conversation | undefined
    status: TransactionStatus
    failure: Error | undefined
    readonly parameters = new Map<string, string>()
    head: Uint8Array = new Uint8Array()
    private readonly others = new EventEmitter()
    private readonly framer = new Framer(this)
    private login: Login | undefined = new Login()

    constructor(config: WireConfig) {
      // What is no conversation of ours may belong to somebody who keeps chunks: the handshake, a client that was lent.
      const stream = reusingSocket(() => this.conversation !== undefined)
      super({ ...config, stream } as WireConfig)
      this.on("parameterStatus", ({ parameterName, parameterValue }: Record<string, string>) => {
        const isKnown = this.parameters.has(parameterName!)
        if (isKnown || this.parameters.size < mostParameters) this.parameters.set(parameterName!, parameterValue!)
      })
      this.framer.longest = longestLoginMessage
    }

    override connect(port: number | string, host?: string): void {
      super.connect(port, host)
      this.stream.once("data", (chunk: Buffer) => {
        this.head = Uint8Array.from(chunk.subarray(0, headBytes))
      })
    }

    /** `pg` calls this once the socket, or the TLS socket on it, is to be listened to. */
    override attachListeners(stream: EventEmitter): void {
      super.attachListeners(this.others)
      stream.on("data", (chunk: Buffer) => {
        if (this.failure !== undefined) return
        try {
          this.framer.push(chunk)
        } catch (thrown) {
          // What the server sent must never end the process; what a listener of a borrower's throws is not ours to hide.
          const isOfServer = this.login !== undefined || this.conversation !== undefined || isOfBytes(thrown)
          const error = thrown instanceof Error ? thrown : new Error(String(thrown))
          this.stop(error)
          this.stream.destroy(error)
          if (!isOfServer) throw thrown
        }
      })
      stream.on("error", (error: Error) => this.stop(error))
      stream.on("close", () => this.stop(new Error("Connection terminated unexpectedly")))
    }

    frame(code: number, source: Source, start: number, end: number): void {
      const { conversation, login } = this
      if (login !== undefined) login.check(code, source, start, end)
      else if (code !== backend.readyForQuery && conversation?.take(code, source, start, end)) return
      else if (code === backend.authentication) throw new ProtocolError("a request to log in after the login")
      checkMessage(code, source, start, end)
      if (code === backend.readyForQuery) {
        this.login = undefined
        this.framer.longest = largestMessage
        this.status = String.fromCharCode(source.bytes[start + headerBytes]!) as TransactionStatus
        this.conversation = undefined
      }
      if (code === backend.error) conversation?.failing()
      this.others.emit("data", source.bytes.subarray(start, end))
      if (code === backend.readyForQuery) conversation?.ready()
    }

    release(): void {
      this.conversation?.release()
    }

    refuses(code: number, size: number): boolean {
      return code === backend.dataRow && this.conversation?.refuses(size) === true
    }

    private stop(error: Error): void {
      this.failure ??= error
      const { conversation } = this
      this.conversation = undefined
      conversation?.broken(this.failure)
    }
  }
}

/** Whether an error comes from what was in the bytes: lengths beyond them, strings that are too long to be made. */
function isOfBytes(error: unknown): boolean {
  if (error instanceof ProtocolError || error instanceof RangeError) return true
  return (error as { code?: unknown } | null)?.code === "ERR_STRING_TOO_LONG"
}
