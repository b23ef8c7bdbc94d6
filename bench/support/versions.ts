import { readFileSync } from "node:fs"
import { join } from "node:path"

/** A package's name with the version that is installed here. */
export function versionOf(name: string): string {
  const path = join(import.meta.dirname, "..", "..", "node_modules", name, "package.json")
  return `${name} ${(JSON.parse(readFileSync(path, "utf8")) as { version: string }).version}`
}
