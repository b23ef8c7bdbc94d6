import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "tsdown"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  interface ProvidedContext {
    /** The address of the worker's program. */
    sqliteWorker: string
  }
}

/**
 * Vitest's global set-up: SQLite's worker as JavaScript, as the package has it.
 *
 * From the sources, Node would strip the types in every worker, which it does with WebAssembly; and V8 14 sometimes
 * crashes when threads that run the same WebAssembly come and go by the hundred (`WasmEngine::FreeDeadCode`).
 */
export default async function setup({ provide }: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "mooring-worker-"))
  await build({
    config: false,
    entry: { "sqlite-worker": fileURLToPath(new URL("../../src/sql/dialects/sqlite/worker.ts", import.meta.url)) },
    outDir: folder,
    format: "esm",
    platform: "node",
    fixedExtension: false,
    dts: false,
    // Nothing can be imported from there.
    deps: { alwaysBundle: [/./], onlyBundle: false },
    logLevel: "error",
  })
  provide("sqliteWorker", pathToFileURL(join(folder, "sqlite-worker.js")).href)
  return () => rmSync(folder, { recursive: true, force: true })
}
