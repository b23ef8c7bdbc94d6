import { statSync } from "node:fs"
import { processGlobal } from "../../../util/globals.ts"

/** Files that are open in this process, by what the file system knows them by. */
const open = processGlobal("duckdb.files@1", () => new Map<string, { readonly path: string; users: number }>())

/**
 * The spelling under which a file is open already, or else this one.
 *
 * The driver tells files apart by their path. A hard link, a mount or another case of the letters would make a second
 * instance of one file, and the two lose each other's writes.
 */
export function spellingInUse(path: string): string {
  return open.get(keyOf(path) ?? "")?.path ?? path
}

/** Remembers a file that was opened. Call what is returned when it is closed. */
export function remember(path: string): () => void {
  const key = keyOf(path)
  if (key === undefined) return () => undefined
  const entry = open.get(key) ?? { path, users: 0 }
  entry.users++
  open.set(key, entry)
  return () => {
    if (--entry.users === 0) open.delete(key)
  }
}

function keyOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  // Some file systems have no numbers for files.
  return stats === undefined || stats.ino === 0n ? undefined : `${stats.dev}:${stats.ino}`
}
