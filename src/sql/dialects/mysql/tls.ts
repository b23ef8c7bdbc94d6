import { readFileSync } from "node:fs"
import { isIP } from "node:net"
import { join, resolve } from "node:path"
import { MooringError } from "../../../errors.ts"
import { homeFolder } from "../../../util/user.ts"
import type { Address, MysqlSettings } from "./address.ts"
import type { TlsConfig } from "./driver.ts"

/** How a link is secured: TLS with these options, or not at all. */
export type Security = TlsConfig | undefined

type Mode = "DISABLED" | "PREFERRED" | "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY"

/**
 * The links to try, one after the other, by MySQL's `ssl_mode`. Certificates are read anew each time.
 *
 * As in MySQL's clients, `PREFERRED` and `REQUIRED` take any certificate, and only `VERIFY_IDENTITY` checks its name. A
 * socket's file needs no TLS: there it is used only where the mode demands it.
 *
 * @see https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
 */
export function securityOf(own: MysqlSettings, { socket }: Address, projectDir: string): Security[] {
  const mode = modeOf(own)
  if (mode === "DISABLED" || (mode === "PREFERRED" && socket !== undefined)) return [undefined]
  const tls = optionsFor(mode, own, projectDir)
  return mode === "PREFERRED" ? [tls, undefined] : [tls]
}

/** `ssl_mode`, or what the keys of other clients ask for. Of contradictory ones the strictest counts. */
function modeOf(own: MysqlSettings): Mode {
  const { ssl, ssl_mode, ssl_ca, ssl_check_hostname, ssl_verify_cert, ssl_verify_identity } = own
  if (ssl_mode !== undefined) return ssl_mode as Mode
  if (ssl_verify_identity === true) return "VERIFY_IDENTITY"
  if (ssl_verify_cert === true) return ssl_ca === undefined ? "VERIFY_IDENTITY" : "VERIFY_CA"
  if (ssl === false) return "DISABLED"
  if (ssl_verify_cert === false && (ssl === true || ssl_ca !== undefined)) return "REQUIRED"
  if (ssl !== true && ssl_ca === undefined) return "PREFERRED"
  return ssl_check_hostname === false || ssl_verify_identity === false ? "VERIFY_CA" : "VERIFY_IDENTITY"
}

function optionsFor(mode: Mode, own: MysqlSettings, projectDir: string): TlsConfig {
  const read = (name: string) => readPem(own[name], name, projectDir)
  const ca = read("ssl_ca")
  const cert = read("ssl_cert")
  const key = read("ssl_key")
  if (mode === "VERIFY_CA" && ca === undefined) {
    throw new MooringError("BAD_CONFIG", 'ssl_mode = "VERIFY_CA" needs the authority\'s certificate.', {
      hint: 'Give its file as ssl_ca, or use ssl_mode = "VERIFY_IDENTITY".',
    })
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: mode === "VERIFY_CA" || mode === "VERIFY_IDENTITY",
    verifyIdentity: mode === "VERIFY_IDENTITY",
  }
}

/**
 * The host as `mysql2` has to be told it. For an address it would compare the certificate with `localhost`; with a dot
 * behind, as a complete name has it, Node.js compares it with the certificate's addresses.
 */
export function hostForTls(host: string, security: Security): string {
  return security?.verifyIdentity && isIP(host) !== 0 ? `${host}.` : host
}

/** A file, or what would stand in it. */
function readPem(given: unknown, name: string, projectDir: string): string | undefined {
  if (given === undefined || given === "") return undefined
  const text = String(given)
  if (text.startsWith("-----BEGIN ")) return text
  const home = homeFolder()
  const path = home && text.startsWith("~/") ? join(home, text.slice(2)) : resolve(projectDir, text)
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new MooringError("BAD_CONFIG", `The file of ${name}, ${path}, cannot be read.`, {
      cause,
      hint: "Check its path, which is relative to the project's folder, and its permissions.",
    })
  }
}

/** Whether a link without TLS may do better: the server has none. */
export function lacksTls(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "HANDSHAKE_NO_SSL_SUPPORT"
}
