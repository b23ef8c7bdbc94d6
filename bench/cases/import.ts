import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Case, Side } from "../case.ts"

/** Whole processes, because nothing is imported twice in one. */
export const comparison: Case = {
  title: 'A process that does import "mooring", without a driver',
  chart: { name: "small", title: "A process that imports it" },
  sides: {
    'mooring: import "mooring"': async () => script(`import ${JSON.stringify(import.meta.resolve("mooring"))}`),
    "an empty script": async () => script(""),
    'import "apache-arrow"': async () => script(`import ${JSON.stringify(import.meta.resolve("apache-arrow"))}`),
  },
  figures: [
    {
      title: "above an empty script",
      as: "difference",
      over: 'mooring: import "mooring"',
      under: "an empty script",
      bar: { atMost: 40 },
    },
    { title: "against apache-arrow alone", over: 'mooring: import "mooring"', under: 'import "apache-arrow"' },
  ],
}

function script(text: string): Side {
  const folder = mkdtempSync(join(tmpdir(), "mooring-bench-"))
  const path = join(folder, "script.mjs")
  writeFileSync(path, text)
  const run = async () => {
    const start = performance.now()
    const { status, stderr } = spawnSync(process.execPath, [path], { encoding: "utf8" })
    if (status !== 0) throw new Error(stderr)
    return performance.now() - start
  }
  return { repetitions: 9, elsewhere: true, run, close: async () => rmSync(folder, { recursive: true }) }
}
