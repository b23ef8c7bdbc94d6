import { createWriteStream, fstatSync, statSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { extname } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream as NodeStream } from "node:stream/web"
import type { Format } from "../index.ts"
import { CommandError, UsageError } from "./errors.ts"
import { callersPath, pathFromCaller } from "./project.ts"

/** Where rows go, and in which format. */
export interface Destination {
  readonly format: Format
  /** A file; undefined for stdout. */
  readonly path: string | undefined
  /** Somebody looks at it. */
  readonly isTerminal: boolean
}

const byEnding: Readonly<Record<string, Format>> = {
  ".json": "json",
  ".ndjson": "ndjson",
  ".jsonl": "ndjson",
  ".csv": "csv",
  ".md": "markdown",
  ".arrow": "arrow",
  ".arrows": "arrow",
  ".parquet": "parquet",
  ".txt": "table",
}

/** The format is the one that was asked for, else by the file's ending, else a table on a terminal and NDJSON elsewhere. */
export function destinationOf(format: Format | undefined, path: string | undefined): Destination {
  if (path !== undefined) {
    return { format: format ?? formatOf(path), path, isTerminal: false }
  }
  const isTerminal = process.stdout.isTTY === true
  if (isTerminal && (format === "arrow" || format === "parquet")) {
    throw new UsageError(`${format} is binary, and nothing to look at.`, "Add --out FILE, or send it into a pipe.")
  }
  return { format: format ?? (isTerminal ? "table" : "ndjson"), path, isTerminal }
}

/** A name without an ending, as of a pipe or a device, has the format of a pipe. */
function formatOf(path: string): Format {
  const ending = extname(path).toLowerCase()
  if (ending === "") return "ndjson"
  const format = byEnding[ending]
  if (format !== undefined) return format
  throw new UsageError(
    `--out ${path}: no format has the ending ${ending}.`,
    `The endings are ${Object.keys(byEnding).join(", ")}. For a file with another ending, add --format.`,
  )
}

/**
 * Sends bytes to their destination. A file appears under its name when it is complete.
 *
 * @param ready is called before the first byte goes to where somebody may see it: a terminal, or a pipe that leads there.
 */
export async function send(
  bytes: ReadableStream<Uint8Array>,
  { path: named }: Destination,
  ready: () => void,
): Promise<void> {
  const source = Readable.fromWeb(bytes as NodeStream<Uint8Array>)
  if (named === undefined) {
    if (!isFile(process.stdout.fd)) source.once("data", ready)
    return pipeline(source, process.stdout, { end: false })
  }
  const path = callersPath(named)
  if (!isOrdinary(path)) return pipeline(source, createWriteStream(path))
  const partial = `${path}.${process.pid}.part`
  try {
    await pipeline(source, createWriteStream(partial, { flags: "wx" }))
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/**
 * A destination that refused bytes, as an error for people. Undefined for every other error.
 *
 * @see https://man7.org/linux/man-pages/man3/errno.3.html
 */
export function failedWrite(error: unknown): CommandError | undefined {
  const { code, syscall, path } = (error ?? {}) as NodeJS.ErrnoException
  if (!(error instanceof Error) || code === undefined || syscall === undefined || !writing.has(syscall))
    return undefined
  const place = path === undefined ? "The output" : pathFromCaller(path.replace(/\.\d+\.part$/, ""))
  return new CommandError(`${place} could not be written: ${reasons[code] ?? "the system refused it"} (${code}).`)
}

/** The system calls with which a destination is opened, filled and renamed. */
const writing: ReadonlySet<string> = new Set(["open", "write", "writev", "rename", "fsync", "close"])

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file is larger than the file system allows",
  EIO: "the device reports an error",
  EACCES: "permission is denied",
  EPERM: "the operation is not permitted",
  EROFS: "the file system is read-only",
  ENOENT: "there is no such folder",
  EEXIST: "another file is in its way",
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile()
  } catch {
    return false
  }
}

/** A pipe or device is written to as it is. */
function isOrdinary(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true
}
