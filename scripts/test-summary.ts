/** Adds up the closing lines of vitest's runs in a log, in the one form that every tool understands: `N passed, N failed`. */
import { readFileSync } from "node:fs"
import { stripVTControlCharacters } from "node:util"

const log = stripVTControlCharacters(readFileSync(process.argv[2]!, "utf8"))
const lines = [...log.matchAll(/^\s*Tests\s+(.*)$/gm)].map(([, line]) => line!)
if (lines.length === 0) {
  console.error("The log has no closing line of a test run.")
  process.exit(1)
}
const count = (what: string): number =>
  lines.reduce((sum, line) => sum + Number(line.match(new RegExp(`(\\d+) ${what}`))?.[1] ?? 0), 0)
const skipped = count("skipped")
console.log(`${count("passed")} passed, ${count("failed")} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
