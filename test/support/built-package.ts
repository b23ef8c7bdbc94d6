import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "tsdown"
import type { TestProject } from "vitest/node"
import config from "../../tsdown.config.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** The `dist` folder of the package as it was built for this run. */
    builtPackage: string
  }
}

const root = fileURLToPath(new URL("../..", import.meta.url))
// Below node_modules, so that the package finds its dependencies.
const parent = join(root, "node_modules/.cache")

/**
 * Vitest's global set-up: the package as users have it, for tests that start processes and for SQLite's workers.
 *
 * From the sources, every process would strip the types of 300 files, which takes a second. And V8 14 sometimes crashes
 * when threads that strip types come and go by the hundred (`WasmEngine::FreeDeadCode`).
 */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, "mooring-"))
  copyFileSync(join(root, "package.json"), join(folder, "package.json"))
  const outDir = join(folder, "dist")
  await build({ ...(config as object), config: false, outDir, dts: false, logLevel: "error" })
  provide("builtPackage", outDir)
  return () => rmSync(folder, { recursive: true, force: true })
}
