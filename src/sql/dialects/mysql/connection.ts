import { MooringError } from "../../../errors.ts"
import { onAbort } from "../../../util/abort.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import { mysqlSyntax } from "../../syntaxes.ts"
import { cancelRunning, type OpenAside } from "./cancel.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { Connection, OkPacket } from "./driver.ts"
import { Exchange, type Protocol, type RowTaker } from "./exchange.ts"
import { endsLink, noteFailure } from "./failures.ts"
import { bindValues, type TypedParameter } from "./params.ts"
import { mayUndoReadOnly, type RefusedStatement, refusalOf } from "./read-only.ts"
import { type Limits, type ReaderFor, ResultTaker, readerFor } from "./results.ts"
import type { SessionState } from "./session-state.ts"
import { connectionLost, type ShortCommand, tell } from "./short-command.ts"
import { cannotBePrepared, factsOf, isForgotten, protocolFor, type StatementFacts } from "./statements.ts"
import { MysqlStream, type Running } from "./stream.ts"
import type { Wire } from "./wire/wire.ts"

/** What a connection is made of. */
export interface ConnectionParts {
  readonly wire: Wire
  readonly state: SessionState
  /** Where a session begins. */
  readonly database: string | undefined
  readonly zeroDates: ZeroDates | undefined
  /** `mysql2`'s parameters of a stated type. */
  readonly typed: TypedParameter | undefined
  /** Opens a connection for KILL QUERY. */
  readonly openAside: OpenAside
}

/** How long an answer to our own short statements may take; milliseconds. */
const controlPatience = 5_000

/** How long a server may take to hang up; milliseconds. */
const closePatience = 1_000

/** The server's number for what is no SQL. */
const syntaxError = 1064

const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY } as const

/** One connection: `mysql2`'s, and the session behind it. */
export class MysqlConnection implements DriverConnection {
  private readonly wire: Wire
  private readonly link: Connection
  private readonly state: SessionState
  private readonly home: string
  private readonly zeroDates: ZeroDates | undefined
  private readonly typed: TypedParameter | undefined
  private readonly openAside: OpenAside
  private closed = false
  private broken = false
  private current: Exchange | undefined
  /** A KILL QUERY under way: until it is through, it could hit the next statement. */
  private cancelling: Promise<unknown> | undefined

  constructor({ wire, state, database, zeroDates, typed, openAside }: ConnectionParts) {
    const { raw } = wire
    this.wire = wire
    this.link = raw
    this.state = state
    // Without a configured database there is no way back: then the statement fails, and the connection is not used again.
    this.home = `USE ${mysqlSyntax.quoteIdentifier(database ?? "")}`
    this.zeroDates = zeroDates
    this.typed = typed
    this.openAside = openAside
    // Idle, it must neither end the process nor keep it alive. What runs when the link breaks must not wait for ever.
    raw.on("error", (error: unknown) => this.lost(error))
    raw.on("end", () => this.lost(connectionLost()))
    raw.stream.once("close", () => this.lost(connectionLost()))
    raw.stream.unref()
  }

  /** Whoever asks for it may do anything with it. */
  get raw(): Connection {
    this.state.noteMove()
    return this.link
  }

  get usable(): boolean {
    return !this.closed && !this.broken && !this.link.stream.destroyed
  }

  /** Brings the session to what is configured, so that a wrong setting fails the connect. */
  async setUp(signal: AbortSignal): Promise<void> {
    await this.fit(false, signal)
  }

  async run(statement: Statement, options: RunOptions): Promise<RunResult> {
    const facts = factsOf(statement.text, options.readOnly)
    const run = async (protocol: Protocol) => {
      const taker = new ResultTaker(this.readerFor(protocol, options), options)
      const exchange = this.exchangeFor(statement, protocol, taker)
      return taker.finish(await this.accompany(exchange, options.signal))
    }
    try {
      return await this.attempt(statement, facts, options, run)
    } finally {
      // After a query nobody else does it; after a stream, whoever takes the connection back.
      if (options.readOnly && facts.leavesState && this.usable) await this.reset().catch(() => undefined)
    }
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    const facts = factsOf(statement.text, options.readOnly)
    return this.attempt(statement, facts, options, async (protocol) => {
      const start = (taker: RowTaker): Running => {
        const exchange = this.exchangeFor(statement, protocol, taker)
        const done = this.accompany(exchange, options.signal)
        return { exchange, done, pause: () => this.wire.pause(), resume: () => this.wire.resume() }
      }
      const stream = new MysqlStream(this.readerFor(protocol, unlimited), options.batchRows, start)
      await stream.open()
      return stream
    })
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.tell((answered) => this.link.ping(answered), signal)
  }

  /** What is configured is set again before the next statement. */
  async reset(): Promise<void> {
    await this.cancelling
    if (!this.state.isUsed) return
    const timer = setTimeout(() => this.destroy(new Error("No answer to a reset.")), controlPatience)
    try {
      await this.tell((answered) => this.link.reset(answered))
      // A reset leaves the session in the database that it is in.
      if (this.state.hasMoved) await this.tell((answered) => this.link.query({ sql: this.home }, answered))
      this.state.forgetAll()
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.current?.fail(new MooringError("ABORTED", "The connection was closed while a statement ran."))
    await this.current?.done.catch(() => undefined)
    const { stream } = this.link
    if (stream.destroyed) return
    // A link that swallows everything would never say that it is closed.
    const timer = setTimeout(() => stream.destroy(), closePatience)
    stream.ref()
    await new Promise<void>((resolve) => {
      stream.once("close", resolve)
      this.link.end()
    })
    clearTimeout(timer)
  }

  /** Runs a statement in a fitting session, by the protocol that it can be run by. */
  private async attempt<T>(
    { text, values }: Statement,
    facts: StatementFacts,
    { readOnly, signal }: { readOnly: boolean; signal: AbortSignal },
    work: (protocol: Protocol) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const refusal = readOnly ? refusalOf(facts) : undefined
    if (refusal) throw await this.refusalFor(text, refusal, signal)
    await this.fit(readOnly, signal)
    if (facts.verb === "use") this.state.noteMove()
    if (facts.leavesState) this.state.noteUse()
    let protocol = protocolFor(facts, values.length)
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work(protocol)
        } catch (error) {
          const { errno = 0 } = error as { errno?: number }
          if (cannotBePrepared(errno) && values.length === 0 && protocol === "binary") protocol = "text"
          else if (isForgotten(errno) && attempt < 3) this.link.unprepare(text)
          else throw error
        }
      }
    } catch (error) {
      noteFailure(error, readOnly)
      this.state.noteUse()
      if (endsLink(error)) this.destroy(error as Error)
      throw error
    } finally {
      if (readOnly && mayUndoReadOnly(facts)) this.state.forgetMode()
    }
  }

  private async fit(readOnly: boolean, signal: AbortSignal): Promise<void> {
    const text = this.state.statementFor(readOnly)
    if (text === undefined) return
    this.state.forgetMode()
    const exchange = this.exchangeFor({ text, values: [] }, "text", ignored)
    await this.accompany(exchange, signal)
    this.state.applied(readOnly)
  }

  private exchangeFor({ text, values }: Statement, protocol: Protocol, taker: RowTaker): Exchange {
    const bound = bindValues(values, this.typed)
    return new Exchange({ text, values: bound, protocol }, taker, (exchange) => this.cancel(exchange))
  }

  private readerFor(protocol: Protocol, limits: Limits): ReaderFor {
    return readerFor(protocol, { ...limits, zeroDates: this.zeroDates, isUtc: () => this.state.isUtc })
  }

  /** Sees one exchange through. */
  private async accompany(exchange: Exchange, signal: AbortSignal): Promise<OkPacket | undefined> {
    const unlisten = onAbort(signal, () => exchange.fail(signal.reason))
    this.link.stream.ref()
    this.current = exchange
    try {
      await this.cancelling
      signal.throwIfAborted()
      exchange.begin(this.wire)
      const ok = await exchange.done
      this.state.note(ok?.stateChanges)
      return ok
    } catch (error) {
      if (this.usable) await this.cancelling
      throw error
    } finally {
      unlisten()
      this.current = undefined
      this.link.stream.unref()
    }
  }

  /** The server works on something that nobody waits for any more. */
  private cancel(exchange: Exchange): void {
    const { stream, threadId } = this.link
    const before = stream.bytesRead
    const cancelled = cancelRunning(this.openAside, {
      threadId,
      ended: exchange.done,
      heard: () => stream.bytesRead > before,
      destroy: () => this.destroy(new Error("The statement could not be cancelled.")),
    })
      .then((sent) => (sent && exchange.completed && this.usable ? this.absorb() : undefined))
      .finally(() => {
        if (this.cancelling === cancelled) this.cancelling = undefined
      })
    this.cancelling = cancelled
  }

  /** A KILL QUERY that came too late may wait for the next statement: this one is for it. */
  private async absorb(): Promise<void> {
    const timer = setTimeout(() => this.destroy(new Error("No answer to DO SLEEP(0).")), controlPatience)
    const exchange = new Exchange({ text: "DO SLEEP(0)", values: [], protocol: "text" }, ignored, () => undefined)
    exchange.begin(this.wire)
    await exchange.done.catch(() => undefined)
    clearTimeout(timer)
  }

  /** The error for a statement that a query cannot do. What is no SQL at all is told as that: preparing runs nothing. */
  private async refusalFor(text: string, refusal: RefusedStatement, signal: AbortSignal): Promise<unknown> {
    try {
      await this.tell((answered) => this.link.prepare(text, answered), signal)
      this.link.unprepare(text)
    } catch (error) {
      const { errno, fatal } = error as { errno?: number; fatal?: boolean }
      if (errno === syntaxError || fatal || !this.usable) return error
    }
    return refusal
  }

  private tell(send: ShortCommand, signal?: AbortSignal): Promise<void> {
    return tell(this.link, send, (error) => this.destroy(error), signal)
  }

  private lost(error: unknown): void {
    this.broken = true
    this.current?.end(error)
    if (!this.closed) this.link.stream.destroy()
  }

  private destroy(error: Error): void {
    this.broken = true
    this.link.stream.destroy(error)
  }
}

const ignored: RowTaker = {
  describe() {},
  row() {},
  release() {},
  complete() {},
}
