import { execFile } from "node:child_process"
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { type Certificates, makeCertificates } from "./certificates.ts"
import { freePort, serverFolder, serverUser } from "./daemon.ts"
import { makeLocale } from "./locales.ts"
import { postgresBinaries } from "./postgres-binaries.ts"

const run = promisify(execFile)

/** A running server: everybody may log in without a password, and `scram` only with one. */
export interface PostgresServer {
  readonly host: string
  readonly port: number
  /** The folder of its socket, which `host` may be as well. */
  readonly socket: string
  /** The superuser. */
  readonly user: string
  readonly database: string
  /** What is in it goes with the server. */
  readonly folder: string
  /** The certificate of the authority that signed the server's, where the machine has openssl. */
  readonly authority: string | undefined
  readonly version: string
}

/**
 * Makes a database cluster in a new folder below `parent`, and starts a server for it on a loopback port.
 *
 * @param options.language the locale of its messages, such as `de_DE`; see {@link missingLanguage}.
 */
export async function startPostgres(
  options: { parent?: string; port?: number; settings?: readonly string[]; language?: string } = {},
): Promise<PostgresServer> {
  const { parent = tmpdir(), port = await freePort(), settings: more = [], language } = options
  const binaries = postgresBinaries()
  if (binaries === undefined) throw new Error("No PostgreSQL server binaries were found.")
  const user = serverUser("postgres")
  const folder = serverFolder(parent, "postgres", user)
  const data = join(folder, "data")
  mkdirSync(data, { mode: 0o700 })
  if (user) chownSync(data, user.uid, user.gid)
  const asServer = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } }
  const settings = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
  await run(join(binaries, "initdb"), settings, asServer)
  const certificates = await makeCertificates(folder, user)
  appendFileSync(join(data, "postgresql.conf"), `${configuration(certificates)}${more.join("\n")}\n`)
  const access = readFileSync(join(data, "pg_hba.conf"), "utf8")
  const strict = "hostnossl all tls_only all reject\nhost all scram all scram-sha-256\nlocal all scram scram-sha-256\n"
  rmSync(join(data, "pg_hba.conf"))
  appendFileSync(join(data, "pg_hba.conf"), strict + access, { mode: 0o644 })
  if (language !== undefined) {
    await makeLocale(language, join(folder, "locales"))
    appendFileSync(join(data, "postgresql.conf"), `lc_messages = '${language}.UTF-8'\n`)
  }
  await startIn(folder, port)
  const { stdout } = await run(join(binaries, "postgres"), ["--version"], asServer)
  return {
    host: "127.0.0.1",
    port,
    socket: folder,
    user: "postgres",
    database: "postgres",
    folder,
    authority: certificates?.authority,
    version: stdout.trim(),
  }
}

/** Starts a server for the cluster in the folder `data` of this one, and waits until it answers. */
export async function startIn(folder: string, port: number): Promise<void> {
  const place = `-k ${folder} -h 127.0.0.1 -p ${port}`
  const [data, log] = [join(folder, "data"), join(folder, "log")]
  const locales = join(folder, "locales")
  const env = { PATH: process.env.PATH, LC_ALL: "C", ...(existsSync(locales) && { LOCPATH: locales }) }
  const asServer = { ...serverUser("postgres"), cwd: folder, env }
  try {
    await run(join(postgresBinaries()!, "pg_ctl"), ["start", "-w", "-D", data, "-l", log, "-o", place], asServer)
  } catch (error) {
    const said = existsSync(log) ? readFileSync(log, "utf8") : ""
    throw new Error(`PostgreSQL did not start.\n${said}`, { cause: error })
  }
}

/** Stops a server that {@link startPostgres} started, and removes its folder. */
export async function stopPostgres(folder: string): Promise<void> {
  const data = join(folder, "data")
  if (existsSync(join(data, "postmaster.pid"))) {
    const program = join(postgresBinaries()!, "pg_ctl")
    await run(program, ["stop", "-w", "-m", "immediate", "-D", data], { ...serverUser("postgres"), cwd: folder })
  }
  rmSync(folder, { recursive: true, force: true })
}

function configuration(tls: Certificates | undefined): string {
  const lines = [
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "max_connections = 200",
    "wal_level = minimal",
    "max_wal_senders = 0",
    "password_encryption = 'scram-sha-256'",
    "log_min_messages = fatal",
    ...(tls ? ["ssl = on", `ssl_cert_file = '${tls.certificate}'`, `ssl_key_file = '${tls.key}'`] : []),
  ]
  return `\n${lines.join("\n")}\n`
}
