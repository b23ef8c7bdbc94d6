import { spawnSync } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Case, Side } from "../case.ts"

/** Whole processes, because nothing is imported twice in one. */
export const importTime: Case = {
  name: "import",
  title: 'A process that does import "mooring", without a driver',
  memory: false,
  sides: {
    "import mooring": async () => script(`import ${JSON.stringify(import.meta.resolve("mooring"))}`),
    "an empty script": async () => script(""),
    "import apache-arrow": async () => script(`import ${JSON.stringify(import.meta.resolve("apache-arrow"))}`),
  },
  ratios: [
    { title: "above an empty script, times", over: "import mooring", under: "an empty script" },
    { title: "against apache-arrow alone", over: "import mooring", under: "import apache-arrow" },
  ],
}

function script(text: string): Side {
  const path = join(mkdtempSync(join(tmpdir(), "mooring-bench-")), "script.mjs")
  writeFileSync(path, text)
  return {
    repetitions: 9,
    run: async () => {
      const start = performance.now()
      const { status, stderr } = spawnSync(process.execPath, [path], { encoding: "utf8" })
      if (status !== 0) throw new Error(stderr)
      return performance.now() - start
    },
  }
}
