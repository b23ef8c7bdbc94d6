import { createWriteStream, statSync } from "node:fs"
import { rename, rm } from "node:fs/promises"
import { extname } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream as NodeStream } from "node:stream/web"
import type { Format } from "../index.ts"
import { UsageError } from "./errors.ts"

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
    const byName = byEnding[extname(path).toLowerCase()]
    return { format: format ?? byName ?? "ndjson", path, isTerminal: false }
  }
  const isTerminal = process.stdout.isTTY === true
  if (isTerminal && (format === "arrow" || format === "parquet")) {
    throw new UsageError(`${format} is binary, and nothing to look at.`, "Add --out FILE, or send it into a pipe.")
  }
  return { format: format ?? (isTerminal ? "table" : "ndjson"), path, isTerminal }
}

/**
 * Sends bytes to their destination. A file appears under its name when it is complete.
 *
 * @param ready is called before the first byte goes to a terminal.
 */
export async function send(
  bytes: ReadableStream<Uint8Array>,
  { path, isTerminal }: Destination,
  ready: () => void,
): Promise<void> {
  const source = Readable.fromWeb(bytes as NodeStream<Uint8Array>)
  if (path === undefined) {
    if (isTerminal) source.once("data", ready)
    return pipeline(source, process.stdout, { end: false })
  }
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

/** A pipe or device is written to as it is. */
function isOrdinary(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? true
}
