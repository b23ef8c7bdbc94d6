import type { BigIntStats } from "node:fs"
import { fs } from "../util/node.ts"

/** The largest file that is read: credentials are small, and a wrong path should not fill the memory. */
export const maxBytes: number = 1024 * 1024

/** A file that is there and cannot be used. Its message ends a sentence: "… cannot be used: it is not UTF-8 text". */
export class Unusable extends Error {}

/** Without O_NONBLOCK, opening a pipe that nobody writes to would hang the process. */
const flags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0)

/** A small file, and the state of the very file that was read. */
export interface FileBytes {
  readonly bytes: Uint8Array
  readonly stat: BigIntStats
}

/** Reads a regular file of at most {@link maxBytes}. Throws {@link Unusable} or the system's error. */
export function readSmallFile(path: string): FileBytes {
  const file = fs.openSync(path, flags)
  try {
    const stat = fs.fstatSync(file, { bigint: true })
    check(stat.isFile(), Number(stat.size))
    const buffer = Buffer.alloc(Number(stat.size) + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = fs.readSync(file, buffer, length, buffer.length - length, null)
    }
    return { bytes: buffer.subarray(0, length), stat }
  } finally {
    fs.closeSync(file)
  }
}

/** The same as text, without blocking. */
export async function readTextFileAsync(path: string): Promise<string> {
  const file = await fs.promises.open(path, flags)
  try {
    const stat = await file.stat()
    check(stat.isFile(), stat.size)
    return decode(await file.readFile())
  } finally {
    await file.close()
  }
}

function check(isFile: boolean, size: number): void {
  if (!isFile) throw new Unusable("it is not a regular file")
  if (size > maxBytes) throw new Unusable(`it is larger than ${maxBytes / 1024 / 1024} MiB`)
}

/** UTF-8, without its byte order mark; undefined for bytes that are none. */
export function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** UTF-8 or an error. */
export function decode(bytes: Uint8Array): string {
  const text = asText(bytes)
  if (text === undefined) throw new Unusable("it is not UTF-8 text")
  return text
}

/** Why a file could not be read, to end a sentence. Never holds content. */
export function whyUnreadable(error: unknown): string {
  if (error instanceof Unusable) return error.message
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === "EACCES" || code === "EPERM") return `this process may not read it (${code})`
  if (code === "ERR_ACCESS_DENIED") return "this process was started without the permission to read it"
  if (code === "ENOENT" || code === "ENOTDIR") return "it does not exist"
  if (code === "EISDIR") return "it is a folder"
  return code === undefined ? "it could not be read" : `it could not be read (${code})`
}
