import { spawn } from "node:child_process"
import { expect, test } from "vitest"
import type { Outcome } from "./wire-fuzz/run.ts"

/** How many broken messages are tried of each protocol: WIRE_FUZZ=100000 takes minutes. */
const count = Number(process.env.WIRE_FUZZ ?? 400)

/** WIRE_FUZZ_SEED repeats a run. */
const seed = process.env.WIRE_FUZZ_SEED ?? "1"

/** How long the program may be silent: it prints all the time, unless its event loop stands still. */
const silence = 90_000

/** Runs the program that tries them, and ends it when it hangs: then `outcome` is the last that it printed. */
async function fuzz(protocol: string): Promise<{ outcome: Outcome | undefined; ended: string }> {
  const child = spawn(process.execPath, ["test/sql/wire-fuzz/program.ts", protocol, String(count), seed], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let isSilent = false
  const watch = () =>
    setTimeout(() => {
      isSilent = true
      child.kill("SIGKILL")
    }, silence)
  let timer = watch()
  let last = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    clearTimeout(timer)
    timer = watch()
    last = (last + text).trimEnd().split("\n").at(-1)! + (text.endsWith("\n") ? "\n" : "")
  })
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve))
  clearTimeout(timer)
  return { outcome: last === "" ? undefined : JSON.parse(last), ended: isSilent ? "it was silent" : `code ${code}` }
}

for (const protocol of ["postgresql", "mysql"]) {
  test(
    `broken messages of ${protocol} fail their call: no hang, no crash, no wrong row`,
    async () => {
      const { outcome, ended } = await fuzz(protocol)
      expect(outcome).toMatchObject({ hangs: 0, crashes: 0, wrong: 0, faults: [] })
      expect(ended).toBe("code 0")
      expect(outcome!.tried).toBeGreaterThanOrEqual(count)
      // Some damage changes nothing that matters.
      expect(Math.min(outcome!.errors, outcome!.answers)).toBeGreaterThan(0)
      if (process.env.WIRE_FUZZ) console.info(`${protocol}: ${JSON.stringify(outcome)}`)
    },
    Math.max(180_000, count * 100),
  )
}
