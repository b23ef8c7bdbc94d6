import type { BigIntStats } from "node:fs"

type Owned = Pick<BigIntStats, "mode" | "uid">

/** The user that this process acts as; undefined where the system has no such notion (Windows). */
function user(): number | undefined {
  return process.geteuid?.()
}

/** True for a file that the group or everybody may read. */
export function isReadableByOthers(stat: Owned): boolean {
  return user() !== undefined && (Number(stat.mode) & 0o044) !== 0
}

/**
 * Why nothing that this file names may be executed; undefined when it may.
 *
 * The rule is OpenSSH's StrictModes: the file belongs to the user or to root (who can replace anything that the user
 * runs anyway, and owns what images and Kubernetes mounts bring), and neither group nor others may write to it. Where
 * the system has no owners, as on Windows, everything is allowed.
 */
export function executionRefusal(stat: Owned, display: string): string | undefined {
  const self = user()
  if (self === undefined) return undefined
  if (stat.uid !== BigInt(self) && stat.uid !== 0n) return `${display} belongs to another user`
  if ((Number(stat.mode) & 0o022) !== 0) return `${display} can be written to by other users`
  return undefined
}
