import { appendFileSync } from "node:fs"

/** What one test provoked, and what it cost. */
export interface Finding {
  /** `R01`. */
  readonly promise: string
  readonly dialect: string
  /** Who was hurt: Mooring unless it is a driver alone. */
  readonly client?: string
  /** What was done, as words that follow a number: `backends killed while idle`. */
  readonly what: string
  readonly provoked: number
  /** Calls that failed, writes that were doubled or lost: whatever the promise forbids. */
  readonly lost: number
  /** What else was measured: `first success after 120 ms`. */
  readonly note?: string
}

/** The variable that names the file that findings are collected in, for all processes of a run. */
export const findingsVariable = "MOORING_FAULT_FINDINGS"

/** Stands in the place of a promise where {@link recordVersion} has been at work. */
export const versionsOf = "version"

/** Has the report say what a run worked with: `PostgreSQL 17.2`. */
export function recordVersion(what: string): void {
  record({ promise: versionsOf, dialect: "", what, provoked: 0, lost: 0 })
}

/** Adds a line to the run's report. */
export function record(finding: Finding): void {
  const file = process.env[findingsVariable]
  // One write of a short line: lines of several processes do not mix.
  if (file) appendFileSync(file, `${JSON.stringify(finding)}\n`)
}
