import { MooringError } from "../../../errors.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import { cancelRunning, type OpenAside } from "./cancel.ts"
import type { ColumnDefinition, Connection, OkPacket } from "./driver.ts"
import { Exchange, type RowTaker } from "./exchange.ts"
import { noteFailure } from "./failures.ts"
import { bindValues, type TypedParameter } from "./params.ts"
import { checkReading, mayUndoReadOnly } from "./read-only.ts"
import { type ReaderFor, ResultTaker } from "./results.ts"
import { type RowOptions, RowReader, TextRowReader } from "./rows.ts"
import type { SessionState } from "./session-state.ts"
import { factsOf, type StatementFacts } from "./statements.ts"
import { MysqlStream, type Running } from "./stream.ts"

/** What a connection is made of. */
export interface ConnectionParts {
  readonly raw: Connection
  readonly state: SessionState
  readonly zeroDates: RowOptions["zeroDates"]
  /** `mysql2`'s parameters of a stated type. */
  readonly typed: TypedParameter | undefined
  /** Opens a connection for KILL QUERY. */
  readonly openAside: OpenAside
}

/** How long an answer to our own short statements may take; milliseconds. */
const controlPatience = 5_000

/** How long a server may take to hang up; milliseconds. */
const closePatience = 1_000

const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY } as const

type Protocol = "binary" | "text"

/** One connection: `mysql2`'s, and the session behind it. */
export class MysqlConnection implements DriverConnection {
  readonly raw: Connection
  private readonly state: SessionState
  private readonly zeroDates: RowOptions["zeroDates"]
  private readonly typed: TypedParameter | undefined
  private readonly openAside: OpenAside
  private closed = false
  private broken = false
  private current: Exchange | undefined
  /** A KILL QUERY under way: until it is through, it could hit the next statement. */
  private cancelling: Promise<unknown> | undefined

  constructor({ raw, state, zeroDates, typed, openAside }: ConnectionParts) {
    this.raw = raw
    this.state = state
    this.zeroDates = zeroDates
    this.typed = typed
    this.openAside = openAside
    // Idle, it must neither end the process nor keep it alive. What runs when the link breaks must not wait for ever.
    raw.on("error", (error: unknown) => this.lost(error))
    raw.on("end", () => this.lost(connectionLost()))
    raw.stream.once("close", () => this.lost(connectionLost()))
    raw.stream.unref()
  }

  get usable(): boolean {
    return !this.closed && !this.broken && !this.raw.stream.destroyed
  }

  /** Brings the session to what is configured, so that a wrong setting fails the connect. */
  async setUp(signal: AbortSignal): Promise<void> {
    await this.fit(false, signal)
  }

  async run(statement: Statement, options: RunOptions): Promise<RunResult> {
    const facts = factsOf(statement.text)
    return this.attempt(statement, facts, options, async (protocol) => {
      const taker = new ResultTaker(this.readerFor(protocol, options), options)
      const exchange = this.exchangeFor(statement, protocol, taker)
      return taker.finish(await this.accompany(exchange, options.signal))
    })
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    const facts = factsOf(statement.text)
    return this.attempt(statement, facts, options, async (protocol) => {
      const start = (taker: RowTaker): Running => {
        const exchange = this.exchangeFor(statement, protocol, taker)
        const done = this.accompany(exchange, options.signal)
        return { exchange, done, pause: () => this.raw.pause(), resume: () => this.raw.resume() }
      }
      const stream = new MysqlStream(this.readerFor(protocol, unlimited), options.batchRows, start)
      await stream.open()
      return stream
    })
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted()
    const abort = () => this.destroy(new Error("No answer to a ping."))
    signal.addEventListener("abort", abort, { once: true })
    try {
      await this.tell((answered) => this.raw.ping(answered))
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener("abort", abort)
    }
  }

  /** What is configured is set again before the next statement. */
  async reset(): Promise<void> {
    await this.cancelling
    this.state.forgetAll()
    const timer = setTimeout(() => this.destroy(new Error("No answer to a reset.")), controlPatience)
    try {
      await this.tell((answered) => this.raw.reset(answered))
    } finally {
      clearTimeout(timer)
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.current?.fail(new MooringError("ABORTED", "The connection was closed while a statement ran."))
    await this.current?.done.catch(() => undefined)
    const { stream } = this.raw
    if (stream.destroyed) return
    // A link that swallows everything would never say that it is closed.
    const timer = setTimeout(() => stream.destroy(), closePatience)
    stream.ref()
    await new Promise<void>((resolve) => {
      stream.once("close", resolve)
      this.raw.end()
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
    if (readOnly) checkReading(facts)
    await this.fit(readOnly, signal)
    let protocol: Protocol = values.length === 0 && unprepared.includes(facts.verb) ? "text" : "binary"
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await work(protocol)
        } catch (error) {
          const { errno = 0 } = error as { errno?: number }
          if (errno === cannotBePrepared && values.length === 0 && protocol === "binary") protocol = "text"
          else if (forgotten.includes(errno) && attempt < 3) this.raw.unprepare(text)
          else throw error
        }
      }
    } catch (error) {
      noteFailure(error, readOnly)
      throw error
    } finally {
      if (readOnly && mayUndoReadOnly(facts)) this.state.forgetMode()
      if (readOnly && facts.leavesState && this.usable) await this.reset().catch(() => undefined)
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

  private readerFor(protocol: Protocol, { maxRows, maxBytes }: Pick<RowOptions, "maxRows" | "maxBytes">): ReaderFor {
    const { zeroDates } = this
    const options = { maxRows, maxBytes, ...(zeroDates !== undefined && { zeroDates }) }
    return (given) => {
      const fields = this.state.isUtc ? given : given.map(withoutZone)
      return protocol === "binary" ? new RowReader(fields, options) : new TextRowReader(fields, options)
    }
  }

  /** Sees one exchange through. */
  private async accompany(exchange: Exchange, signal: AbortSignal): Promise<OkPacket | undefined> {
    const abort = () => exchange.fail(signal.reason)
    signal.addEventListener("abort", abort, { once: true })
    this.raw.stream.ref()
    this.current = exchange
    try {
      await this.cancelling
      signal.throwIfAborted()
      exchange.begin(this.raw)
      const ok = await exchange.done
      this.state.note(ok?.stateChanges?.systemVariables)
      return ok
    } catch (error) {
      if (this.usable) await this.cancelling
      throw error
    } finally {
      signal.removeEventListener("abort", abort)
      this.current = undefined
      this.raw.stream.unref()
    }
  }

  /** The server works on something that nobody waits for any more. */
  private cancel(exchange: Exchange): void {
    const { stream, threadId } = this.raw
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
    exchange.begin(this.raw)
    await exchange.done.catch(() => undefined)
    clearTimeout(timer)
  }

  /** One of `mysql2`'s short commands. */
  private tell(send: (answered: (error?: Error | null) => void) => unknown): Promise<void> {
    this.raw.stream.ref()
    return new Promise<void>((resolve, reject) => {
      send((error) => (error ? reject(error) : resolve()))
      this.raw.stream.once("close", () => reject(connectionLost()))
    }).finally(() => this.raw.stream.unref())
  }

  private lost(error: unknown): void {
    this.broken = true
    this.current?.end(error)
    if (!this.closed) this.raw.stream.destroy()
  }

  private destroy(error: Error): void {
    this.broken = true
    this.raw.stream.destroy(error)
  }
}

/** Statements that some servers cannot prepare, and that none gains from. */
const unprepared: readonly string[] = [
  "begin",
  "commit",
  "lock",
  "release",
  "rollback",
  "savepoint",
  "set",
  "start",
  "unlock",
  "use",
  "xa",
]

const cannotBePrepared = 1295

/** The server does not have a statement any more that it had prepared: nothing was run. */
const forgotten: readonly number[] = [1243, 1615]

const ignored: RowTaker = {
  describe() {},
  row() {},
  complete() {},
}

/** In a session of another zone, what a `timestamp` shows is no time of UTC: then it is read as a `datetime`. */
function withoutZone(field: ColumnDefinition): ColumnDefinition {
  if (field.columnType !== 7) return field
  return Object.create(field, { columnType: { value: 12, enumerable: true } }) as ColumnDefinition
}

function connectionLost(): Error {
  return Object.assign(new Error("The server closed the connection."), { code: "PROTOCOL_CONNECTION_LOST" })
}
