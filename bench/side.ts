/** Measures one side of one case in this process: `node bench/side.ts CASE SIDE PREPARED`. */
import { median, type Sample } from "./case.ts"
import { cases } from "./cases/index.ts"

const [, , caseName, sideName, prepared = ""] = process.argv
const side = await cases.find(({ name }) => name === caseName)!.sides[sideName!]!(prepared)
const times: number[] = []
// The first one warms up.
for (let i = 0; i <= (side.repetitions ?? 3); i++) {
  const start = performance.now()
  times.push((await side.run()) ?? performance.now() - start)
}
await side.close?.()
const sample: Sample = {
  time: median(times.slice(1)),
  peakMB: Math.round(process.resourceUsage().maxRSS / 1024),
  ...(side.version !== undefined && { version: side.version }),
}
console.log(JSON.stringify(sample))
