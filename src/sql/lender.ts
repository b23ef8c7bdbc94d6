import type { FailureAction, Lease } from "../core/index.ts"
import { isMooringError } from "../errors.ts"
import { capabilitiesOf, type DriverConnection, type RunOptions, type RunResult, type Statement } from "./dialect.ts"
import type { Borrowed, SqlEngine } from "./engine.ts"
import { Places } from "./places.ts"

/** Takes driver connections out of the pools of one connection, through all its resets. */
export class Lender {
  /** Shared by the pool of the present generation and those of retired ones. */
  readonly places: Places = new Places()
  readonly #classify: (error: unknown) => FailureAction
  readonly #outdated = new WeakSet<object>()

  constructor(classify: (error: unknown) => FailureAction) {
    this.#classify = classify
  }

  /** A driver connection out of the pool of this generation. Who has it gives it back to that pool. */
  async acquire(lease: Lease<SqlEngine>, signal: AbortSignal): Promise<DriverConnection> {
    try {
      return await lease.raw.pool.acquire(signal)
    } catch (error) {
      if (!signal.aborted) this.#failed(error, lease)
      throw error
    }
  }

  /**
   * Runs one statement on a connection of its own; a query takes its turn where only so many are of use at once.
   *
   * @param send is called when it goes out.
   */
  async run(lease: Lease<SqlEngine>, statement: Statement, options: RunOptions, send: () => void): Promise<RunResult> {
    const { signal, readOnly } = options
    signal.throwIfAborted()
    const { pool, reads } = lease.raw
    const work = async () => {
      const connection = pool.tryAcquire() ?? (await this.acquire(lease, signal))
      try {
        send()
        return await connection.run(statement, options)
      } finally {
        await pool.release(connection, readOnly ? "statement" : "session")
      }
    }
    return readOnly && reads ? reads.run(signal, work) : work()
  }

  /** The same as `acquire()` with the lease: it ends when the connection is given back, or cannot be had. */
  async borrow(lease: Lease<SqlEngine>, signal: AbortSignal): Promise<Borrowed> {
    try {
      const connection = await this.acquire(lease, signal)
      let released: Promise<void> | undefined
      const giveBack = (used: "statement" | "session") =>
        lease.raw.pool.release(connection, used).finally(() => lease.release())
      return {
        connection,
        release: (used) => (released ??= giveBack(used)),
        lost: () => this.broken(lease),
      }
    } catch (error) {
      lease.release()
      throw error
    }
  }

  /** The same for a caller who is given the driver's own connection. */
  async borrowRaw(lease: Lease<SqlEngine>, signal: AbortSignal): Promise<Borrowed> {
    const borrowed = await this.borrow(lease, signal)
    try {
      await borrowed.connection.handOut?.({ signal })
      return borrowed
    } catch (error) {
      if (this.#classify(error) === "lost") borrowed.lost()
      await borrowed.release("session")
      throw error
    }
  }

  /** A connection to a server breaks alone, and its pool looks at the others before it lends them. */
  broken(lease: Lease<SqlEngine>): void {
    if (capabilitiesOf(lease.raw.dialect).embedded) lease.retire()
    else lease.raw.pool.suspect()
  }

  /** True for a connect that a pool could not make, and that may succeed with what is configured by now. */
  isOutdated(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#outdated.has(error)
  }

  /**
   * A pool that can open no connection is replaced by the next use: its password may have been rotated, its address may
   * be another.
   */
  #failed(error: unknown, lease: Lease<SqlEngine>): void {
    if (isMooringError(error) && error.code !== "CONNECT") return
    if (!capabilitiesOf(lease.raw.dialect).embedded) this.#outdated.add(error as object)
    else if (this.#classify(error) !== "lost") return
    lease.retire()
  }
}
