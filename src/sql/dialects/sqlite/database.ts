import { availableParallelism } from "node:os"
import type { DatabaseSync } from "node:sqlite"
import type { Database, SqlConfig } from "../../dialect.ts"
import { SqliteConnection } from "./connection.ts"
import { WorkerLink } from "./link.ts"
import { type Location, locate } from "./location.ts"
import { MemoryFile } from "./memory-file.ts"
import { OpenFile } from "./open-file.ts"
import { fileProblem } from "./opening.ts"
import type { WorkerSetup } from "./protocol.ts"
import { loadSqlite } from "./runtime.ts"

/** What `Database.engine` is: `node:sqlite` has none, only handles. */
export interface SqliteEngine {
  /** Absolute; of a database in memory, that of its temporary file. */
  readonly path: string
  /** A new handle in the calling thread: what runs on it blocks that thread, and the caller closes it. */
  open(): DatabaseSync
}

/** Options that SQLAlchemy users give to Python's driver, and those that reading and writing rely on. */
const ownOptions = ["timeout", "check_same_thread", "detect_types", "isolation_level", "cached_statements", "uri"]
const fixedOptions = ["open", "readOnly", "readBigInts", "returnArrays"]

/** Opens a database; a file is only looked at, since `query()` must not create it. */
export async function openDatabase(config: SqlConfig): Promise<Database> {
  const location = locate(config)
  const { DatabaseSync } = loadSqlite()
  const memory = location.file === undefined ? new MemoryFile() : undefined
  const setup = setupOf(config, location, memory)
  const problem = memory ? undefined : fileProblem(setup)
  if (problem) throw problem
  const open = () => {
    const handle = new DatabaseSync(setup.path, {
      ...setup.options,
      readOnly: setup.readOnly,
      timeout: setup.busyTimeout,
      enableForeignKeyConstraints: setup.foreignKeys,
    })
    if (memory) handle.exec("pragma synchronous = off")
    return handle
  }
  let file = memory ? undefined : new OpenFile(setup)
  return {
    engine: { path: setup.path, open } satisfies SqliteEngine,
    version: process.versions.sqlite ?? "",
    // A query keeps a core busy, and each connection is a process.
    concurrentReads: Math.max(4, availableParallelism()),
    async connect({ signal }) {
      if (file?.isMissing || file?.isReplaced()) file = new OpenFile(setup)
      return new SqliteConnection(await WorkerLink.start(setup, signal), open)
    },
    async close() {
      memory?.remove()
    },
  }
}

function setupOf(config: SqlConfig, location: Location, memory: MemoryFile | undefined): WorkerSetup {
  const { settings, connectArgs } = config
  const text = (key: string) => (typeof settings[key] === "string" ? (settings[key] as string) : undefined)
  const options = Object.entries(connectArgs).filter(
    ([key]) => !ownOptions.includes(key) && !fixedOptions.includes(key),
  )
  const journalMode = text("journal_mode") ?? "wal"
  return {
    path: location.file ?? memory!.path,
    label: location.label,
    memory: memory !== undefined,
    temporary: memory?.folder,
    workingFolder: workingFolder(),
    readOnly: location.readOnly,
    immutable: location.immutable,
    busyTimeout: location.busyTimeout ?? 5_000,
    // A file for "memory" is in this mode, and need not outlive the machine's power.
    journalMode: memory || journalMode === "unchanged" ? undefined : journalMode,
    synchronous: memory ? "off" : text("synchronous"),
    foreignKeys: settings.foreign_keys !== false,
    options: Object.fromEntries(options),
  }
}

/** Undefined where it has been removed. */
function workingFolder(): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}
