import { execFile } from "node:child_process"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { makeCertificates } from "./certificates.ts"
import { findProgram, freePort, serverFolder, serverUser, startDaemon } from "./daemon.ts"

const run = promisify(execFile)

/** A user of the server, over TCP and over its socket. */
export interface MariaDBUser {
  readonly username: string
  readonly password?: string
}

/** A running server. */
export interface MariaDBServer {
  readonly host: string
  readonly port: number
  /** The path of its socket. */
  readonly socket: string
  /** May do everything with the database `mooring` and with those whose names begin with `test_`, and nothing else. */
  readonly user: Required<MariaDBUser>
  /** May do everything, and has no password. */
  readonly admin: MariaDBUser
  /** An empty database. */
  readonly database: string
  /** What is in it goes with the server. */
  readonly folder: string
  /** The certificate of the authority that signed the server's, where the machine has openssl. */
  readonly authority: string | undefined
  readonly version: string
}

const server = (): string | undefined => findProgram("mariadbd")
const installer = (): string | undefined => findProgram("mariadb-install-db")

/** Why there can be no server on this machine: a sentence. */
export function missingMariaDB(): string | undefined {
  return server() && installer() ? undefined : "this machine has no MariaDB server (mariadbd and mariadb-install-db)"
}

const user: Required<MariaDBUser> = { username: "mooring", password: "harbour" }
const admin: MariaDBUser = { username: "admin" }

const users = `
  create database if not exists mooring;
  create user if not exists admin@'%';
  grant all privileges on *.* to admin@'%' with grant option;
  create user if not exists mooring@'%' identified by '${user.password}';
  grant all privileges on mooring.* to mooring@'%';
  grant all privileges on \`test\\_%\`.* to mooring@'%';
`

/** Nothing here has to survive a power cut. Packets may be larger than 16 MiB, from where the protocol splits them. */
const settings = [
  "--max-allowed-packet=256M",
  "--innodb-flush-log-at-trx-commit=0",
  "--innodb-flush-method=nosync",
  "--innodb-doublewrite=0",
  "--innodb-log-file-size=16M",
  "--innodb-buffer-pool-size=64M",
  "--aria-pagecache-buffer-size=8M",
  "--key-buffer-size=1M",
  "--performance-schema=off",
  "--skip-log-bin",
]

/** Makes an empty server in a new folder below `parent`, and starts it on a loopback port and a socket. */
export async function startMariaDB(options: { parent?: string; port?: number } = {}): Promise<MariaDBServer> {
  const { parent = tmpdir(), port = await freePort() } = options
  const missing = missingMariaDB()
  if (missing !== undefined) throw new Error(`MariaDB cannot start: ${missing}.`)
  const owner = serverUser("mysql")
  const folder = serverFolder(parent, "mariadb", owner)
  const data = join(folder, "data")
  const socket = join(folder, "socket")
  // Two servers that are made at once would meet in the common folder for temporary tables.
  const asServer = { ...owner, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C", TMPDIR: folder } }
  const fresh = ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"]
  await run(installer()!, [...fresh, ...settings], asServer)
  writeFileSync(join(folder, "users.sql"), users.replaceAll(/\n\s*/g, "\n"))
  const certificates = await makeCertificates(folder, owner)
  const place = ["--no-defaults", `--datadir=${data}`, `--socket=${socket}`, `--port=${port}`, `--tmpdir=${folder}`]
  const reach = ["--skip-networking=0", "--bind-address=127.0.0.1", "--skip-name-resolve", "--max-connections=200"]
  const text = ["--character-set-server=utf8mb4", `--init-file=${join(folder, "users.sql")}`]
  const tls = certificates
    ? [`--ssl-ca=${certificates.authority}`, `--ssl-cert=${certificates.certificate}`, `--ssl-key=${certificates.key}`]
    : []
  await startDaemon(server()!, [...place, ...reach, ...text, ...tls, ...settings], { folder, port, user: owner })
  const { stdout } = await run(server()!, ["--no-defaults", "--version"], asServer)
  const version = stdout.trim()
  const authority = certificates?.authority
  return { host: "127.0.0.1", port, socket, user, admin, database: "mooring", folder, authority, version }
}
