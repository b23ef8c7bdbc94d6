import { join } from "node:path"
import { inject } from "vitest"

/** The path of a file of the built package: `index.js`, `cli.js`. */
export function builtFile(name: string): string {
  return join(inject("builtPackage"), name)
}
