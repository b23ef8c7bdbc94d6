import { closeSync, openSync, readSync, statSync } from "node:fs"
import { dirname } from "node:path"
import { MooringError } from "../../../errors.ts"

/** How a database file is called, by the system and by people. */
interface NamedFile {
  readonly path: string
  readonly label: string
}

export function missingFile({ label }: NamedFile): MooringError {
  return new MooringError("CONNECT", `The database file ${label} does not exist.`, {
    hint: "query() never creates one; execute() and a session do. A relative path begins at the project's folder.",
  })
}

/** What is wrong with a file, as far as the file system knows. That it does not exist yet is not wrong. */
export function fileProblem({ path, label }: NamedFile): MooringError | undefined {
  const problem = (message: string, hint: string) => new MooringError("CONNECT", message, { hint })
  const file = statSync(path, { throwIfNoEntry: false })
  if (file?.isDirectory()) return problem(`${label} is a folder, not a database file.`, "Give the path of a file.")
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    return problem(`The folder of the database file ${label} does not exist.`, "Create it, or check the path.")
  }
  if (!file?.isFile()) return undefined
  const header = readHeader(path)
  if (header === undefined) return problem(`${label} may not be read.`, "Check the file's permissions.")
  if (header === "" || header === "SQLite format 3\0") return undefined
  return problem(`${label} is not an SQLite database.`, "Check the path. An encrypted database looks like this, too.")
}

/** SQLITE_READONLY_ROLLBACK and SQLITE_READONLY_RECOVERY: a handle that may write has to read the file first. */
export function needsRecovery(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode === 776 || errcode === 264
}

/** A better sentence than "unable to open database file" where there is one; else the error itself. */
export function explainOpening(error: unknown, file: NamedFile & { readonly memory: boolean }): unknown {
  const primary = ((error as { errcode?: number }).errcode ?? 0) % 256
  if (needsRecovery(error)) return error
  if (file.memory || (primary !== 8 && primary !== 14 && primary !== 26)) return error
  const cannot = new MooringError("CONNECT", `The database file ${file.label} cannot be opened.`, {
    hint:
      "Check its permissions, and those of its folder: SQLite keeps a write-ahead log beside the file. " +
      "For a file that nobody changes, add ?immutable=1 to the URL.",
  })
  return fileProblem(file) ?? cannot
}

/** The first 16 bytes; undefined if they may not be read. */
function readHeader(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, "r")
  } catch {
    return undefined
  }
  try {
    const bytes = new Uint8Array(16)
    return Buffer.from(bytes.subarray(0, readSync(file, bytes, 0, 16, 0))).toString("latin1")
  } finally {
    closeSync(file)
  }
}
