import { MooringError, type Outcome, QueryError } from "../errors.ts"
import type { ValueOptions } from "../tables/index.ts"
import { withDeadline } from "../util/abort.ts"
import { traced } from "../util/tracing.ts"
import {
  capabilitiesOf,
  type DriverConnection,
  type RecordStream,
  type RunResult,
  type Statement,
  type StreamOptions,
  type TransactionOptions,
} from "./dialect.ts"
import type { Borrowed } from "./engine.ts"
import { grace } from "./opener.ts"
import { actionOf, locating, toQueryError } from "./query-error.ts"
import type { Binder } from "./report.ts"
import { noticed, streamEnd } from "./told-stream.ts"

/** What a session needs of its connection. */
export interface SessionHost extends Binder {
  readonly autocommit: boolean
  /** Of an autocommit connection: commit() and rollback() do nothing, and are no errors. */
  readonly ignoresCommit: boolean
  /** Whether `transaction()` commits and rolls back, and not the caller. */
  readonly inCallback: boolean
  readonly values: ValueOptions | undefined
  borrow(signal: AbortSignal): Promise<Borrowed>
  /** A commit may have changed what queries answer. */
  committed(): Promise<void>
}

/** What kind of session is made. */
export interface SessionKind extends Partial<Pick<SessionHost, "autocommit" | "inCallback">> {
  readonly signal?: AbortSignal | undefined
}

/** How often a transaction is begun where connections turn out to be dead. */
const beginAttempts = 3

/** Of a connection that broke while nothing ran, and nobody said why. */
const brokenBefore = {
  kind: "connection",
  outcome: "notRun",
  hint: "The database has undone the transaction: run it again. Did it wait for longer than the server allows?",
} as const

/** A session gives what it is asked for, whatever its size. */
const unlimited = { maxRows: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY, readOnly: false } as const

/**
 * The connection that a session has borrowed, and the state of the transaction on it. Its methods are called one at a
 * time: the session's queue sees to that.
 */
export class SessionTransaction {
  readonly #host: SessionHost
  readonly #begin: readonly string[]
  #borrowed: Borrowed | undefined
  #state: "idle" | "active" | "failed" | "closed" = "idle"
  /** Why it failed: for its connection, not for what was run on it. */
  #broken = false
  /** Those of the present transaction. */
  readonly #savepoints = new Set<string>()

  /** @throws MooringError `UNSUPPORTED` for options that the database does not have. */
  constructor(host: SessionHost, options: TransactionOptions) {
    this.#host = host
    this.#begin = locating(host.name, () => host.dialect.begin(options))
  }

  /** Runs statements, on an autocommit connection as one transaction if there are several. */
  async run(statements: readonly Statement[], signal: AbortSignal): Promise<RunResult[]> {
    const { autocommit } = this.#host
    const bundled = autocommit && statements.length > 1
    try {
      const results: RunResult[] = []
      for (const statement of statements) {
        const { connection } = await this.begun(signal, !autocommit || bundled)
        results.push(await this.#runOne(connection, statement, signal))
      }
      if (bundled) await this.commit(signal)
      return results
    } catch (error) {
      if (bundled) await this.rollback()
      throw error
    } finally {
      if (autocommit) await this.#host.committed()
    }
  }

  async stream(statement: Statement, options: Omit<StreamOptions, "readOnly">): Promise<RecordStream> {
    const { connection } = await this.begun(options.signal)
    const stream = async () => {
      const records = await connection.stream(statement, { ...options, readOnly: false })
      return noticed(records, options.signal, (error) => this.failure(error))
    }
    return this.#told(statement, stream, options.signal, streamEnd)
  }

  /** The borrowed connection, in a transaction. */
  async begun(signal: AbortSignal, begin: boolean = !this.#host.autocommit): Promise<Borrowed> {
    signal.throwIfAborted()
    this.#refuseWhenClosed()
    if (this.#state === "failed") {
      const why = this.#broken
        ? "The connection broke in this transaction, or was given up, and the database undoes it."
        : "An earlier statement of this transaction failed."
      throw this.#stateError(why, this.#advice("Call rollback() to begin anew."))
    }
    for (let attempt = 1; ; attempt++) {
      // What broke between two transactions took nothing with it.
      if (this.#state === "idle" && this.#borrowed?.connection.usable === false) await this.#giveBack()
      this.#borrowed ??= await this.#borrow(signal)
      if (this.#state !== "idle" || !begin) return this.#borrowed
      try {
        for (const text of this.#begin) await this.#control(text, "notRun", signal)
        this.#state = "active"
        this.#savepoints.clear()
        return this.#borrowed
      } catch (error) {
        // Nothing of the caller's was run on it yet.
        if (signal.aborted || attempt === beginAttempts || this.#borrowed.connection.usable) throw error
      }
    }
  }

  async commit(signal: AbortSignal): Promise<void> {
    this.#refuseWhenClosed()
    if (this.#state === "failed") {
      const message = "A statement of this transaction failed, so it cannot be committed."
      throw this.#stateError(message, this.#advice("Call rollback()."))
    }
    if (this.#state !== "active") return
    try {
      await this.#control("COMMIT", "unknown", signal)
      this.#state = "idle"
    } finally {
      // Also after an error: it may have taken effect all the same.
      await this.#host.committed()
    }
  }

  async rollback(): Promise<void> {
    this.#refuseWhenClosed()
    if (this.#state !== "active" && this.#state !== "failed") return
    this.#state = "idle"
    // A broken connection took its transaction with it: the next statement gets another one.
    if (!this.#borrowed!.connection.usable) return this.#giveBack()
    await this.#undo("ROLLBACK").catch(() => this.#giveBack())
  }

  async savepoint(name: string, signal: AbortSignal): Promise<void> {
    await this.begun(signal, true)
    await this.#control(`SAVEPOINT ${name}`, "failed", signal)
    this.#savepoints.add(name)
  }

  async releaseSavepoint(name: string, signal: AbortSignal): Promise<void> {
    // It went with its transaction, which a statement has ended.
    if (!this.#savepoints.has(name)) return
    await this.#control(`RELEASE SAVEPOINT ${name}`, "failed", signal)
  }

  async rollbackToSavepoint(name: string): Promise<void> {
    // The transaction in which it was set has ended: all that can still be undone is what came afterwards.
    if (!this.#savepoints.has(name)) return this.rollback()
    await this.#undo(`ROLLBACK TO SAVEPOINT ${name}`)
    await this.#undo(`RELEASE SAVEPOINT ${name}`)
    if (this.#state === "failed") this.#state = "active"
  }

  /** Rolls back what was not committed and gives the connection back, for good. */
  async end(): Promise<void> {
    if (this.#state === "closed") return
    try {
      await this.rollback()
    } finally {
      this.#state = "closed"
      await this.#giveBack()
    }
  }

  /** A driver's error as one of ours, or the reason of the signal. Afterwards the transaction may be good for nothing. */
  failure(error: unknown, signal?: AbortSignal, outcome?: Outcome, statement?: Statement): unknown {
    const { dialect, name } = this.#host
    const action = actionOf(error, dialect)
    const lost = action === "lost"
    const usable = this.#borrowed?.connection.usable === true && !lost
    // Whether a failed statement spoils its transaction is the database's affair. A broken connection always does, and so
    // does a deadlock: MySQL rolls back then, and would run what follows outside of any transaction.
    const spoilt = !usable || action === "rerun" || capabilitiesOf(dialect).errorAbortsTransaction
    if (this.#state === "active" && spoilt) {
      this.#state = "failed"
      this.#broken = !usable
    }
    if (lost) this.#borrowed?.lost()
    if (signal?.aborted) return signal.reason
    const result = outcome ?? (lost ? "unknown" : "failed")
    return toQueryError(error, dialect, { connection: name, outcome: result, statement })
  }

  async #runOne(connection: DriverConnection, statement: Statement, signal: AbortSignal): Promise<RunResult> {
    const run = () => connection.run(statement, { ...unlimited, signal })
    try {
      return await this.#told(statement, run, signal)
    } finally {
      // Also after an error: DDL commits before it fails.
      if (this.#state === "active" && connection.inTransaction === false) await this.#ended()
    }
  }

  /** A statement has ended the transaction, as MySQL's DDL does: the next one begins another. */
  async #ended(): Promise<void> {
    this.#state = "idle"
    this.#savepoints.clear()
    await this.#host.committed()
  }

  #told<T>(
    statement: Statement,
    work: () => Promise<T>,
    signal: AbortSignal,
    until?: (result: T) => Promise<void>,
  ): Promise<T> {
    const { name, dialect } = this.#host
    const event = () => ({ connection: name, dialect: dialect.name, sql: statement.text })
    const ours = async () => {
      this.#refuseWhenLost(this.#borrowed!.connection)
      try {
        return await work()
      } catch (error) {
        throw this.failure(error, signal, undefined, statement)
      }
    }
    return traced("query", event, ours, until)
  }

  /** Nothing is sent on a connection that broke while nothing ran; the reason is the server's own, where it gave one. */
  #refuseWhenLost({ usable, failure }: DriverConnection): void {
    if (usable) return
    const known = failure ?? new QueryError("The connection broke before this was sent.", brokenBefore)
    const error = this.failure(known, undefined, "notRun")
    this.#borrowed?.lost()
    throw error
  }

  async #borrow(signal: AbortSignal): Promise<Borrowed> {
    try {
      return await this.#host.borrow(signal)
    } catch (error) {
      throw this.failure(error, signal, "notRun")
    }
  }

  /** Undoes something, also for callers who have given up; a link without an answer is not waited for for ever. */
  async #undo(text: string): Promise<void> {
    const late = `There was no answer to ${text}.`
    await withDeadline({ timeout: grace }, late, (signal) => this.#control(text, "failed", signal))
  }

  async #giveBack(): Promise<void> {
    const borrowed = this.#borrowed
    this.#borrowed = undefined
    await borrowed?.release("session")
  }

  async #control(text: string, outcome: Outcome, signal: AbortSignal): Promise<void> {
    const { connection } = this.#borrowed!
    this.#refuseWhenLost(connection)
    try {
      await connection.run({ text, values: [] }, { ...unlimited, signal })
    } catch (error) {
      // An answer, even a bad one, says that a commit did nothing.
      throw this.failure(error, signal, outcome === "unknown" && connection.usable ? "failed" : outcome)
    }
  }

  #refuseWhenClosed(): void {
    if (this.#state === "closed") throw this.#stateError("This session was disposed of.", "Take a new one.")
  }

  /** The callback of `transaction()` has no `rollback()`. */
  #advice(ofSession: string): string {
    if (!this.#host.inCallback) return ofSession
    const { savepoints } = capabilitiesOf(this.#host.dialect)
    const part = savepoints ? " What may fail alone goes into tx.transaction()." : ""
    return `Let the error leave the callback: transaction() rolls back then.${part}`
  }

  #stateError(message: string, hint: string): MooringError {
    const { name: connection } = this.#host
    return new MooringError("SESSION_STATE", `Connection "${connection}": ${message}`, { connection, hint })
  }
}
