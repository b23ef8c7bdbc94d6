/**
 * Runs every suite to its end, also after one has failed, and closes with their sum in the one form that every tool
 * understands: `N passed, N failed`.
 *
 * The soak counts as two tests, of promises and of memory: they print no counts, and what is broken is their exit code.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The part of Vitest's JSON report that is read here. */
interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
}

const folder = mkdtempSync(join(tmpdir(), "mooring-tests-"))
const sum = { passed: 0, failed: 0, skipped: 0 }
let broken = false

function run(...args: string[]): boolean {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" })
  if (status !== 0) broken = true
  return status === 0
}

function count(passed: boolean): void {
  if (passed) sum.passed++
  else sum.failed++
}

function vitest(name: string, ...args: string[]): void {
  const file = join(folder, `${name}.json`)
  const ended = run(
    "node_modules/vitest/vitest.mjs",
    "run",
    ...args,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
  )
  try {
    const report = JSON.parse(readFileSync(file, "utf8")) as Report
    sum.passed += report.numPassedTests
    sum.failed += report.numFailedTests
    sum.skipped += report.numPendingTests
    // An error outside of every test.
    if (!ended && report.numFailedTests === 0) sum.failed++
  } catch {
    sum.failed++
  }
}

try {
  vitest("tests")
  vitest("faults", "--config", "test/faults/vitest.config.ts")
  count(run("test/soak/main.ts", "--minutes", "1", "--no-memory"))
  count(run("--expose-gc", "--max-old-space-size=128", "test/soak/leaks.ts", "1000"))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${sum.passed} passed, ${sum.failed} failed${sum.skipped > 0 ? `, ${sum.skipped} skipped` : ""}`)
process.exitCode = broken ? 1 : 0
