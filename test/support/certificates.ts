import { execFile } from "node:child_process"
import { chmodSync, chownSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import type { User } from "./daemon.ts"

const run = promisify(execFile)

/** Paths of files, in PEM. */
export interface Certificates {
  /** The certificate of the authority that signed the server's. */
  readonly authority: string
  /** The server's, for the name localhost. */
  readonly certificate: string
  readonly key: string
}

/** Makes an authority, and a certificate that it signed, in a folder. Undefined where the machine has no openssl. */
export async function makeCertificates(folder: string, user: User | undefined): Promise<Certificates | undefined> {
  const [authority, authorityKey, key, request, certificate] = [
    "ca.crt",
    "ca.key",
    "server.key",
    "server.csr",
    "server.crt",
  ].map((name) => join(folder, name)) as [string, string, string, string, string]
  const subject = (name: string) => ["-nodes", "-newkey", "rsa:2048", "-subj", `/CN=${name}`]
  try {
    await run("openssl", [
      "req",
      "-x509",
      "-days",
      "3650",
      ...subject("tests"),
      "-keyout",
      authorityKey,
      "-out",
      authority,
    ])
    await run("openssl", ["req", ...subject("localhost"), "-keyout", key, "-out", request])
    const sign = ["-req", "-days", "3650", "-in", request, "-CA", authority, "-CAkey", authorityKey, "-CAcreateserial"]
    await run("openssl", ["x509", ...sign, "-out", certificate])
  } catch {
    return undefined
  }
  if (user) for (const path of [key, certificate]) chownSync(path, user.uid, user.gid)
  chmodSync(key, 0o600)
  return { authority, certificate, key }
}
