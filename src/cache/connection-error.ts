import { isMooringError, type MooringError, type QueryError } from "../errors.ts"

/** What Node's sockets, its resolver and `fetch` (undici) report when the other side cannot be reached. */
const unreachable = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "EPIPE",
  "ETIMEDOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_SOCKET",
])

/** HTTP answers that RFC 5861 counts as errors; libraries put them on `status` or `statusCode`. */
const failedStatus = new Set([500, 502, 503, 504])

/**
 * Whether an error says that the source could not be reached, so that an older result may stand in for it. What the
 * source did answer, such as "permission denied", is none.
 */
export function isConnectionError(error: unknown): boolean {
  let at = error
  for (let depth = 0; depth < 10 && typeof at === "object" && at !== null; depth++) {
    const { code, status, statusCode, name, cause } = at as Record<string, unknown>
    // A connection that could not be made may have been refused for its password: only its cause tells.
    if (isMooringError(at) && at.code !== "CONNECT") return isUnanswered(at) || isBroken(at)
    if (typeof code === "string" && unreachable.has(code)) return true
    if (failedStatus.has(status as number) || failedStatus.has(statusCode as number)) return true
    // What `AbortSignal.timeout` gives as its reason.
    if (name === "TimeoutError") return true
    at = cause
  }
  return false
}

function isUnanswered({ code }: MooringError): boolean {
  return code === "TIMEOUT" || code === "UNAVAILABLE"
}

function isBroken(error: MooringError): boolean {
  return (error as Partial<QueryError>).kind === "connection"
}
