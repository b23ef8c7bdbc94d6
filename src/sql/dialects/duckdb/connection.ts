import { MooringError } from "../../../errors.ts"
import { Table } from "../../../tables/index.ts"
import type { DriverConnection, RecordStream, RunOptions, RunResult, Statement, StreamOptions } from "../../dialect.ts"
import type { Driver, RawConnection, ResultHandle } from "./driver.ts"
import { isFatal } from "./failures.ts"
import { inShortestForm } from "./long-lists.ts"
import { watchProgress } from "./progress.ts"
import { endReading, reasonOf, startReading } from "./reading.ts"
import { EarlyEnd, readTable, returnTypes } from "./results.ts"
import { prepareRunning } from "./statements.ts"
import { DuckDBStream } from "./stream.ts"
import { Work } from "./work.ts"

/** How a connection comes to the driver's own. */
export interface Opener {
  readonly driver: Driver
  /** @throws MooringError `CONNECT` where the file is not there and `create` is false. */
  connect(options: { create: boolean }): Promise<RawConnection>
  /** Looks whether a file that is not there yet could be made. */
  check(): void
  /** What the caller is told of an error: after some of them a database in memory is gone. */
  explain(error: unknown): unknown
}

/** Statements that leave nothing behind in their session. */
const sessionless: ReadonlySet<string> = new Set(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE_INTO"])

/** Functions of a SELECT that leave something in their session: the next random numbers, the value of a sequence. */
const leavesState = /setseed|nextval/i

export class DuckDBConnection implements DriverConnection {
  #native: RawConnection | undefined
  #usable = true
  #closed = false
  /** Whether the session may hold something that the next borrower must not see. */
  #used = false
  /** Cancels what runs now, and waits until the connection is free of it. */
  #stop: (() => Promise<unknown>) | undefined
  readonly #opener: Opener

  /** @param native absent where the file does not exist yet: only a statement that may write makes it. */
  constructor(opener: Opener, native: RawConnection | undefined) {
    this.#opener = opener
    this.#native = native
  }

  get raw(): RawConnection | undefined {
    // Whoever has it may do anything.
    this.#used = true
    return this.#native
  }

  get usable(): boolean {
    return this.#usable && !this.#closed
  }

  run(statement: Statement, options: RunOptions): Promise<RunResult> {
    return this.#exclusively(options.signal, async (signal) => {
      const native = await this.#open(!options.readOnly)
      const { bindings } = this.#driver
      const work = new Work(bindings, native.connection, signal)
      const { onProgress } = options
      let watch: { stop(): void } | undefined
      try {
        if (onProgress) watch = await watchProgress(bindings, native.connection, work, onProgress)
        if (options.readOnly) return await this.#read(native, work, statement, { ...options, signal })
        return await this.#execute(native, work, statement, options)
      } finally {
        watch?.stop()
        work.end()
      }
    })
  }

  async stream(statement: Statement, options: StreamOptions): Promise<RecordStream> {
    options.signal.throwIfAborted()
    const driver = this.#driver
    const native = await this.#open(!options.readOnly)
    const { signal, cancel, release } = follow(options.signal)
    const work = new Work(driver.bindings, native.connection, signal)
    let result: ResultHandle | undefined
    let ended: Promise<void> | undefined
    const end = () => (ended ??= close())
    const close = async () => {
      await work.idle()
      work.end()
      release()
      if (options.readOnly) {
        await this.#endReading(native, statement, result)
      }
      this.#stop = undefined
    }
    const starting = async () => {
      // Leaving a streamed result early takes an interrupt, which would abort a session's transaction. So what does not
      // only read is run to its end before its rows are given out.
      return (result = options.readOnly
        ? await startReading(driver, native, work, statement)
        : await this.#start(native, work, statement))
    }
    const started = starting()
    this.#stop = () => {
      cancel(closing())
      return started.then(end, end)
    }
    try {
      return new DuckDBStream({
        driver,
        work,
        result: await started,
        batchRows: options.batchRows,
        close: end,
        failure: async (error) => {
          this.#usable &&= !isFatal(error)
          if (!(error instanceof EarlyEnd) || this.#closed) return this.#opener.explain(error)
          const reason = (within: AbortSignal) => reasonOf(driver, native, statement, within)
          const found = await this.#exclusively(options.signal, reason)
          this.#usable &&= !isFatal(found)
          return this.#opener.explain(found)
        },
      })
    } catch (error) {
      await end()
      this.#usable &&= !isFatal(error)
      throw this.#opener.explain(error)
    }
  }

  async ping({ signal }: { signal: AbortSignal }): Promise<void> {
    const native = this.#native
    if (native === undefined) return this.#opener.check()
    const { bindings } = this.#driver
    await this.#exclusively(signal, async (within) => {
      const work = new Work(bindings, native.connection, within)
      try {
        await work.call(() => bindings.query(native.connection, "select 1"))
      } finally {
        work.end()
      }
    })
  }

  /** A new session takes less than a millisecond, and nothing of the old one survives it. */
  async reset(): Promise<void> {
    if (!this.#used || this.#native === undefined) return
    this.#native.disconnectSync()
    this.#native = undefined
    await this.#open(false)
    this.#used = false
  }

  /** A call that is under way when its connection is closed never settles, so it is cancelled and waited for first. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#stop?.().catch(() => undefined)
    this.#native?.disconnectSync()
    this.#native = undefined
  }

  get #driver(): Driver {
    return this.#opener.driver
  }

  async #open(create: boolean): Promise<RawConnection> {
    const native = this.#closed ? undefined : (this.#native ?? (await this.#opener.connect({ create })))
    if (native !== undefined && !this.#closed) return (this.#native = native)
    native?.disconnectSync()
    throw new MooringError("CLOSED", "The DuckDB connection was closed.")
  }

  /** Runs work that `close()` can cancel. */
  async #exclusively<T>(outer: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    outer.throwIfAborted()
    const { signal, cancel, release } = follow(outer)
    const done = work(signal)
    this.#stop = () => {
      cancel(closing())
      return done
    }
    try {
      return await done
    } catch (error) {
      this.#usable &&= !isFatal(error)
      throw this.#opener.explain(error)
    } finally {
      release()
      this.#stop = undefined
    }
  }

  async #read(native: RawConnection, work: Work, statement: Statement, options: RunOptions): Promise<RunResult> {
    const driver = this.#driver
    let result: ResultHandle | undefined
    try {
      result = await startReading(driver, native, work, statement)
      const table = await readTable(driver, work, result, options)
      // A call that reads is not followed by reset().
      await this.#endReading(native, statement)
      return { table, rowCount: table.numRows }
    } catch (error) {
      work.end()
      await this.#endReading(native, statement, result)
      throw error instanceof EarlyEnd ? await reasonOf(driver, native, statement, options.signal) : error
    }
  }

  /** An error that comes meanwhile may be fatal, so what is known of the connection is looked at afterwards. */
  async #endReading(native: RawConnection, { text }: Statement, result?: ResultHandle): Promise<void> {
    const isClean = await endReading(this.#driver, native, result)
    if (!isClean || leavesState.test(text)) this.#usable = false
  }

  /** Not streamed: the statement runs once and to its end, and DuckDB tells why it fails. */
  async #execute(native: RawConnection, work: Work, statement: Statement, options: RunOptions): Promise<RunResult> {
    const { bindings } = this.#driver
    const result = await this.#start(native, work, statement)
    switch (bindings.result_return_type(result)) {
      case returnTypes.changedRows:
        return { table: Table.empty, rowCount: bindings.rows_changed(result) }
      case returnTypes.nothing:
        return { table: Table.empty, rowCount: 0 }
      default: {
        const table = await readTable(this.#driver, work, result, options)
        return { table, rowCount: table.numRows }
      }
    }
  }

  #start(native: RawConnection, work: Work, statement: Statement): Promise<ResultHandle> {
    const { bindings } = this.#driver
    const used = this.#used
    this.#used = true
    const context = { bindings, connection: native.connection, work }
    return inShortestForm(statement, async ({ text, values }) => {
      const { prepared, type } = await prepareRunning(context, text, values)
      this.#used = used || !sessionless.has(type) || leavesState.test(text)
      try {
        return await work.call(() => bindings.execute_prepared(prepared))
      } finally {
        bindings.destroy_prepare_sync(prepared)
      }
    })
  }
}

/** A signal that aborts with another one, or by itself. */
function follow(outer: AbortSignal): { signal: AbortSignal; cancel(reason: unknown): void; release(): void } {
  const controller = new AbortController()
  const abort = () => controller.abort(outer.reason)
  outer.addEventListener("abort", abort, { once: true })
  return {
    signal: controller.signal,
    cancel: (reason) => controller.abort(reason),
    release: () => outer.removeEventListener("abort", abort),
  }
}

function closing(): MooringError {
  return new MooringError("ABORTED", "The DuckDB connection was closed while a statement ran.")
}
