import type { Progress } from "../../dialect.ts"
import type { Bindings, ConnectionHandle } from "./driver.ts"
import type { Work } from "./work.ts"

/** Milliseconds between two looks at a statement. */
const lookEvery = 100

/** Reports how far the connection's statement has come, until stopped. */
export async function watchProgress(
  bindings: Bindings,
  connection: ConnectionHandle,
  work: Work,
  onProgress: (progress: Progress) => void,
): Promise<{ stop(): void }> {
  try {
    // In this order: DuckDB would draw its bar on standard output otherwise.
    await work.call(() => bindings.query(connection, "SET enable_progress_bar_print = false"))
    await work.call(() => bindings.query(connection, "SET enable_progress_bar = true"))
  } catch (error) {
    // The settings may be locked. A statement without progress is better than none.
    if (!String(error).includes("configuration has been locked")) throw error
    return { stop() {} }
  }
  // DuckDB finds more to do as it goes, so its percentage may fall.
  let highest = 0
  const timer = setInterval(() => {
    const { percentage, rows_processed: rows } = bindings.query_progress(connection)
    if (percentage < 0) return
    highest = Math.min(1, Math.max(highest, percentage / 100))
    onProgress({ fraction: highest, ...(rows > 0n && { rows: Number(rows) }) })
  }, lookEvery)
  return { stop: () => clearInterval(timer) }
}
