import { inspect } from "node:util"
import colors from "picocolors"

/** Paint for one stream; without effect where it is no terminal, or where NO_COLOR is set. */
export type Paint = ReturnType<typeof colors.createColors>

export function hasColors(stream: NodeJS.WriteStream): boolean {
  if (stream.isTTY) return stream.hasColors()
  const { FORCE_COLOR, NO_COLOR } = process.env
  return !NO_COLOR && FORCE_COLOR !== undefined && FORCE_COLOR !== "0"
}

export function paintFor(stream: NodeJS.WriteStream): Paint {
  return colors.createColors(hasColors(stream))
}

/** Lines for people who read along: to stderr, and only if that is a terminal. */
export function printNote(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${paintFor(process.stderr).dim(text)}\n`)
}

/** An error as a sentence, and what to do; with `debug`, where it comes from. One that is `known` has said what it can. */
export function printError(error: unknown, { debug, known }: { debug: boolean; known: boolean }): void {
  const paint = paintFor(process.stderr)
  const { message, hint } = told(error)
  process.stderr.write(`${paint.red("✖")} ${wrap(message, "  ")}\n`)
  const advice = hint ?? (debug || known ? undefined : "Add --debug to see where it comes from.")
  if (advice !== undefined) process.stderr.write(`  ${paint.cyan("→")} ${wrap(advice, "    ")}\n`)
  if (debug) process.stderr.write(`${paint.dim(harmless(inspect(error, { depth: 4 })))}\n`)
}

/** Mooring's warnings as sentences; those of Node only with `debug`. */
export function printWarnings(debug: boolean): void {
  // Node's own printing would show them a second time.
  process.removeAllListeners("warning")
  process.on("warning", (warning: Error & { detail?: string }) => {
    if (warning.name !== "MooringWarning" && !debug) return
    const paint = paintFor(process.stderr)
    const text = [warning.message, warning.detail].filter(Boolean).join(" ")
    process.stderr.write(`${paint.yellow("!")} ${wrap(text, "  ")}\n`)
  })
}

/** Breaks lines at spaces to fit the terminal; further lines begin with `indent`. Elsewhere lines stay as they are. */
export function wrap(text: string, indent: string, stream: NodeJS.WriteStream = process.stderr): string {
  const width = stream.isTTY ? Math.max(40, stream.columns ?? 80) - indent.length - 1 : Number.POSITIVE_INFINITY
  const lines = harmless(text)
    .split("\n")
    .flatMap((line) => fold(line, width))
  return lines.join(`\n${indent}`)
}

/** Text of databases and files must not command the terminal: control characters become escapes. */
export function harmless(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  )
}

function told(error: unknown): { message: string; hint: string | undefined } {
  if (!(error instanceof Error)) return { message: String(error), hint: undefined }
  return { message: error.message || error.name, hint: (error as { hint?: string }).hint }
}

function fold(line: string, width: number): string[] {
  const folded: string[] = []
  let rest = line
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width)
    if (space <= 0) break
    folded.push(rest.slice(0, space))
    rest = rest.slice(space + 1)
  }
  return [...folded, rest]
}
