import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cpus, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { type Finding, findingsVariable, versionsOf } from "./report.ts"
import { missingPromises, reportTable } from "./report-table.ts"

const page = join(import.meta.dirname, "../../docs/reliability.md")
const [begin, end] = ["<!-- measured -->", "<!-- /measured -->"]

/** R27 has its own tests, of processes that end. */
const promises = Array.from({ length: 28 }, (_, i) => `R${String(i + 1).padStart(2, "0")}`).filter(
  (one) => one !== "R27",
)

/**
 * Vitest's global set-up: a file that all processes of the run write their findings to. With MOORING_WRITE_REPORT=1 they
 * replace the table in docs/reliability.md when the run has ended.
 */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "mooring-findings-"))
  const file = join(folder, "findings.jsonl")
  process.env[findingsVariable] = file
  return () => {
    if (process.env.MOORING_WRITE_REPORT === "1" && existsSync(file)) writeReport(readFindings(file))
    rmSync(folder, { recursive: true, force: true })
  }
}

function readFindings(file: string): Finding[] {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n")
  return lines.map((line) => JSON.parse(line) as Finding)
}

function writeReport(findings: readonly Finding[]): void {
  const missing = missingPromises(findings, promises)
  if (missing.length > 0) {
    console.log(`${reportTable(findings)}\n\nNot written: nothing was found out about ${missing.join(", ")}.`)
    return
  }
  const text = readFileSync(page, "utf8")
  const [before, rest] = text.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${page} has no place for the table.`)
  const measured = findings.filter(({ promise }) => promise !== versionsOf)
  writeFileSync(
    page,
    [before, begin, "\n", machine(findings), "\n\n", reportTable(measured), "\n", end, after].join(""),
  )
  console.log("The report was written to docs/reliability.md.")
}

/** What it was measured on. */
function machine(findings: readonly Finding[]): string {
  const { length: cores } = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const versions = new Set(findings.filter(({ promise }) => promise === versionsOf).map(({ what }) => what))
  const model = cpus()[0]?.model.replace(/\s+/g, " ").trim()
  const parts = [`Node ${process.versions.node}`, ...[...versions].sort()]
  return `Measured on ${new Date().toISOString().slice(0, 10)}: ${process.platform}, ${cores} cores (${model}), ${memory} GiB; ${parts.join(", ")}.`
}
