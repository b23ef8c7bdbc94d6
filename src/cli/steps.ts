import { diagnose } from "../index.ts"
import { interrupted } from "./interrupt.ts"
import { paintFor, wrap } from "./print.ts"
import { ProgressLine } from "./progress.ts"

const names = 9

/** How the library names what stands in no file. */
const unwritten = "configure({ secrets })"

/**
 * Looks at everything that a connection needs, a line each.
 *
 * @param answers how a section is called that stands in no file yet.
 * @returns true if all of it is well.
 */
export async function printDiagnosis(name: string, answers: string = unwritten): Promise<boolean> {
  const named = (text: string) => text.replaceAll(unwritten, answers)
  const { stdout } = process
  const paint = paintFor(stdout)
  const marks = { ok: paint.green("✔"), failed: paint.red("✖"), skipped: paint.dim("–") }
  stdout.write(`${paint.bold(name)}\n`)
  const progress = new ProgressLine("Looking")
  let well = true
  try {
    for await (const step of diagnose(name, { signal: interrupted })) {
      progress.stop()
      const took = step.milliseconds < 10 ? "" : paint.dim(` (${Math.round(step.milliseconds)} ms)`)
      const indent = " ".repeat(names + 5)
      const detail = wrap(named(step.detail), indent, stdout)
      const shown = step.status === "skipped" ? paint.dim(detail) : detail
      stdout.write(`  ${marks[step.status]} ${step.name.padEnd(names)} ${shown}${took}\n`)
      if (step.hint !== undefined)
        stdout.write(`${indent}${paint.cyan("→")} ${wrap(named(step.hint), `${indent}  `, stdout)}\n`)
      well &&= step.status !== "failed"
      progress.start()
    }
  } finally {
    progress.stop()
  }
  return well
}
