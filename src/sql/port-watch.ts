import { connect, type NetConnectOpts, type Socket } from "node:net"
import { isMooringError, MooringError } from "../errors.ts"
import { type Protocol, sayOtherProtocol } from "./other-protocol.ts"

/** How long a new link may be silent before the port is asked what listens there; milliseconds. */
const silence = 400

/** How long each question to such a port may take; milliseconds. */
const patience = 200

/** PostgreSQL's request for TLS, which it answers with one byte. HTTP servers answer that it is no HTTP. */
const requestTls = Buffer.from([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f])

/** What Redis and other servers of lines answer. */
const lines = Buffer.from("PING\r\n\r\n")

/** A ClientHello of TLS 1.2 with two ciphers: the answer is a handshake or an alert. */
const clientHello = Buffer.concat([
  Buffer.from("160301002f0100002b0303", "hex"),
  Buffer.alloc(32),
  Buffer.from("000004c02f009c0100", "hex"),
])

/** How long a port is left in peace after it was asked: reconnecting must not become a storm. Milliseconds. */
const rest = 30_000

/** Places of which a process remembers when it asked them. */
const mostPlaces = 1_000

/**
 * By protocol and place, when a port may be asked next, in milliseconds of `performance.now()`: never, once the expected
 * server has answered there. A failed connect gives up its database, so databases cannot remember it.
 */
const nextQuestions = new Map<string, number>()

function remember(key: string, next: number): void {
  nextQuestions.delete(key)
  nextQuestions.set(key, next)
  if (nextQuestions.size > mostPlaces)
    for (const oldest of nextQuestions.keys()) return void nextQuestions.delete(oldest)
}

/** What a {@link PortWatch} watches. */
export interface Watched {
  readonly socket: Socket
  readonly address: NetConnectOpts
  readonly expected: Protocol
  /** For the error. */
  readonly place: string
  /** The first bytes that came. */
  head(): Uint8Array
  /** Another protocol was found while the link was silent. */
  fail(error: MooringError): void
}

/**
 * Finds out what listens at a port where the expected protocol does not begin: by the first bytes that come, and where none
 * come, since many servers wait for the client to begin, by questions on links of their own.
 */
export class PortWatch {
  readonly #watched: Watched
  readonly #ending = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #isConnected = false

  constructor(watched: Watched) {
    this.#watched = watched
    watched.socket.once("connect", () => {
      this.#isConnected = true
      if (this.#ending.signal.aborted) return
      this.#timer = setTimeout(() => this.#askWhileSilent(), silence)
      this.#timer.unref()
    })
  }

  /** The expected server has answered. */
  settle(): void {
    remember(this.#key, Number.POSITIVE_INFINITY)
  }

  /** Nothing is asked from now on. */
  end(): void {
    clearTimeout(this.#timer)
    this.#ending.abort()
  }

  /** The error of a link that failed before the login, by what answers at the port. */
  async explain(error: unknown): Promise<unknown> {
    const { head } = this.#watched
    if (isMooringError(error)) return error
    const first = head()
    if (first.length > 0) return this.#errorFor(first) ?? error
    // Whoever hung up without a word may have expected another.
    return (this.#isConnected && this.#errorFor(await this.#ask())) || error
  }

  async #askWhileSilent(): Promise<void> {
    const { head, fail } = this.#watched
    if (head().length > 0) return
    const error = this.#errorFor(await this.#ask())
    if (error !== undefined && head().length === 0 && !this.#ending.signal.aborted) fail(error)
  }

  async #ask(): Promise<Uint8Array> {
    const now = performance.now()
    if (this.#ending.signal.aborted || now < (nextQuestions.get(this.#key) ?? 0)) return new Uint8Array()
    remember(this.#key, now + rest)
    for (const question of [requestTls, lines, clientHello]) {
      const answer = await askPort(this.#watched.address, question, this.#ending.signal)
      if (answer.length > 0) return answer
    }
    return new Uint8Array()
  }

  get #key(): string {
    return `${this.#watched.expected} ${this.#watched.place}`
  }

  #errorFor(head: Uint8Array): MooringError | undefined {
    const { expected, place } = this.#watched
    const said = sayOtherProtocol(head, expected, place)
    return said === undefined ? undefined : new MooringError("CONNECT", said, { hint: "Check host and port." })
  }
}

/** The first bytes that a port answers; none where it stays silent, hangs up, or cannot be reached a second time. */
function askPort(address: NetConnectOpts, question: Buffer, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(new Uint8Array())
    const socket = connect(address, () => socket.write(question))
    const leave = () => void socket.destroy()
    const timer = setTimeout(leave, patience)
    signal.addEventListener("abort", leave, { once: true })
    let head: Uint8Array = new Uint8Array()
    socket.once("data", (data) => {
      head = data
      leave()
    })
    socket.on("error", () => undefined)
    socket.once("close", () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", leave)
      resolve(head)
    })
  })
}
