import type * as sqlite from "node:sqlite"
import { MooringError } from "../../../errors.ts"

/** The parts of `node:sqlite` that are used. */
export type SQLite = Pick<typeof sqlite, "DatabaseSync" | "constants">

let loaded: SQLite | undefined

/**
 * `node:sqlite`, without the ExperimentalWarning that Node 22 and early 24 give for it; no other warning is touched.
 *
 * `process.getBuiltinModule` instead of an import, because bundlers know no `node:sqlite` and Node warns while it loads.
 *
 * @throws MooringError `UNSUPPORTED` in a runtime that has none.
 */
export function loadSqlite(): SQLite {
  if (loaded) return loaded
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (typeof warning === "string" && warning.startsWith("SQLite is an experimental feature")) return
    Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof process.emitWarning
  try {
    const found = process.getBuiltinModule?.("node:sqlite") as SQLite | undefined
    if (found?.DatabaseSync) return (loaded = found)
  } finally {
    process.emitWarning = emitWarning
  }
  throw new MooringError("UNSUPPORTED", "This runtime has no node:sqlite, which Mooring reads SQLite with.", {
    hint: "Use Node 22.16 or newer, without --no-experimental-sqlite.",
  })
}
