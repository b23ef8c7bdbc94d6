/** Reads vitest's closing lines and says them in the one form that every tool understands: `N passed, N failed`. */
import { readFileSync } from "node:fs"
import { stripVTControlCharacters } from "node:util"

const log = stripVTControlCharacters(readFileSync(process.argv[2]!, "utf8"))
const line = log.match(/^\s*Tests\s+(.*)$/m)?.[1]
if (line === undefined) {
  console.error("The log has no closing line of a test run.")
  process.exit(1)
}
const count = (what: string): number => Number(line.match(new RegExp(`(\\d+) ${what}`))?.[1] ?? 0)
const skipped = count("skipped")
console.log(`${count("passed")} passed, ${count("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
