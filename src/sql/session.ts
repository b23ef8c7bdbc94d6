import type { Kysely } from "kysely"
import { MooringError } from "../errors.ts"
import type { Table } from "../tables/index.ts"
import { abortable, linkSignals, never } from "../util/abort.ts"
import { toMilliseconds } from "../util/duration.ts"
import { refuseUnknown } from "../util/known-options.ts"
import { capabilitiesOf, type RunResult, type Statement, type StreamShape, type TransactionOptions } from "./dialect.ts"
import { paramSets, toExecuteResult, withValues } from "./execute-result.ts"
import { kyselyOn } from "./kysely.ts"
import { callOptions, readOptions, refuseWrappedParams, streamOptions } from "./option-names.ts"
import type { AnyDatabase, CallOptions, ExecuteResult, ReadCallOptions, SqlText, StreamCallOptions } from "./options.ts"
import type { Params } from "./params.ts"
import { bound, reporting } from "./report.ts"
import { type SessionHost, SessionTransaction } from "./session-transaction.ts"
import { type OpenStream, TableStream } from "./table-stream.ts"

/**
 * One borrowed connection and the transactions on it, as in SQLAlchemy: the first statement begins a transaction, and
 * after `commit()` or `rollback()` the next one begins another. Statements queue. Nothing is cached, retried or replayed.
 *
 * Disposing of a session rolls back what was not committed and gives the connection back.
 *
 * @example
 * await using session = pets.session
 * await session.execute("update owners set pet = :pet where name = :name", { pet: "owl", name: "Ada" })
 * await session.commit()
 */
export class Session<DB = AnyDatabase> implements AsyncDisposable {
  readonly #host: SessionHost
  readonly #transaction: SessionTransaction
  readonly #signal: AbortSignal | undefined
  /** Streams that have a turn, or wait for one. */
  readonly #streams = new Set<AsyncDisposable>()
  #queue: Promise<unknown> = Promise.resolve()
  #savepoints = 0
  #db: Kysely<DB> | undefined

  /** @internal Made by `connection.session`, `begin()` and `transaction()`. */
  constructor(host: SessionHost, options: TransactionOptions = {}, signal?: AbortSignal) {
    this.#host = host
    this.#transaction = new SessionTransaction(host, options)
    this.#signal = signal
  }

  /** Runs one statement; an array of param sets runs it for each. */
  async execute<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: Params | readonly Params[],
    options: CallOptions = {},
  ): Promise<ExecuteResult<Row>> {
    refuseUnknown("execute()", options, callOptions, this.#host.name)
    refuseWrappedParams(sql, params, this.#host.name)
    return await reporting(sql, async () => {
      const statements = paramSets(params).map((set) => this.#bind(sql, set))
      return toExecuteResult<Row>(await this.#run(statements, options), this.#host.values)
    })
  }

  /** Reads rows. Sees what this session changed. */
  async query<Row = Record<string, unknown>>(sql: SqlText, options: ReadCallOptions = {}): Promise<Table<Row>> {
    refuseUnknown("query() of a session", options, readOptions, this.#host.name)
    const [result] = await reporting(sql, async () => this.#run([this.#bind(sql, options.params)], options))
    return withValues<Row>(result!.table, this.#host.values, options.values)
  }

  /** The first column of the first row; `undefined` without rows. */
  async scalar<T = unknown>(sql: SqlText, options: ReadCallOptions = {}): Promise<T | undefined> {
    const table = await this.query(sql, options)
    return table.numRows === 0 ? undefined : (table.getChildAt(0)?.at(0) as T)
  }

  /** Reads rows in batches. The session's next statement waits until the stream has ended. */
  stream<Row = Record<string, unknown>>(sql: SqlText, options: StreamCallOptions = {}): TableStream<Row> {
    refuseUnknown("stream() of a session", options, streamOptions, this.#host.name)
    const statement = this.#bind(sql, options.params)
    const stream: TableStream<Row> = new TableStream<Row>({
      name: this.#host.name,
      values: { ...this.#host.values, ...options.values },
      signal: [options.signal, this.#signal],
      timeout: options.timeout,
      batchRows: options.batchRows,
      translate: (error) => this.#transaction.failure(error, undefined, undefined, statement),
      open: (signal, shape) => this.#openStream(stream, statement, signal, shape),
    })
    return stream
  }

  /**
   * Makes what was done since the last commit permanent.
   *
   * @throws QueryError with the outcome `unknown` where the link broke before the answer; MooringError `TIMEOUT` after
   * `timeout`. In both cases it may have taken effect.
   * @example await session.commit({ timeout: "10s" })
   */
  async commit(options: CallOptions = {}): Promise<void> {
    refuseUnknown("commit()", options, callOptions, this.#host.name)
    if (this.#hasNoTransactions("commit")) return
    await reporting(undefined, () =>
      this.#within(options, "A commit", async (signal) => {
        // Whoever gave the signal takes the transaction for given up.
        signal.throwIfAborted()
        await this.#transaction.commit(signal)
      }),
    )
  }

  /** Undoes what was done since the last commit. */
  async rollback(): Promise<void> {
    if (this.#hasNoTransactions("rollback")) return
    await this.#inTurn(() => this.#transaction.rollback())
  }

  /**
   * Runs `work` so that its changes can be undone alone: they are kept when it returns and undone when it throws.
   *
   * @throws MooringError `UNSUPPORTED` where the database has no savepoints (DuckDB).
   */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    if (this.#host.autocommit) throw this.#meaningless("savepoint")
    if (!capabilitiesOf(this.#host.dialect).savepoints) {
      throw new MooringError("UNSUPPORTED", `${this.#host.dialect.name} has no savepoints.`, {
        connection: this.#host.name,
        hint: "Use one transaction per unit of work.",
      })
    }
    const name = `mooring_${++this.#savepoints}`
    await this.#inTurn(() => this.#transaction.savepoint(name, this.#signal ?? never))
    try {
      const result = await work()
      await this.#inTurn(() => this.#transaction.releaseSavepoint(name, this.#signal ?? never))
      return result
    } catch (error) {
      await this.#inTurn(() => this.#transaction.rollbackToSavepoint(name)).catch(() => undefined)
      throw error
    }
  }

  /**
   * A typed Kysely builder on this session's transaction.
   *
   * @throws MooringError `DRIVER_MISSING` without the package `kysely`.
   */
  db(): Kysely<DB> {
    const { dialect, name, values } = this.#host
    this.#db ??= kyselyOn<DB>(dialect, name, async (statement) => {
      const [result] = await this.#run([statement], {})
      return { ...result!, table: withValues(result!.table, values) }
    })
    return this.#db
  }

  /** Rolls back what was not committed and gives the connection back. Later use is an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    // A stream that nobody reads to its end would keep its turn for ever.
    await Promise.all([...this.#streams].map((stream) => stream[Symbol.asyncDispose]()))
    await this.#inTurn(() => this.#transaction.end())
  }

  #bind(sql: SqlText, params: Params | undefined): Statement {
    return bound(sql, params, this.#host)
  }

  #run(statements: readonly Statement[], options: CallOptions): Promise<RunResult[]> {
    return this.#within(options, "A statement", (signal) => this.#transaction.run(statements, signal))
  }

  /** Runs `work` in its turn. Who gives up while others have theirs is told at once. */
  async #within<T>(options: CallOptions, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { name: connection } = this.#host
    const timeout = options.timeout === undefined ? undefined : toMilliseconds(options.timeout, "timeout")
    const late = `${what} on connection "${connection}" took longer than its timeout of ${timeout! / 1000} s.`
    const limits = { signal: [options.signal, this.#signal], timeout, connection }
    const { signal, dispose } = linkSignals(limits, late)
    try {
      return await abortable(
        this.#inTurn(() => work(signal)),
        signal,
      )
    } finally {
      dispose()
    }
  }

  /** Opens a stream in its turn; the turn lasts until the stream is released. */
  #openStream(
    stream: AsyncDisposable,
    statement: Statement,
    signal: AbortSignal,
    shape: StreamShape,
  ): Promise<OpenStream> {
    this.#streams.add(stream)
    return new Promise((opened, failed) => {
      const turn = this.#inTurn(async () => {
        const records = await this.#transaction.stream(statement, { signal, ...shape })
        await new Promise<void>((ended) => opened({ records, release: async () => ended() }))
      })
      turn.catch(failed).finally(() => this.#streams.delete(stream))
    })
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** @throws MooringError `SESSION_STATE` where that is an error. */
  #hasNoTransactions(what: string): boolean {
    const { autocommit, ignoresCommit } = this.#host
    if (autocommit && !ignoresCommit) throw this.#meaningless(what)
    return autocommit
  }

  #meaningless(what: string): MooringError {
    const { name: connection } = this.#host
    const message = `Connection "${connection}": ${what}() has no meaning on an autocommit connection.`
    return new MooringError("SESSION_STATE", message, {
      connection,
      hint: "Use transaction(), remove autocommit, or leave the call out.",
    })
  }
}
