import { MooringError } from "../../../../errors.ts"
import { headerBytes, ProtocolError, type Source } from "./framer.ts"
import { backend } from "./messages.ts"

/** No message before the login is longer: libpq takes 30,000 bytes at most. */
export const longestLoginMessage = 65_536

/** All that a server may send before it is ready. */
const mostLoginBytes = 1_048_576

/** What AuthenticationRequest asks for. */
const requests = { ok: 0, password: 3, md5: 5, sasl: 10, saslContinue: 11, saslFinal: 12 } as const

/** What it may ask for that neither `pg` nor we can do. */
const unsupported: Readonly<Record<number, string>> = {
  2: "Kerberos",
  6: "SCM credentials",
  7: "GSSAPI",
  8: "GSSAPI",
  9: "SSPI",
}

/**
 * What a server may say before it is ready, in which order, and how much of it. `pg` takes the messages as they come: it would
 * be logged in without ever having been asked who it is, or before the server has proved that it knows the password.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
 */
export class Login {
  private bytes = 0
  private last: number | undefined

  /** @throws ProtocolError for what cannot come here, MooringError `CONNECT` for a way to log in that is not supported. */
  check(code: number, { view }: Source, start: number, end: number): void {
    this.bytes += end - start
    if (this.bytes > mostLoginBytes) throw new ProtocolError("more than a megabyte before it was ready")
    switch (code) {
      case backend.authentication:
        if (end - start < headerBytes + 4) throw new ProtocolError("a message that ends early")
        this.checkRequest(view.getInt32(start + headerBytes), end - start - headerBytes - 4)
        break
      case backend.error:
      case backend.notice:
      case backend.parameterStatus:
        break
      case backend.keyData:
      case backend.readyForQuery:
        if (this.last !== requests.ok) throw new ProtocolError("a message that can only come after the login")
        break
      default:
        throw new ProtocolError(`a message of the kind ${code} before the login`)
    }
  }

  /** @param size how many bytes stand behind the request's number. */
  private checkRequest(request: number, size: number): void {
    const { last } = this
    this.last = request
    const method = unsupported[request]
    if (method !== undefined) throw notSupported(method)
    const isKnown = Object.values<number>(requests).includes(request)
    if (!isKnown) throw new ProtocolError(`the unknown request ${request} to log in`)
    const isNext =
      (request === requests.saslContinue && last === requests.sasl) ||
      (request === requests.saslFinal && last === requests.saslContinue) ||
      // Without the last word of SASL the server has not proved that it knows the password.
      (request === requests.ok && last !== requests.ok && last !== requests.sasl && last !== requests.saslContinue) ||
      (last === undefined && request < requests.saslContinue)
    if (!isNext) throw new ProtocolError("the messages of a login in another order")
    const isFixed = request === requests.ok || request === requests.password
    if ((isFixed && size !== 0) || (request === requests.md5 && size !== 4)) {
      throw new ProtocolError("a message with more or less than its fields")
    }
  }
}

function notSupported(method: string): MooringError {
  return new MooringError("CONNECT", `The server wants a login by ${method}, which is not supported.`, {
    hint: "Let the server's pg_hba.conf ask this user for a password (scram-sha-256), or use a user of whom it does.",
  })
}
