import type { FailureAction } from "./retry.ts"

/** Node's socket errors, by what to do about them. The codes are those of libuv and of `node:dns`. */
const actions: Readonly<Record<string, FailureAction>> = {
  ECONNRESET: "lost",
  EPIPE: "lost",
  ETIMEDOUT: "lost",
  ERR_STREAM_DESTROYED: "lost",
  ERR_SOCKET_CLOSED: "lost",
  UND_ERR_SOCKET: "lost",
  ECONNREFUSED: "wait",
  EAI_AGAIN: "wait",
}

/** The default of `_classify`: looks at the `code` of the error and of its causes. */
export function classifySocketError(error: unknown): FailureAction {
  for (let depth = 0, at = error; depth < 5 && typeof at === "object" && at !== null; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown }
    if (typeof code === "string" && Object.hasOwn(actions, code)) return actions[code]!
    at = cause
  }
  return "fatal"
}
