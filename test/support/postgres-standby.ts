import { chownSync, cpSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import pg from "pg"
import { freePort, serverFolder, serverUser } from "./daemon.ts"
import { type PostgresServer, startIn, startPostgres, stopPostgres } from "./postgres-server.ts"

/** A server, and another one that follows it and takes reads. */
export interface PostgresPair {
  readonly primary: PostgresServer
  readonly standby: PostgresServer
  stop(): Promise<void>
}

/** What a server needs for others to follow it, and a standby that cancels what is in the way of recovery at once. */
const replication = [
  "wal_level = replica",
  "max_wal_senders = 4",
  "max_standby_streaming_delay = 0",
  "wal_keep_size = 64",
]

/** Starts a server and a standby of it on loopback ports. The base backup is a copy of the files, without a program for it. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const primary = await startPostgres({ settings: replication })
  const user = serverUser("postgres")
  const folder = serverFolder(tmpdir(), "standby", user)
  const data = join(folder, "data")
  await copyCluster(primary, data)
  writeFileSync(join(data, "standby.signal"), "")
  writeFileSync(
    join(data, "postgresql.auto.conf"),
    `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres'\n`,
  )
  if (user) for (const path of [data, ...filesIn(data)]) chownSync(path, user.uid, user.gid)
  const port = await freePort()
  await startIn(folder, port)
  const standby = { ...primary, port, folder, socket: folder }
  const stop = async () => {
    await stopPostgres(folder)
    await stopPostgres(primary.folder)
  }
  return { primary, standby, stop }
}

async function copyCluster({ port, folder }: PostgresServer, to: string): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" })
  await client.connect()
  await client.query("select pg_backup_start('standby', true)")
  const left = /^(postmaster\.(pid|opts)|pg_internal\.init)$/
  cpSync(join(folder, "data"), to, { recursive: true, filter: (path) => !left.test(basename(path)) })
  const { rows } = await client.query("select labelfile from pg_backup_stop(false)")
  writeFileSync(join(to, "backup_label"), rows[0].labelfile)
  await client.end()
}

function filesIn(folder: string): string[] {
  const paths = readdirSync(folder).map((name) => join(folder, name))
  return paths.flatMap((path) => (statSync(path).isDirectory() ? [path, ...filesIn(path)] : [path]))
}
