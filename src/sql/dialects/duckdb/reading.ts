import { QueryError } from "../../../errors.ts"
import type { Statement } from "../../dialect.ts"
import type { Driver, RawConnection, ResultHandle } from "./driver.ts"
import { messageOf } from "./failures.ts"
import { inShortestForm } from "./long-lists.ts"
import { checkPlan } from "./plan-guard.ts"
import { fetchChunk } from "./results.ts"
import { prepareReading, prepareRunning } from "./statements.ts"
import { Work } from "./work.ts"

/** Begins a transaction in which DuckDB refuses to write, and runs a statement that reads. */
export async function startReading(
  driver: Driver,
  native: RawConnection,
  work: Work,
  statement: Statement,
): Promise<ResultHandle> {
  const { bindings } = driver
  await work.call(() => bindings.query(native.connection, "BEGIN TRANSACTION READ ONLY"))
  const context = { bindings, connection: native.connection, work }
  return inShortestForm(statement, async ({ text, values }) => {
    const { prepared } = await prepareReading(context, text, values, (select) =>
      checkPlan(driver, native, work, { text: select, values }),
    )
    try {
      return await work.call(() => bindings.execute_prepared_streaming(prepared))
    } finally {
      bindings.destroy_prepare_sync(prepared)
    }
  })
}

/**
 * Ends a reading transaction. Not by a commit, so that the temporary types of a PIVOT go as well.
 *
 * @param result where it was not read to its end.
 * @returns false if the connection must not be used again.
 */
export async function endReading(driver: Driver, native: RawConnection, result?: ResultHandle): Promise<boolean> {
  const { bindings } = driver
  const work = new Work(bindings, native.connection)
  if (result !== undefined) await letGo(driver, native, work, result)
  try {
    await work.call(() => bindings.query(native.connection, "ROLLBACK"))
    return true
  } catch (error) {
    // An abort that came before BEGIN leaves nothing to end.
    return messageOf(error).includes("no transaction is active")
  }
}

/**
 * Ends a streamed result. One that is left as it is, or closed by the next statement, keeps the file open and locked
 * until the garbage collector comes, and who opens the file again in this process waits for that.
 */
async function letGo(driver: Driver, native: RawConnection, work: Work, result: ResultHandle): Promise<void> {
  let next: unknown
  do {
    driver.bindings.interrupt(native.connection)
    next = await fetchChunk(driver, work, result).catch(() => undefined)
  } while (next !== undefined)
}

/**
 * Why a streamed result ended early. DuckDB has dropped the message, so a statement that only reads runs once more, with
 * its rows thrown away by DuckDB itself.
 */
export async function reasonOf(
  driver: Driver,
  native: RawConnection,
  { text, values }: Statement,
  signal: AbortSignal,
): Promise<unknown> {
  const { bindings } = driver
  const work = new Work(bindings, native.connection, signal)
  try {
    await work.call(() => bindings.query(native.connection, "BEGIN TRANSACTION READ ONLY"))
    const context = { bindings, connection: native.connection, work }
    const { prepared } = await prepareRunning(context, `EXPLAIN ANALYZE ${text}`, values)
    try {
      await work.call(() => bindings.execute_prepared(prepared))
    } finally {
      bindings.destroy_prepare_sync(prepared)
    }
    return unexplained()
  } catch (error) {
    // Not every statement that can be run can be explained.
    return /^(Parser|Binder) Error/.test(messageOf(error)) ? unexplained() : error
  } finally {
    work.end()
    await endReading(driver, native)
  }
}

function unexplained(): QueryError {
  return new QueryError("The statement failed while its rows were read, and DuckDB does not say why.", {
    hint: "Read the rows with query() instead of stream() to see the reason.",
  })
}
