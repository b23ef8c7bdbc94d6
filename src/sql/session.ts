import type { Kysely } from "kysely"
import { MooringError } from "../errors.ts"
import type { Table, ValueOptions } from "../tables/index.ts"
import { linkSignals } from "../util/abort.ts"
import { toMilliseconds } from "../util/duration.ts"
import {
  bindTargetOf,
  capabilitiesOf,
  type Dialect,
  type DriverConnection,
  type RunResult,
  type Statement,
  type TransactionOptions,
} from "./dialect.ts"
import type { Borrowed } from "./engine.ts"
import { paramSets, toExecuteResult } from "./execute-result.ts"
import { kyselyOn } from "./kysely.ts"
import type { AnyDatabase, CallOptions, ExecuteResult, ReadCallOptions, SqlText, StreamCallOptions } from "./options.ts"
import type { Params } from "./params.ts"
import { toQueryError } from "./query-error.ts"
import { type OpenStream, TableStream } from "./table-stream.ts"
import { toStatement } from "./template.ts"

/** What a session needs of its connection. */
export interface SessionHost {
  readonly name: string
  readonly dialect: Dialect
  readonly autocommit: boolean
  readonly values: ValueOptions | undefined
  borrow(signal: AbortSignal): Promise<Borrowed>
  /** A commit may have changed what queries answer. */
  committed(): Promise<void>
}

type State = "idle" | "active" | "failed" | "closed"

const never = new AbortController().signal

/** A session gives what it is asked for, whatever its size. */
const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY, readOnly: false } as const

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
  readonly #options: TransactionOptions
  readonly #signal: AbortSignal | undefined
  #borrowed: Promise<Borrowed> | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #state: State = "idle"
  #savepoints = 0
  #db: Kysely<DB> | undefined

  /** @internal Made by `connection.session`, `begin()` and `transaction()`. */
  constructor(host: SessionHost, options: TransactionOptions = {}, signal?: AbortSignal) {
    this.#host = host
    this.#options = options
    this.#signal = signal
  }

  /** Runs one statement; an array of param sets runs it for each. */
  async execute<Row = Record<string, unknown>>(
    sql: SqlText,
    params?: Params | readonly Params[],
    options: CallOptions = {},
  ): Promise<ExecuteResult<Row>> {
    const results: RunResult[] = []
    for (const set of paramSets(params)) {
      results.push(await this.#run(this.#bind(sql, set), options))
    }
    return toExecuteResult<Row>(results, this.#host.values)
  }

  /** Reads rows. Sees what this session changed. */
  async query<Row = Record<string, unknown>>(sql: SqlText, options: ReadCallOptions = {}): Promise<Table<Row>> {
    const { table } = await this.#run(this.#bind(sql, options.params), options)
    const values = options.values ?? this.#host.values
    return (values ? table.withValues(values) : table) as Table<Row>
  }

  /** The first column of the first row; `undefined` without rows. */
  async scalar<T = unknown>(sql: SqlText, options: ReadCallOptions = {}): Promise<T | undefined> {
    const table = await this.query(sql, options)
    return table.numRows === 0 ? undefined : (table.getChildAt(0)?.at(0) as T)
  }

  /** Reads rows in batches. The session's next statement waits until the stream has ended. */
  stream<Row = Record<string, unknown>>(sql: SqlText, options: StreamCallOptions = {}): TableStream<Row> {
    const statement = this.#bind(sql, options.params)
    return new TableStream<Row>({
      name: this.#host.name,
      values: options.values ?? this.#host.values,
      signal: options.signal,
      timeout: options.timeout,
      batchRows: options.batchRows,
      translate: (error) => this.#translate(error),
      open: (signal, batchRows) => this.#openStream(statement, signal, batchRows),
    })
  }

  /** Makes what was done since the last commit permanent. */
  async commit(): Promise<void> {
    this.#refuseWithAutocommit("commit")
    await this.#enqueue(async () => {
      this.#refuseWhenClosed()
      if (this.#state === "failed") {
        throw this.#stateError("A statement of this transaction failed, so it cannot be committed.", "Call rollback().")
      }
      if (this.#state !== "active") return
      await this.#control("COMMIT", "unknown")
      this.#state = "idle"
      await this.#host.committed()
    })
  }

  /** Undoes what was done since the last commit. */
  async rollback(): Promise<void> {
    this.#refuseWithAutocommit("rollback")
    await this.#enqueue(async () => {
      this.#refuseWhenClosed()
      await this.#rollBack()
    })
  }

  /**
   * Runs `work` so that its changes can be undone alone: they are kept when it returns and undone when it throws.
   *
   * @throws MooringError `UNSUPPORTED` where the database has no savepoints (DuckDB).
   */
  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    if (!capabilitiesOf(this.#host.dialect).savepoints) {
      throw new MooringError("UNSUPPORTED", `${this.#host.dialect.name} has no savepoints.`, {
        connection: this.#host.name,
        hint: "Use one transaction per unit of work.",
      })
    }
    const name = `mooring_${++this.#savepoints}`
    await this.#enqueue(async () => {
      await this.#begun(this.#signal ?? never)
      await this.#control(`SAVEPOINT ${name}`)
    })
    try {
      const result = await work()
      await this.#enqueue(() => this.#control(`RELEASE SAVEPOINT ${name}`))
      return result
    } catch (error) {
      await this.#enqueue(async () => {
        await this.#control(`ROLLBACK TO SAVEPOINT ${name}`)
        await this.#control(`RELEASE SAVEPOINT ${name}`)
        if (this.#state === "failed") this.#state = "active"
      }).catch(() => undefined)
      throw error
    }
  }

  /**
   * A typed Kysely builder on this session's transaction.
   *
   * @throws MooringError `DRIVER_MISSING` without the package `kysely`.
   */
  db(): Kysely<DB> {
    this.#db ??= kyselyOn<DB>(this.#host.dialect, this.#host.name, (statement) => this.#run(statement, {}))
    return this.#db
  }

  /** Rolls back what was not committed and gives the connection back. Later use is an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "closed") return
    await this.#enqueue(async () => {
      if (this.#state === "closed") return
      await this.#rollBack().catch(() => undefined)
      this.#state = "closed"
      const borrowed = await this.#borrowed?.catch(() => undefined)
      await borrowed?.release("session")
    })
  }

  /** @internal True once a statement failed in the present transaction. */
  get failed(): boolean {
    return this.#state === "failed"
  }

  #bind(sql: SqlText, params: Params | undefined): Statement {
    return toStatement(sql, params, bindTargetOf(this.#host.dialect))
  }

  async #run(statement: Statement, options: CallOptions): Promise<RunResult> {
    const timeout = options.timeout === undefined ? undefined : toMilliseconds(options.timeout, "timeout")
    const late = `A statement on connection "${this.#host.name}" took longer than ${timeout} ms.`
    const { signal, dispose } = linkSignals({ signal: [options.signal, this.#signal], timeout }, late)
    try {
      return await this.#enqueue(async () => {
        signal.throwIfAborted()
        const { connection } = await this.#begun(signal)
        try {
          return await connection.run(statement, { ...unlimited, signal })
        } catch (error) {
          this.#noteFailure(connection)
          throw this.#translate(error)
        }
      })
    } finally {
      dispose()
    }
  }

  /** Opens a stream in its turn; the turn lasts until the stream is released. */
  #openStream(statement: Statement, signal: AbortSignal, batchRows: number): Promise<OpenStream> {
    return new Promise((opened, failed) => {
      const turn = this.#enqueue(async () => {
        const { connection } = await this.#begun(signal)
        const records = await connection.stream(statement, { signal, batchRows, readOnly: false })
        await new Promise<void>((ended) => opened({ records, release: async () => ended() }))
        if (!connection.usable) this.#noteFailure(connection)
      })
      turn.catch((error) => failed(this.#translate(error)))
    })
  }

  /** The borrowed connection, in a transaction. */
  async #begun(signal: AbortSignal): Promise<Borrowed> {
    this.#refuseWhenClosed()
    if (this.#state === "failed") {
      throw this.#stateError("An earlier statement of this transaction failed.", "Call rollback() to begin anew.")
    }
    this.#borrowed ??= this.#host.borrow(signal)
    let borrowed: Borrowed
    try {
      borrowed = await this.#borrowed
    } catch (error) {
      this.#borrowed = undefined
      throw toQueryError(error, this.#host.dialect, { connection: this.#host.name, outcome: "notRun" })
    }
    if (this.#state === "idle" && !this.#host.autocommit) {
      for (const text of this.#host.dialect.begin(this.#options)) await this.#control(text, "notRun")
      this.#state = "active"
    }
    return borrowed
  }

  async #rollBack(): Promise<void> {
    if (this.#state !== "active" && this.#state !== "failed") return
    const { connection } = await this.#borrowed!
    this.#state = "idle"
    // A broken connection took its transaction with it: the next statement gets another one.
    if (!connection.usable) return this.#giveBack()
    await this.#control("ROLLBACK").catch(() => this.#giveBack())
  }

  async #giveBack(): Promise<void> {
    const borrowed = await this.#borrowed
    this.#borrowed = undefined
    await borrowed?.release("session")
  }

  async #control(text: string, outcome: "unknown" | "notRun" | "failed" = "failed"): Promise<void> {
    const { connection } = await this.#borrowed!
    try {
      await connection.run({ text, values: [] }, { ...unlimited, signal: never })
    } catch (error) {
      this.#noteFailure(connection)
      throw this.#translate(error, connection.usable && outcome === "unknown" ? "failed" : outcome)
    }
  }

  /** Whether a failed statement spoils its transaction is the database's affair; a broken connection always does. */
  #noteFailure(connection: DriverConnection): void {
    const { errorAbortsTransaction } = capabilitiesOf(this.#host.dialect)
    if (this.#state === "active" && (errorAbortsTransaction || !connection.usable)) this.#state = "failed"
  }

  #translate(error: unknown, outcome?: "unknown" | "notRun" | "failed"): Error {
    return toQueryError(error, this.#host.dialect, { connection: this.#host.name, ...(outcome && { outcome }) })
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  #refuseWhenClosed(): void {
    if (this.#state === "closed") throw this.#stateError("This session was disposed of.", "Take a new one.")
  }

  #refuseWithAutocommit(what: string): void {
    if (!this.#host.autocommit) return
    throw this.#stateError(`${what}() has no meaning on an autocommit connection.`, "Remove autocommit, or the call.")
  }

  #stateError(message: string, hint: string): MooringError {
    return new MooringError("SESSION_STATE", `Connection "${this.#host.name}": ${message}`, {
      connection: this.#host.name,
      hint,
    })
  }
}
