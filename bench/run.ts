/**
 * Measures Mooring beside its peers: `npm run bench [-- --only duckdb,hits] [--rounds 5]`.
 *
 * Each side runs in a process of its own; the sides take turns, so that a busy machine is busy for all; what counts is
 * the median over the rounds. What comes out is printed and kept in `bench/results/`, where a run of some cases leaves
 * what is known of the others.
 */
import { parseArgs } from "node:util"
import { cases } from "./cases/index.ts"
import { drawCharts } from "./chart.ts"
import { compare, print } from "./compare.ts"
import { keep, readRecord, writeReport } from "./record.ts"

const { values } = parseArgs({
  options: { only: { type: "string" }, rounds: { type: "string", default: "5" }, report: { type: "boolean" } },
})
const wanted = values.only?.split(",") ?? Object.keys(cases)
const strange = wanted.filter((name) => !Object.hasOwn(cases, name))
if (strange.length > 0)
  throw new Error(`There is no ${strange.join(", ")}. There are ${Object.keys(cases).join(", ")}.`)

const begun = performance.now()
if (!values.report) {
  for (const [i, name] of wanted.entries()) {
    const { comparison } = await cases[name]!()
    console.log(`\n[${i + 1}/${wanted.length}, ${minutes()} min] ${name}: ${comparison.title}`)
    const result = await compare(name, comparison, Number(values.rounds))
    print(result)
    keep(name, result)
  }
}
const record = readRecord(Object.keys(cases))
writeReport(record)
drawCharts(record)
console.log(`\nDone in ${minutes()} min. See bench/results/results.md.`)

function minutes(): string {
  return ((performance.now() - begun) / 60_000).toFixed(1)
}
