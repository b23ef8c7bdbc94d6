import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findingsVariable } from "./report.ts"

/** Vitest's global set-up: a file that all processes of the run write their findings to. */
export default function setup(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mooring-findings-"))
  process.env[findingsVariable] = join(folder, "findings.jsonl")
  return async () => {
    rmSync(folder, { recursive: true, force: true })
  }
}
