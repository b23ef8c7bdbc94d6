import type { BigIntStats } from "node:fs"
import { fs } from "../util/node.ts"

/** What some paths look like from outside. */
export interface State {
  /** Another text means that somebody may have written. */
  readonly signature: string
  /** The latest time of writing, in milliseconds since 1970; -Infinity where nothing is there. */
  readonly writtenAt: number
}

/**
 * One path. Follows symbolic links, so that the swap of a link is a change of what stands behind it. A folder's times
 * change with its entries; a file's ctime changes even where its mtime is set back.
 */
function signatureOf(stats: BigIntStats | undefined): string {
  return stats ? `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}` : "absent"
}

/** The state of the paths, now. */
export function stateOf(paths: readonly string[]): State {
  let writtenAt = Number.NEGATIVE_INFINITY
  const signatures = paths.map((path) => {
    try {
      const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false })
      if (stats) writtenAt = Math.max(writtenAt, Number(stats.mtimeMs))
      return signatureOf(stats)
    } catch (error) {
      return failed(error)
    }
  })
  return { signature: signatures.join(" "), writtenAt }
}

/** The same without blocking, for looking again and again: a network drive that hangs must not hang the program. */
export async function signatureLater(paths: readonly string[]): Promise<string> {
  const one = (path: string) => fs.promises.stat(path, { bigint: true }).then(signatureOf, failed)
  return (await Promise.all(paths.map(one))).join(" ")
}

function failed(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  return code === "ENOENT" || code === "ENOTDIR" ? "absent" : (code ?? "unknown")
}
