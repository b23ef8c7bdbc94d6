import { MooringError } from "../../../errors.ts"
import { onAbort } from "../../../util/abort.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import { asRead } from "../../escapes.ts"
import { type CancelTarget, cancelRunning } from "./cancel.ts"
import type { TypeCatalog } from "./catalog.ts"
import type { Client } from "./driver.ts"
import { type ExchangeHost, type ExchangeStatement, type RowTaker, StatementExchange } from "./exchange.ts"
import { noteOutdated, noteStatement } from "./failures.ts"
import { explainRefusal, type Guard } from "./guard.ts"
import { isRefusedChange, OnlyReads, onlyReads } from "./only-reads.ts"
import { Probe, undoProbe } from "./probe.ts"
import { ignored, ResultTaker } from "./result.ts"
import { SessionCare } from "./session-care.ts"
import { Statements } from "./statements.ts"
import { PostgresStream, type Running } from "./stream.ts"
import { checkText, nothing, type TypedText, type Typing, type Typings, UnfitValue } from "./typing.ts"
import type { ColumnarWire } from "./wire/wire.ts"

/** What a connection is made of. */
export interface ConnectionParts {
  readonly client: Client
  readonly wire: ColumnarWire
  readonly catalog: TypeCatalog
  readonly typings: Typings
  readonly guard: Guard
  readonly target: CancelTarget
  /** Whether statements may be kept on the server. */
  readonly keepsStatements: boolean
}

/** How long a server may take to hang up; milliseconds. */
const closePatience = 1_000

/** How often a statement is prepared again, the first time included. */
const mostAttempts = 3

/** One connection: `pg`'s client, and our conversations on its socket. */
export class PostgresConnection implements DriverConnection, ExchangeHost {
  readonly raw: Client
  readonly statements: Statements
  readonly catalog: TypeCatalog
  readonly guard: Guard
  private readonly typings: Typings
  private readonly wire: ColumnarWire
  private readonly target: CancelTarget
  private closed = false
  /** `pg` says that the server ended the session; the link may still stand. */
  private broken = false
  /** The first that `pg` said of that: the server's own reason. */
  failure: unknown
  private readonly startedWritable: boolean
  private readonly care: SessionCare
  private current: StatementExchange | Probe | undefined
  /** Cancel requests under way: until they are through, they could hit the next statement. */
  private cancelling: Promise<unknown> | undefined

  constructor(parts: ConnectionParts) {
    this.raw = parts.client
    this.wire = parts.wire
    this.catalog = parts.catalog
    this.typings = parts.typings
    this.guard = parts.guard
    this.target = parts.target
    this.statements = new Statements(parts.keepsStatements)
    this.care = new SessionCare({ ...parts, statements: this.statements })
    this.startedWritable = !onlyReads(this.wire.parameters)
    // Idle, it must neither end the process nor keep it alive.
    this.raw.on("error", (error: unknown) => {
      this.failure ??= error
      this.broken = true
    })
    this.care.unref()
  }

  /** {@link ExchangeHost}: the server sends UTF-8, whatever its database has, until somebody asks for something else. */
  get checksText(): boolean {
    return this.wire.parameters.get("client_encoding") !== "UTF8"
  }

  get inTransaction(): boolean {
    return this.wire.status !== "I"
  }

  get usable(): boolean {
    return !this.closed && !this.broken && !this.care.spoilt && this.wire.failure === undefined
  }

  async run(statement: Statement, options: RunOptions): Promise<RunResult> {
    const { readOnly, signal } = options
    return this.typed(statement, options, async (typed) => {
      const result = new ResultTaker(options)
      await this.converse({ ...typed, readOnly, rowLimit: 0 }, result, signal)
      return result.finish()
    })
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    const { readOnly, batchRows: rowLimit, signal } = options
    return this.typed(statement, options, async (typed) => {
      const stream = new PostgresStream((taker) => this.begin({ ...typed, readOnly, rowLimit }, taker, signal))
      await stream.open()
      return stream
    })
  }

  /**
   * Runs a statement with its parameters so declared that the server understands it, which may take several attempts. In a
   * transaction of the caller's it is found out before, since the error of a statement that the server does not understand
   * would end that.
   */
  private async typed<T>(
    given: Statement,
    { readOnly, signal }: { readOnly: boolean; signal: AbortSignal },
    run: (typed: TypedText & Pick<ExchangeStatement, "check">) => Promise<T>,
  ): Promise<T> {
    const statement = asRead(given, this.wire.parameters.get("standard_conforming_strings") === "off")
    const typing = this.typings.of(statement, readOnly)
    if (this.wire.status === "T" && !readOnly && typing.isDoubtful(this.statements)) await this.probe(typing, signal)
    for (let attempt = 1; ; ) {
      try {
        const result = await run({ ...typing.sent, check: typing.check })
        typing.succeeded()
        return result
      } catch (error) {
        // Nothing was run: the server did not understand the statement, or a value does not fit.
        if ((error instanceof UnfitValue || this.wire.status === "I") && typing.next(error)) continue
        if (!this.mayTryAgain(error, typing.sent.key, attempt++)) throw typing.reason(error)
      }
    }
  }

  private async probe(typing: Typing, signal: AbortSignal): Promise<void> {
    for (;;) {
      const probe = new Probe(typing.sent, () => this.cancel(probe))
      try {
        await this.send(probe, typing.sent.text, signal)
        typing.succeeded()
        return
      } catch (error) {
        if (probe.refused) noteStatement(error, { text: typing.sent.text, readOnly: false })
        if (!probe.refused || !typing.next(error)) throw typing.reason(error)
        await this.care.control(undoProbe, signal)
      }
    }
  }

  private async send(probe: Probe, text: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    checkText(text)
    const unlisten = onAbort(signal, () => probe.fail(signal.reason))
    this.raw.ref()
    this.current = probe
    try {
      if (this.cancelling) await this.cancelling
      this.raw.query(probe)
      await probe.done
    } finally {
      await this.cancelling
      unlisten()
      this.current = undefined
      this.care.unref()
    }
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.converse({ ...nothing, readOnly: false, rowLimit: 0 }, ignored, signal)
    if (this.startedWritable && onlyReads(this.wire.parameters)) throw new OnlyReads()
  }

  async handOut(): Promise<void> {
    this.care.lend()
  }

  async reset(): Promise<void> {
    await this.care.renew()
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.raw.ref()
    this.current?.fail(new MooringError("ABORTED", "The connection was closed while a statement ran."))
    await this.current?.done.catch(() => undefined)
    // A link that swallows everything would never say that it is closed.
    const timer = setTimeout(() => this.wire.stream.destroy(), closePatience)
    this.raw.ref()
    await this.raw.end()
    clearTimeout(timer)
  }

  /** {@link ExchangeHost}: the server works on something that nobody waits for any more. */
  cancel(exchange: StatementExchange | Probe): void {
    const { wire } = this
    const before = wire.stream.bytesRead
    const cancelled = cancelRunning(this.target, {
      client: this.raw,
      ended: exchange.done,
      heard: () => wire.stream.bytesRead > before,
      get isDestroyed() {
        return wire.failure !== undefined
      },
      destroy: () => wire.stream.destroy(new Error("The statement could not be cancelled.")),
    }).finally(() => {
      if (this.cancelling === cancelled) this.cancelling = undefined
    })
    this.cancelling = cancelled
  }

  private converse(statement: ExchangeStatement, taker: RowTaker, signal: AbortSignal): Promise<void> {
    return this.begin(statement, taker, signal).done
  }

  private begin(statement: ExchangeStatement, taker: RowTaker, signal: AbortSignal): Running {
    const exchange = new StatementExchange(this, statement, taker)
    const done = this.accompany(exchange, signal)
    return { exchange, done, pause: () => this.care.unref(), resume: () => this.raw.ref() }
  }

  /** Sees one exchange through, and leaves the connection outside a transaction that the exchange began. */
  private async accompany(exchange: StatementExchange, signal: AbortSignal): Promise<void> {
    const { statement } = exchange
    signal.throwIfAborted()
    checkText(statement.text)
    const unlisten = onAbort(signal, () => {
      // A stream that waits to be read on does not keep the process alive; its end has to be awaited.
      this.raw.ref()
      exchange.fail(signal.reason)
    })
    this.raw.ref()
    this.current = exchange
    try {
      if (this.cancelling) await this.cancelling
      // Left behind by whoever had the connection before.
      if (statement.readOnly) await this.care.control(this.care.undone, signal)
      this.raw.query(exchange)
      await exchange.done
      if (statement.readOnly) await this.care.leave(exchange, signal)
    } catch (error) {
      await this.cancelling
      // Its own part is done by then.
      const isDone = this.guard.lacks(exchange.refusedControl, error)
      if (exchange.refused) noteStatement(error, statement)
      if (isRefusedChange(error) && !statement.readOnly) this.care.refusedChange = true
      if (statement.readOnly && this.usable) await this.care.leave(exchange, signal)
      if (!isDone)
        throw await explainRefusal(error, exchange.refusedControl, (texts) => this.care.control(texts, signal))
    } finally {
      unlisten()
      this.current = undefined
      this.care.unref()
    }
  }

  /**
   * A kept statement that the server no longer has, or whose columns have changed since: nothing was run, and it is
   * forgotten. Inside a transaction of the caller's, the error has ended that: only the whole of it can be run again.
   */
  private mayTryAgain(error: unknown, key: string, attempt: number): boolean {
    if (!this.statements.outdatedBy(error, key)) return false
    if (this.wire.status !== "I") {
      noteOutdated(error)
      return false
    }
    return attempt < mostAttempts
  }
}
