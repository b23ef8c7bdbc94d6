import { processGlobal } from "./globals.ts"

const said = processGlobal("warnings@1", () => new Set<string>())

/** A process warning (`process.on("warning")`, stderr), once per key and process. */
export function warnOnce(key: string, message: string): void {
  if (said.has(key)) return
  said.add(key)
  warn(message)
}

/** The same each time. */
export function warn(message: string): void {
  process.emitWarning(message, { type: "MooringWarning", code: "MOORING" })
}
