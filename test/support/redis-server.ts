import { tmpdir } from "node:os"
import { makeCertificates } from "./certificates.ts"
import { findProgram, freePort, serverFolder, serverUser, startDaemon } from "./daemon.ts"

const program = (): string | undefined => findProgram("redis-server", "valkey-server")

/** Why there can be no server on this machine: a sentence. */
export function missingRedis(): string | undefined {
  return program() ? undefined : "this machine has no Redis server (redis-server or valkey-server)"
}

/** What a server is like. */
export interface RedisOptions {
  /** The folder that gets the server's own. Default: that for temporary files. */
  readonly parent?: string
  /** Default: a free one. */
  readonly port?: number
  /** Of the user `default`. Without one, everybody on this machine may come in. */
  readonly password?: string
  /** Nothing but TLS on this port. Needs openssl. */
  readonly tls?: boolean
  /** Further arguments, such as `["--maxmemory", "2mb"]`. */
  readonly args?: readonly string[]
}

/** A running server, which keeps nothing on disk. */
export interface RedisServer {
  /** With the password: `redis://:sesame@127.0.0.1:6379`, and `rediss://localhost:6379` with TLS. */
  readonly url: string
  readonly host: string
  readonly port: number
  readonly pid: number
  /** What is in it goes with the server. */
  readonly folder: string
  /** The certificate of the authority that signed the server's, with TLS. */
  readonly authority: string | undefined
}

/** Starts an empty server in a new folder below `parent`, on a loopback port. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const { parent = tmpdir(), port = await freePort(), password, tls = false, args = [] } = options
  const missing = missingRedis()
  if (missing !== undefined) throw new Error(`Redis cannot start: ${missing}.`)
  const user = serverUser("redis")
  const folder = serverFolder(parent, "redis", user)
  const place = ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"]
  const certificates = tls ? await makeCertificates(folder, user) : undefined
  if (tls && certificates === undefined) throw new Error("A Redis server with TLS needs openssl on this machine.")
  const { authority, certificate, key } = certificates ?? {}
  const files = ["--tls-ca-cert-file", authority!, "--tls-cert-file", certificate!, "--tls-key-file", key!]
  const reach = tls
    ? ["--port", "0", "--tls-port", String(port), "--tls-auth-clients", "no", ...files]
    : ["--port", String(port)]
  const secret = password === undefined ? [] : ["--requirepass", password]
  const pid = await startDaemon(program()!, [...place, ...reach, ...secret, ...args], { folder, port, user })
  // The certificate is for the name.
  const host = tls ? "localhost" : "127.0.0.1"
  const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`
  return { url: `${tls ? "rediss" : "redis"}://${login}${host}:${port}`, host, port, pid, folder, authority }
}
