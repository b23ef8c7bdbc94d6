import { MooringError } from "../../../errors.ts"
import { never, onAbort } from "../../../util/abort.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import { watchAnswer } from "../../patience.ts"
import { mysqlSyntax } from "../../syntaxes.ts"
import { Cancelling } from "./cancelling.ts"
import type { ZeroDates } from "./columns/temporal.ts"
import type { ConnectionParts } from "./connection-parts.ts"
import type { Connection, OkPacket } from "./driver.ts"
import type { Enforcement } from "./enforcement.ts"
import { Exchange, ignored, type Protocol, type RowTaker } from "./exchange.ts"
import { endsLink, failedBefore, failedInit, noteFailure, reasonOf } from "./failures.ts"
import { boundAs, type TypedParameter } from "./params.ts"
import { explained, refusalOf } from "./read-only.ts"
import { type Refusals, refusesWrites } from "./refusals.ts"
import { Renewal, type RenewalHost } from "./renewal.ts"
import { type Limits, type ReaderFor, ResultTaker, readerFor } from "./results.ts"
import { type SessionState, saysChanged } from "./session-state.ts"
import { connectionLost, hangUp, type ShortCommand, tell } from "./short-command.ts"
import { cannotBePrepared, factsOf, isForgotten, protocolFor } from "./statements.ts"
import { MysqlStream, type Running } from "./stream.ts"
import type { Wire } from "./wire/wire.ts"

const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY } as const

/** One connection: `mysql2`'s, and the session behind it. */
export class MysqlConnection implements DriverConnection {
  private readonly wire: Wire
  private readonly link: Connection
  private readonly state: SessionState
  private readonly enforcement: Enforcement
  private readonly zeroDates: ZeroDates | undefined
  private readonly typed: TypedParameter | undefined
  private closed = false
  private broken = false
  /** Why the server ended the session while nothing ran, where it said so. */
  failure: unknown
  private readonly refusals: Refusals
  private readonly refusalsBefore: number
  private current: Exchange | undefined
  private readonly cancelling: Cancelling
  private readonly renewal: Renewal
  private isHandedOut = false

  constructor({ wire, state, enforcement, refusals, database, zeroDates, typed, openAside }: ConnectionParts) {
    const { raw } = wire
    this.wire = wire
    this.link = raw
    this.state = state
    this.enforcement = enforcement
    this.refusals = refusals
    this.refusalsBefore = refusals.count
    this.zeroDates = zeroDates
    this.typed = typed
    this.cancelling = new Cancelling({
      wire,
      link: raw,
      openAside,
      isUsable: () => this.usable,
      destroy: (error) => this.destroy(error),
    })
    this.renewal = new Renewal(this.renewalHost(database))
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

  get inTransaction(): boolean {
    return this.state.inTransaction
  }
  get usable(): boolean {
    return !this.closed && !this.broken && !this.link.stream.destroyed
  }

  /** Brings the session to what is configured, so that a wrong setting fails the connect. */
  async setUp(signal: AbortSignal): Promise<void> {
    try {
      await this.fit(false, signal)
    } catch (error) {
      if (!this.state.giveUpTracking(error)) throw error
      await this.fit(false, signal)
    }
    if (this.enforcement.isKnown) return
    await this.fit(true, signal)
    await this.enforcement.find((text) => this.runOwn(text, signal))
  }

  async run(statement: Statement, options: RunOptions): Promise<RunResult> {
    const run = async (protocol: Protocol) => {
      const taker = new ResultTaker(this.readerFor(protocol, options), options)
      const exchange = this.exchangeFor(statement, protocol, taker)
      return taker.finish(await this.accompany(exchange, options.signal))
    }
    const renewed = this.renewal.before(true, options.signal)
    if (renewed) await renewed
    // A query's connection is given back without a word; any other borrower's is reset.
    const isBorrower = options.readOnly && this.state.isUntouched
    try {
      return await this.attempt(statement, options, run)
    } finally {
      if (isBorrower && !this.closed) this.renewal.begin()
    }
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    await this.renewal.before(true, options.signal)
    return this.attempt(statement, options, async (protocol) => {
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
    // One that was opened before that may lead to the same server.
    if (this.refusals.count !== this.refusalsBefore)
      throw new Error("The server accepted no writes from another session.")
    await this.tell((answered) => this.link.ping(answered), signal)
  }

  async handOut({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.renewal.fresh(signal)
    await this.fit(false, signal)
    this.isHandedOut = true
    this.link.stream.ref()
  }

  reset(): Promise<void> {
    if (this.isHandedOut) this.link.stream.unref()
    this.isHandedOut = false
    return this.renewal.behind()
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.current?.fail(new MooringError("ABORTED", "The connection was closed while a statement ran."))
    await this.current?.done.catch(() => undefined)
    await hangUp(this.link)
  }

  /** Runs a statement in a fitting session, by the protocol that it can be run by. */
  private async attempt<T>(
    { text, values }: Statement,
    { readOnly, signal }: { readOnly: boolean; signal: AbortSignal },
    work: (protocol: Protocol) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted()
    const facts = factsOf(text, readOnly, this.state.backslashEscapes)
    const isPlain = facts.isPlain && this.state.isTracked
    const refusal = readOnly ? refusalOf(facts) : undefined
    if (refusal)
      throw await explained(
        refusal,
        () => this.prepareOnly(text, signal),
        () => this.usable,
      )
    const unguarded = readOnly ? this.enforcement.refusalOf(text) : undefined
    if (unguarded) throw unguarded
    const fresh = this.renewal.before(isPlain, signal)
    if (fresh) await fresh
    await this.fit(readOnly, signal)
    if (facts.verb === "use") this.state.noteMove()
    this.state.noteRun(isPlain)
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
      this.state.noteRun(false)
      if (endsLink(error)) this.destroy(error as Error)
      // The next borrower needs a link to the server that took over.
      else if (refusesWrites(error)) this.broken = this.refusals.note()
      else if (!readOnly && !isPlain) await this.askStatus(signal)
      throw error
    }
  }

  /** An error does not bring the server's status, and DDL that fails has ended its transaction all the same. */
  private async askStatus(signal: AbortSignal): Promise<void> {
    if (!this.usable || !this.state.inTransaction) return
    const unwatch = watchAnswer(signal, () => this.destroy(new Error("No answer to DO 0.")))
    await this.runOwn("DO 0", never).catch(() => undefined)
    unwatch()
  }

  private async fit(readOnly: boolean, signal: AbortSignal): Promise<void> {
    const texts = this.state.statementsFor(readOnly)
    if (texts.length === 0) return
    this.state.applying()
    for (const text of texts) {
      const running = this.runOwn(text, signal)
      await (this.state.isInit(text) ? running.catch(failedInit) : running).catch(failedBefore)
    }
    this.state.applied(readOnly)
  }

  private runOwn(text: string, signal: AbortSignal): Promise<unknown> {
    return this.accompany(this.exchangeFor({ text, values: [] }, "text", ignored), signal, { own: true })
  }

  private exchangeFor(given: Statement, protocol: Protocol, taker: RowTaker): Exchange {
    const { text, values } = boundAs(given, this.state.backslashEscapes, this.typed, this.state.clock)
    return new Exchange({ text, values, protocol }, taker, (exchange) => this.cancelling.cancel(exchange))
  }

  private readerFor(protocol: Protocol, limits: Limits): ReaderFor {
    return readerFor(protocol, { ...limits, zeroDates: this.zeroDates, clock: () => this.state.clock })
  }

  /**
   * Sees one exchange through.
   *
   * @param own true for a statement of ours: what it changes leaves the session as the borrower must find it.
   */
  private async accompany(
    exchange: Exchange,
    signal: AbortSignal,
    { own = false } = {},
  ): Promise<OkPacket | undefined> {
    const unlisten = onAbort(signal, () => exchange.fail(signal.reason))
    this.link.stream.ref()
    this.current = exchange
    try {
      await this.cancelling.pending
      signal.throwIfAborted()
      this.wire.forgetStatus()
      exchange.begin(this.wire)
      const ok = await exchange.done
      this.state.note(ok, this.wire.status)
      if (!own && saysChanged(this.wire.anyStatus | (ok?.serverStatus ?? 0))) this.state.noteChange(ok)
      return ok
    } catch (error) {
      if (this.usable) await this.cancelling.pending
      throw error
    } finally {
      unlisten()
      this.current = undefined
      if (!this.isHandedOut) this.link.stream.unref()
    }
  }

  private async prepareOnly(text: string, signal: AbortSignal): Promise<void> {
    await this.tell((answered) => this.link.prepare(text, answered), signal)
    this.link.unprepare(text)
  }

  private renewalHost(database: string | undefined): RenewalHost {
    return {
      link: this.link,
      state: this.state,
      isUsable: () => this.usable,
      // Without a configured database there is no way back: then the statement fails, and the connection is not used again.
      home: `USE ${mysqlSyntax.quoteIdentifier(database ?? "")}`,
      tell: (send) => this.tell(send),
      quiet: async () => this.cancelling.pending,
      destroy: (error) => this.destroy(error),
    }
  }

  private tell(send: ShortCommand, signal?: AbortSignal): Promise<void> {
    return tell(this.link, send, (error) => this.destroy(error), signal)
  }

  private lost(error: unknown): void {
    const reason = reasonOf(error)
    if (!this.current) this.failure ??= reason
    this.broken = true
    this.current?.end(reason ?? error)
    if (!this.closed) this.link.stream.destroy()
  }

  private destroy(error: Error): void {
    this.broken = true
    this.link.stream.destroy(error)
  }
}
