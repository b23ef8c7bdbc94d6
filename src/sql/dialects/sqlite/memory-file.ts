import { accessSync, constants, mkdtempSync, readdirSync, readlinkSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, sep } from "node:path"
import { MooringError } from "../../../errors.ts"
import { processGlobal } from "../../../util/globals.ts"
import { permissionHint } from "../../../util/permission-model.ts"
import { loadSqlite } from "./runtime.ts"

/** Linux's file system in memory. Containers often have one of 64 MB, which is too little. */
const sharedMemory = { folder: "/dev/shm", bytes: 2 ** 30 }

/** The folders of databases that are open; they go with the process. */
const folders = processGlobal<Set<string>>("sqlite.memory@1", () => {
  const all = new Set<string>()
  removeAbandoned()
  process.once("exit", () => all.forEach(removeFolder))
  return all
})

/**
 * A database "in memory" is a temporary file that only this user may read, in memory where the system has a file system
 * for that. So each connection's own process can open it, and the death of one loses nothing but its own transaction.
 */
export class MemoryFile {
  readonly folder: string
  readonly path: string

  constructor() {
    this.folder = newFolder()
    folders.add(this.folder)
    this.path = join(this.folder, "memory.db")
    const { DatabaseSync } = loadSqlite()
    const handle = new DatabaseSync(this.path)
    // The mode stays with the file: readers and the writer do not wait for each other.
    handle.exec("pragma synchronous = off; pragma journal_mode = wal")
    handle.close()
  }

  remove(): void {
    folders.delete(this.folder)
    removeFolder(this.folder)
  }
}

function newFolder(): string {
  let cause: unknown
  for (const parent of [...(hasSharedMemory() ? [sharedMemory.folder] : []), tmpdir(), sharedMemory.folder]) {
    try {
      return mkdtempSync(join(parent, `mooring-${process.pid}-${pidNamespace()}-`))
    } catch (error) {
      cause ??= error
    }
  }
  // The name of the folder that was refused is another one each time.
  const denied = permissionHint({ ...(cause as object), resource: join(tmpdir(), sep) })
  throw new MooringError("CONNECT", "There is no folder for the temporary file of a database in memory.", {
    hint: denied ?? `${tmpdir()} may not be written to. Set TMPDIR to a folder that may, or mount one.`,
    cause,
  })
}

/**
 * Removes what processes left behind that were killed while they had no child. Only in memory, which no other machine
 * shares, and of this PID namespace: in another one, the same number is another process.
 */
function removeAbandoned(): void {
  const namespace = pidNamespace()
  if (namespace === "") return
  try {
    for (const name of readdirSync(sharedMemory.folder)) {
      const [, pid, owners] = /^mooring-(\d+)-(\d+)-\w+$/.exec(name) ?? []
      if (owners === namespace && !isAlive(Number(pid))) removeFolder(join(sharedMemory.folder, name))
    }
  } catch {
    // There is no such folder here.
  }
}

/** The number of Linux's namespace in which process ids are counted; empty where there is none. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? ""
  } catch {
    return ""
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}

function hasSharedMemory(): boolean {
  try {
    accessSync(sharedMemory.folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(sharedMemory.folder)
    return bavail * bsize >= sharedMemory.bytes
  } catch {
    return false
  }
}

function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    // Where files in use cannot be removed, the last worker does it.
  }
}
