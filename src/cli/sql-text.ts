import { readFile } from "node:fs/promises"
import { text } from "node:stream/consumers"
import { UsageError } from "./errors.ts"

/** The statement: as given, out of the file of `@file.sql`, or from stdin for `-` and for nothing. */
export async function readSql(given: string | undefined): Promise<string> {
  const sql = given === undefined || given === "-" ? await fromStdin(given) : await fromArgument(given)
  if (sql.trim() !== "") return sql
  throw new UsageError("The statement is empty.", 'Write it in quotes: mooring query NAME "select …"')
}

async function fromStdin(given: string | undefined): Promise<string> {
  if (given === undefined && process.stdin.isTTY) {
    throw new UsageError("There is no statement.", 'Write it in quotes, mooring query NAME "select …", or as @FILE.')
  }
  return text(process.stdin)
}

async function fromArgument(given: string): Promise<string> {
  if (!given.startsWith("@")) return given
  const path = given.slice(1)
  try {
    return await readFile(path, "utf8")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new UsageError(`The statement's file ${path} cannot be read (${code}).`)
  }
}
