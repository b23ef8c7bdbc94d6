/** Measures one side of one case in this process: `node bench/side.ts CASE SIDE GIVEN`. */
import { readFileSync } from "node:fs"
import { Absent, median, type Sample, type Side } from "./case.ts"
import { cases } from "./cases/index.ts"

const [, , caseName, sideName, given = ""] = process.argv
const { comparison } = await cases[caseName!]!()
try {
  const side = await comparison.sides[sideName!]!(given)
  console.log(JSON.stringify("time" in side ? side : await measure(side)))
} catch (error) {
  if (!(error instanceof Absent)) throw error
  console.log(JSON.stringify({ absent: error.message }))
}

async function measure(side: Side): Promise<Sample> {
  const { warmUps = 1, repetitions = 1 } = side
  for (let i = 0; i < warmUps; i++) await side.run()
  const times: number[] = []
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now()
    times.push((await side.run()) ?? performance.now() - start)
  }
  await side.close?.()
  const { version, elsewhere } = side
  return {
    time: median(times),
    ...(!elsewhere && { peakMB: peakMB() }),
    ...(version !== undefined && { version }),
  }
}

/** Of this program alone: what Linux says in `getrusage` begins with what the parent process had. */
function peakMB(): number {
  if (process.platform !== "linux") return Math.round(process.resourceUsage().maxRSS / 1024)
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024)
}
