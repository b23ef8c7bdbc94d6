import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** The whole folder: what editors and tools leave beside secrets is secret too. */
const line = ".mooring/"
const equivalents: ReadonlySet<string> = new Set([".mooring", ".mooring/", "/.mooring", "/.mooring/", "**/.mooring/"])

/**
 * Makes git ignore the project's `.mooring` folder. What stands in `.gitignore` stays.
 *
 * @returns false if it did already.
 */
export function ignoreSecrets(project: string): boolean {
  const path = join(project, ".gitignore")
  const text = existsSync(path) ? readFileSync(path, "utf8") : ""
  if (text.split(/\r?\n/).some((one) => equivalents.has(one.trim()))) return false
  const separator = text === "" || text.endsWith("\n") ? "" : "\n"
  writeFileSync(path, `${text}${separator}${line}\n`)
  return true
}
