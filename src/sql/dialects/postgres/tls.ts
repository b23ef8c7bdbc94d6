import { existsSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { ConnectionOptions } from "node:tls"
import { MooringError } from "../../../errors.ts"
import { homeFolder } from "../../../util/user.ts"
import type { PostgresSettings } from "./address.ts"

/** How a link is secured: TLS with these options, or not at all. */
export type Security = ConnectionOptions | false

/**
 * The links to try, one after the other, by libpq's `sslmode`. Certificates are read anew each time.
 *
 * As in libpq, where the authorities are known the server's certificate is checked against them in every mode; only
 * `verify-full` checks its name.
 *
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 */
export function securityOf(own: PostgresSettings, host: string, projectDir: string): Security[] {
  const mode = modeOf(own)
  if (host.startsWith("/") || mode === "disable") return [false]
  const tls = optionsFor(mode, own, projectDir)
  if (mode === "allow") return [false, tls]
  return mode === "prefer" ? [tls, false] : [tls]
}

function modeOf({ ssl, sslmode, sslrootcert }: PostgresSettings): string {
  const given = sslmode ?? (ssl === undefined ? undefined : ssl ? "verify-full" : "disable")
  if (sslrootcert !== "system") return String(given ?? "prefer")
  if (given !== undefined && given !== "verify-full") {
    throw new MooringError("BAD_CONFIG", `sslrootcert = "system" cannot be used with sslmode = "${given}".`, {
      hint: 'Everybody can get a certificate of a public authority: use sslmode = "verify-full".',
    })
  }
  return "verify-full"
}

function optionsFor(mode: string, own: PostgresSettings, projectDir: string): ConnectionOptions {
  const file = (name: string, fallback: string): string | undefined => {
    const given = own[name]
    if (given !== undefined) return readCertificate(resolvePath(String(given), projectDir), name)
    const home = homeFolder()
    const standard = home && join(home, ".postgresql", fallback)
    return standard && isThere(standard) ? readCertificate(standard, name) : undefined
  }
  const ca = own.sslrootcert === "system" ? undefined : file("sslrootcert", "root.crt")
  const cert = file("sslcert", "postgresql.crt")
  const key = cert === undefined ? undefined : file("sslkey", "postgresql.key")
  if (mode === "verify-ca" && ca === undefined) {
    throw new MooringError("BAD_CONFIG", 'sslmode = "verify-ca" needs the authority\'s certificate.', {
      hint: 'Give its file as sslrootcert, or use sslmode = "verify-full".',
    })
  }
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    rejectUnauthorized: mode === "verify-full" || ca !== undefined,
    ...(mode !== "verify-full" && { checkServerIdentity: () => undefined }),
  }
}

/** What this process may not ask for, under Node's permission model, is not there. */
function isThere(path: string): boolean {
  try {
    return existsSync(path)
  } catch {
    return false
  }
}

function resolvePath(path: string, projectDir: string): string {
  const home = homeFolder()
  return home && path.startsWith("~/") ? join(home, path.slice(2)) : resolve(projectDir, path)
}

function readCertificate(path: string, setting: string): string {
  try {
    return readFileSync(path, "utf8")
  } catch (cause) {
    throw new MooringError("BAD_CONFIG", `The file of ${setting}, ${path}, cannot be read.`, {
      cause,
      hint: "Check its path, which is relative to the project's folder, and its permissions.",
    })
  }
}

/** Whether another link of {@link securityOf} may do better: the server wants TLS, or has none. */
export function mayChangeSecurity(error: unknown): boolean {
  const { code, message = "" } = (error ?? {}) as { code?: unknown; message?: string }
  // These words are pg's own, not the server's.
  if (code === "28000" || /SSL connection/i.test(message)) return true
  return typeof code === "string" && /^(ERR_TLS_|ERR_SSL_|EPROTO|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO)/.test(code)
}
