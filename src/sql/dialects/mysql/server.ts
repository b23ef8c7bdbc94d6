/** Which server answers, where that makes a difference. */
export interface ServerKind {
  readonly isMariaDB: boolean
  /** `8.4.3`, `10.11.19-MariaDB`. */
  readonly version: string
  /** The session's variable that makes transactions read-only. */
  readonly readOnlyVariable: "transaction_read_only" | "tx_read_only"
  /** That of the level of its transactions. */
  readonly isolationVariable: "transaction_isolation" | "tx_isolation"
}

/** @param told as in the server's first packet: MariaDB puts `5.5.5-` before its own, so that old clients are content. */
export function serverKind(told: string): ServerKind {
  const isMariaDB = /mariadb/i.test(told)
  const version = isMariaDB ? told.replace(/^5\.5\.5-/, "") : told
  const isRenamed = isAtLeast(version, isMariaDB ? [11, 1, 1] : [5, 7, 20])
  return {
    isMariaDB,
    version,
    readOnlyVariable: isRenamed ? "transaction_read_only" : "tx_read_only",
    isolationVariable: isRenamed ? "transaction_isolation" : "tx_isolation",
  }
}

function isAtLeast(version: string, wanted: readonly number[]): boolean {
  const parts = version.match(/\d+/g)?.map(Number) ?? []
  for (const [i, least] of wanted.entries()) {
    const part = parts[i] ?? 0
    if (part !== least) return part > least
  }
  return true
}
