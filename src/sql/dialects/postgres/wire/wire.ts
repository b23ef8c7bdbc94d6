import { EventEmitter } from "node:events"
import type { Pg, Wire, WireConfig } from "../driver.ts"
import { Framer, type FrameTaker, headerBytes, ProtocolError, type Source } from "./framer.ts"
import { backend } from "./messages.ts"
import { reusingSocket } from "./socket.ts"

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
}

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
    private readonly others = new EventEmitter()

    constructor(config: WireConfig) {
      // What is no conversation of ours may belong to somebody who keeps chunks: the handshake, a client that was lent.
      const stream = reusingSocket(() => this.conversation !== undefined)
      super({ ...config, stream } as WireConfig)
      this.on("parameterStatus", ({ parameterName, parameterValue }: Record<string, string>) => {
        this.parameters.set(parameterName!, parameterValue!)
      })
    }

    /** `pg` calls this once the socket, or the TLS socket on it, is to be listened to. */
    override attachListeners(stream: EventEmitter): void {
      super.attachListeners(this.others)
      const framer = new Framer(this)
      stream.on("data", (chunk: Buffer) => {
        if (this.failure !== undefined) return
        try {
          framer.push(chunk)
        } catch (error) {
          if (!(error instanceof ProtocolError) && !(error instanceof RangeError)) throw error
          this.stop(error)
          this.stream.destroy(error)
        }
      })
      stream.on("error", (error: Error) => this.stop(error))
      stream.on("close", () => this.stop(new Error("Connection terminated unexpectedly")))
    }

    frame(code: number, source: Source, start: number, end: number): void {
      const { conversation } = this
      if (code === backend.readyForQuery) {
        this.status = String.fromCharCode(source.bytes[start + headerBytes] ?? 0) as TransactionStatus
        this.conversation = undefined
      } else if (conversation?.take(code, source, start, end)) return
      if (code === backend.error) conversation?.failing()
      this.others.emit("data", source.bytes.subarray(start, end))
      if (code === backend.readyForQuery) conversation?.ready()
    }

    release(): void {
      this.conversation?.release()
    }

    private stop(error: Error): void {
      this.failure ??= error
      const { conversation } = this
      this.conversation = undefined
      conversation?.broken(this.failure)
    }
  }
}
