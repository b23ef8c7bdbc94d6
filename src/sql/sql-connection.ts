import { keepSession } from "../core/index.ts"
import { isMooringError, MooringError } from "../errors.ts"
import type { Table } from "../tables/index.ts"
import { refuseUnknown } from "../util/known-options.ts"
import type { TransactionOptions } from "./dialect.ts"
import { paramSets, toExecuteResult, withValues } from "./execute-result.ts"
import { streamHolder } from "./held-too-long.ts"
import {
  beginOptions,
  callOptions,
  queryOptions,
  refuseWrappedParams,
  streamOptions,
  transactionOptions,
} from "./option-names.ts"
import type { AnyDatabase, CallOptions, ExecuteResult, QueryOptions, SqlText, StreamCallOptions } from "./options.ts"
import type { Params } from "./params.ts"
import type { Pool } from "./pool.ts"
import { reporting } from "./report.ts"
import type { Session } from "./session.ts"
import { SqlCore } from "./sql-core.ts"
import { TableStream } from "./table-stream.ts"
import {
  insideTransactionOf,
  refuseInside,
  runTransaction,
  type Transaction,
  type TransactionCallOptions,
} from "./transaction.ts"

/** A driver connection that a caller has taken out of the pool. */
export type RawConnection = { readonly raw: unknown } & AsyncDisposable

/**
 * A SQL database: cached and retried reads as Arrow tables, streams, statements, sessions and transactions, the same on
 * every dialect.
 *
 * @typeParam DB the tables, for the Kysely builder of `session.db()`.
 * @example
 * const pets = await connection("pets", { type: "sql" })
 * const owners = await pets.query("select * from owners where pet = :pet", { params: { pet: "cat" }, ttl: "10m" })
 */
export class SQLConnection<DB = AnyDatabase> extends SqlCore<DB> {
  static override readonly typeKey: string = "sql"

  /** The dialect's name, known without connecting. */
  get dialect(): string {
    return this._target.dialect.name
  }

  /** The package that talks to the database, known without connecting. */
  get driver(): string {
    const { config, dialect } = this._target
    return dialect.driver?.package ?? config.driver ?? "built in"
  }

  /** The pool of driver connections. A `reset()` makes another. */
  get engine(): Promise<Pool> {
    return this._instance.then(({ pool }) => pool)
  }

  /**
   * Reads rows. The engine refuses statements that change something. With a `ttl` the result is kept; equal calls in
   * flight share one execution; after a broken connection the statement is run again on a fresh one.
   *
   * @throws QueryError when the database fails it; MooringError `TOO_LARGE`, `TIMEOUT`, `BAD_PARAMS`, `READ_ONLY`; the
   * reason of `signal` when it aborts.
   * @example await pets.query("select * from owners where pet = :pet", { params: { pet: "cat" }, ttl: "10m" })
   */
  async query<Row = Record<string, unknown>>(sql: SqlText, options: QueryOptions = {}): Promise<Table<Row>> {
    refuseUnknown("query()", options, queryOptions, this.connectionName)
    refuseInside(this, this.connectionName, options.outside)
    if (!this._isKnown) await this._instance
    const table = await reporting(sql, async () => this._read(sql, options))
    return withValues<Row>(table, this._values, options.values)
  }

  /** The first column of the first row of a query; `undefined` without rows. */
  async scalar<T = unknown>(sql: SqlText, options: QueryOptions = {}): Promise<T | undefined> {
    refuseUnknown("scalar()", options, queryOptions, this.connectionName)
    const table = await this.query(sql, options)
    return table.numRows === 0 ? undefined : (table.getChildAt(0)?.at(0) as T)
  }

  /**
   * Reads rows in batches, in constant memory: the database waits while the reader does. Read-only; begun again after a
   * broken connection only before its first row.
   *
   * @example for await (const batch of trips.stream("select * from trips")) total += batch.numRows
   */
  stream<Row = Record<string, unknown>>(sql: SqlText, options: StreamCallOptions = {}): TableStream<Row> {
    refuseUnknown("stream()", options, streamOptions, this.connectionName)
    refuseInside(this, this.connectionName, options.outside)
    const statement = this._bind(sql, options.params)
    const inSession = keepSession()
    const held = streamHolder({ connection: this.connectionName, limit: this._leakWarning })
    return new TableStream<Row>({
      name: this.connectionName,
      values: { ...this._values, ...options.values },
      signal: options.signal,
      timeout: options.timeout,
      batchRows: options.batchRows,
      translate: (error) => this._translate(error, statement),
      open: (signal, shape) => inSession(async () => held(await this._openStream(statement, signal, shape))),
    })
  }

  /**
   * Runs a statement that changes something, as a transaction of its own. An array of param sets runs it for each, in
   * one transaction. It is tried again only when it cannot have reached the database.
   *
   * @example await pets.execute("insert into owners (name, pet) values (:name, :pet)", { name: "Ada", pet: "owl" })
   */
  async execute<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: Params | readonly Params[],
    options: CallOptions = {},
  ): Promise<ExecuteResult<Row>> {
    refuseUnknown("execute()", options, callOptions, this.connectionName)
    refuseWrappedParams(sql, params, this.connectionName)
    refuseInside(this, this.connectionName, options.outside)
    const sets = paramSets(params)
    if (sets.length > 1) {
      return await this.transaction((tx) => tx.execute<Row>(sql, params), { ...options, maxAttempts: 1 })
    }
    if (!this._isKnown) await this._instance
    const result = await reporting(sql, async () => {
      const statement = this._bind(sql, sets[0])
      return this._within(options, (signal) => this._runOnce(statement, signal))
    })
    return toExecuteResult<Row>([result], this._values)
  }

  /** A new session. Its first statement begins a transaction; without `commit()` it is rolled back. */
  get session(): Session<DB> {
    return this.begin()
  }

  /**
   * A new session with an isolation level or access mode.
   *
   * @throws MooringError `UNSUPPORTED` for a level that the database does not have.
   */
  begin(options: TransactionOptions & Pick<CallOptions, "outside" | "signal"> = {}): Session<DB> {
    refuseUnknown("begin()", options, beginOptions, this.connectionName)
    const { outside, signal, ...transaction } = options
    refuseInside(this, this.connectionName, outside)
    const { autocommit } = this._target.config
    if (autocommit && Object.keys(transaction).length > 0) throw this.#noTransactions()
    return this._session(transaction, { signal, autocommit })
  }

  /**
   * Runs `work` again from its beginning when the database reports a serialization failure or a deadlock, so it must
   * have no effect elsewhere. Commits when it returns, rolls back when it throws. A transaction also where the connection
   * is one of `autocommit`.
   *
   * @example
   * await accounts.transaction(async (tx) => {
   *   await tx.execute("update accounts set balance = balance - 5 where id = :id", { id: 1 })
   *   await tx.execute("update accounts set balance = balance + 5 where id = :id", { id: 2 })
   * })
   */
  async transaction<T>(
    work: (tx: Transaction<DB>) => Promise<T> | T,
    options: TransactionCallOptions = {},
  ): Promise<T> {
    refuseUnknown("transaction()", options, transactionOptions, this.connectionName)
    const { isolation, readOnly, maxAttempts = 5, outside } = options
    refuseInside(this, this.connectionName, outside)
    if (!this._isKnown) await this._instance
    const transaction = { ...(isolation && { isolation }), ...(readOnly && { readOnly }) }
    const run = (signal: AbortSignal | undefined) =>
      runTransaction<DB, T>({
        begin: () => this._session(transaction, { signal, inCallback: true }),
        work: (tx) => insideTransactionOf(this, () => this._holding(() => work(tx))),
        mayRerun: (error) => isMooringError(error) && this._classify(error) === "rerun",
        maxAttempts,
        signal,
      })
    return await reporting(undefined, () => this._within(options, run))
  }

  /** One driver connection out of the pool, for what Mooring does not do. Disposing of it gives it back. */
  async connect(options: CallOptions = {}): Promise<RawConnection> {
    refuseUnknown("connect()", options, callOptions, this.connectionName)
    refuseInside(this, this.connectionName, options.outside)
    const { connection, release } = await reporting(undefined, () =>
      this._linked(options, this._borrowing({ raw: true })),
    )
    const giveBack = async () => {
      await release("session")
      // Nobody knows what was done with it.
      await this._committed()
    }
    return { raw: connection.raw, [Symbol.asyncDispose]: giveBack }
  }

  /** Forgets kept results: of one statement with these params, of one statement, or all of this source. */
  async clearCache(sql?: SqlText, { params }: { params?: Params } = {}): Promise<void> {
    await this._forget(sql, params)
  }

  #noTransactions(): MooringError {
    const { connectionName: connection } = this
    const message = `Connection "${connection}": a session of an autocommit connection has no transaction to set up.`
    const hint = "Use transaction() with these options, or remove autocommit."
    return new MooringError("SESSION_STATE", message, { connection, hint })
  }
}
