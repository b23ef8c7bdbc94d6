import { processGlobal } from "./globals.ts"

const said = processGlobal("warnings@1", () => new Set<string>())

/** More keys than this are not remembered: the oldest may be said again. */
const mostKeys = 1_000

/** A process warning (`process.on("warning")`, stderr), once per key and process. */
export function warnOnce(key: string, message: string): void {
  if (said.has(key)) return
  said.add(key)
  if (said.size > mostKeys) said.delete(said.keys().next().value!)
  warn(message)
}

/** The same each time. */
export function warn(message: string): void {
  process.emitWarning(message, { type: "MooringWarning", code: "MOORING" })
}
