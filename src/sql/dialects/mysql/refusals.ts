import type { Failure } from "../../dialect.ts"

/** The part of a server's error that is looked at. */
export interface ServerAnswer {
  readonly errno?: number
  readonly sqlState?: string
  readonly message?: string
}

/** How often servers refused to write, counted for all connections of one database. */
export class Refusals {
  count = 0

  /** Counts one, and says that its connection is of no more use. */
  note(): true {
    this.count++
    return true
  }
}

/** Whether the server accepts no writes from anybody, as a replica does: after a failover the link leads to the wrong one. */
export function refusesWrites(error: unknown): boolean {
  const { sqlState, errno, message = "" } = (error ?? {}) as ServerAnswer
  // 1290 names the option that the server was started with, which no language translates.
  return sqlState !== undefined && (errno === 1836 || (errno === 1290 && /read[-_]only/.test(message)))
}

export const tooManyOfUser =
  "Lower pool_size and max_overflow: the server allows this user fewer connections (max_user_connections)."

/** What a server's refusal means that its number alone does not say; undefined for all others. */
export function refusalByServer(error: unknown): Failure | undefined {
  const { errno = 0, sqlState = "", message = "" } = error as ServerAnswer
  const told = { sqlState, driverCode: errno }
  if (refusesWrites(error)) {
    const hint =
      "The server accepts no writes: it is a replica, or has become one. The next call connects anew, so check where host leads."
    return { action: "fatal", kind: "readOnly", code: "QUERY", ...told, hint }
  }
  // 1226 names the limit that a user has reached. Only the one on connections at a time is over in a moment.
  if (errno === 1226 && message.includes("max_user_connections")) {
    return { action: "wait", kind: "connection", ...told, hint: tooManyOfUser }
  }
  return undefined
}
