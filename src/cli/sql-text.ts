import { readFile } from "node:fs/promises"
import { buffer } from "node:stream/consumers"
import { commandName } from "./command-name.ts"
import { UsageError } from "./errors.ts"
import { callersPath } from "./project.ts"

/** The statement: as given, out of the file of `@file.sql`, or from stdin for `-` and for nothing. */
export async function readSql(given: string | undefined): Promise<string> {
  const sql = given === undefined || given === "-" ? await fromStdin(given) : await fromArgument(given)
  if (sql.trim() !== "") return sql
  throw new UsageError("The statement is empty.", `Write it in quotes: ${commandName()} query NAME "select …"`)
}

async function fromStdin(given: string | undefined): Promise<string> {
  if (given === undefined && process.stdin.isTTY) {
    throw new UsageError(
      "There is no statement.",
      `Write it in quotes, ${commandName()} query NAME "select …", or as @FILE.`,
    )
  }
  return decode(await buffer(process.stdin), "The statement from stdin")
}

async function fromArgument(given: string): Promise<string> {
  if (!given.startsWith("@")) return given
  const path = given.slice(1)
  try {
    return decode(await readFile(callersPath(path)), `The statement's file ${path}`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(`The statement's file ${path} cannot be read (${code}).`)
  }
}

/** Text that was read wrong would be another statement. */
function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    const isWide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
    throw new UsageError(`${what} is not UTF-8${isWide ? ", but UTF-16" : ""}.`, "Save it as UTF-8.")
  }
}
