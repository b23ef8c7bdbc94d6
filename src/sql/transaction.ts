import { MooringError } from "../errors.ts"
import { sleep } from "../util/abort.ts"
import { callerContext } from "../util/caller-context.ts"
import type { TransactionOptions } from "./dialect.ts"
import type { AnyDatabase, CallOptions } from "./options.ts"
import type { Session } from "./session.ts"

/** What `transaction()` takes. */
export interface TransactionCallOptions extends TransactionOptions, CallOptions {
  /** How often the callback is run at most; default 5. */
  maxAttempts?: number
}

/** The session that a transaction's callback works with: `transaction()` itself commits and rolls back. */
export type Transaction<DB = AnyDatabase> = Pick<Session<DB>, "execute" | "query" | "scalar" | "stream" | "db"> & {
  /** A savepoint: `work`'s changes are kept when it returns and undone alone when it throws. */
  transaction<T>(work: (tx: Transaction<DB>) => Promise<T> | T): Promise<T>
}

/** How {@link runTransaction} does its work. */
export interface TransactionRun<DB, T> {
  begin(): Session<DB>
  work(tx: Transaction<DB>): Promise<T> | T
  /** Whether an error means that the same work may succeed when it is run again. */
  mayRerun(error: unknown): boolean
  readonly maxAttempts: number
  readonly signal: AbortSignal | undefined
}

/** The connections in whose transaction callback the calling code runs. */
const inside = callerContext<ReadonlySet<object>>("transactions@1")

/** Runs `work` so that {@link refuseInside} knows of it. */
export function insideTransactionOf<T>(connection: object, work: () => T): T {
  return inside.run(new Set(inside.getStore()).add(connection), work)
}

/**
 * Refuses a call on a connection inside its own transaction callback: it would run on another connection, outside of
 * the transaction, or wait for itself.
 */
export function refuseInside(connection: object, name: string, outside: boolean | undefined): void {
  if (outside || !inside.getStore()?.has(connection)) return
  throw new MooringError("IN_TRANSACTION", `Connection "${name}" was called inside its own transaction callback.`, {
    connection: name,
    hint: "Call the callback's argument instead (tx.query, tx.execute), or give { outside: true } to use another connection.",
  })
}

/** Runs the callback in a transaction, again after serialization failures and deadlocks; each time from its beginning. */
export async function runTransaction<DB, T>(run: TransactionRun<DB, T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const session = run.begin()
    try {
      const result = await run.work(asTransaction(session))
      await session.commit()
      return result
    } catch (error) {
      if (attempt >= run.maxAttempts || run.signal?.aborted || !run.mayRerun(error)) throw error
    } finally {
      await session[Symbol.asyncDispose]()
    }
    // Jittered, so that two that collided do not collide again.
    await sleep(10 * 2 ** (attempt - 1) * (0.5 + Math.random()), run.signal)
  }
}

function asTransaction<DB>(session: Session<DB>): Transaction<DB> {
  return {
    execute: (sql, params, options) => session.execute(sql, params, options),
    query: (sql, options) => session.query(sql, options),
    scalar: (sql, options) => session.scalar(sql, options),
    stream: (sql, options) => session.stream(sql, options),
    db: () => session.db(),
    transaction: (work) => session.savepoint(async () => work(asTransaction(session))),
  }
}
