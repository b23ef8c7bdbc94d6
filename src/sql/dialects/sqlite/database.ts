import type { DatabaseSync } from "node:sqlite"
import type { Database, SqlConfig } from "../../dialect.ts"
import { SqliteConnection } from "./connection.ts"
import { type Location, locate } from "./location.ts"
import { fileProblem } from "./opening.ts"
import type { WorkerSetup } from "./protocol.ts"
import { loadSqlite } from "./runtime.ts"
import { WorkerLink } from "./worker-link.ts"

/** What `Database.engine` is: `node:sqlite` has none, only handles. */
export interface SqliteEngine {
  /** An absolute path, or the URI of a database in memory, which all threads of this process can open. */
  readonly path: string
  /** A new handle in the calling thread: what runs on it blocks that thread, and the caller closes it. */
  open(): DatabaseSync
}

let memoryDatabases = 0

/** Options that SQLAlchemy users give to Python's driver, and those that reading and writing rely on. */
const ownOptions = ["timeout", "check_same_thread", "detect_types", "isolation_level", "cached_statements", "uri"]
const fixedOptions = ["open", "readOnly", "readBigInts", "returnArrays"]

/** Opens a database; a file is only looked at, since `query()` must not create it. */
export async function openDatabase(config: SqlConfig): Promise<Database> {
  const location = locate(config)
  const { DatabaseSync } = loadSqlite()
  const setup = setupOf(config, location)
  const problem = setup.memory ? undefined : fileProblem(setup)
  if (problem) throw problem
  const open = () =>
    new DatabaseSync(setup.path, {
      ...setup.options,
      readOnly: setup.readOnly,
      timeout: setup.busyTimeout,
      enableForeignKeyConstraints: setup.foreignKeys,
    })
  // A database in memory lives as long as somebody has it open.
  const anchor = setup.memory ? open() : undefined
  return {
    engine: { path: setup.path, open } satisfies SqliteEngine,
    version: process.versions.sqlite ?? "",
    async connect({ signal }) {
      return new SqliteConnection(await WorkerLink.start(setup, signal), open)
    },
    async close() {
      anchor?.close()
    },
  }
}

function setupOf(config: SqlConfig, location: Location): Omit<WorkerSetup, "stop"> {
  const { settings, connectArgs } = config
  const text = (key: string) => (typeof settings[key] === "string" ? (settings[key] as string) : undefined)
  const options = Object.entries(connectArgs).filter(
    ([key]) => !ownOptions.includes(key) && !fixedOptions.includes(key),
  )
  const journalMode = text("journal_mode") ?? "wal"
  return {
    // A name of its own for each opened database, which all threads of this process can open.
    path: location.file ?? `file:/mooring-${process.pid}-${++memoryDatabases}?vfs=memdb`,
    label: location.label,
    memory: location.file === undefined,
    readOnly: location.readOnly,
    immutable: location.immutable,
    busyTimeout: location.busyTimeout ?? 5_000,
    journalMode: journalMode === "unchanged" ? undefined : journalMode,
    synchronous: text("synchronous"),
    foreignKeys: settings.foreign_keys !== false,
    options: Object.fromEntries(options),
  }
}
