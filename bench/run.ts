/**
 * Measures Mooring beside its peers: `npm run bench [-- --only duckdb,hits] [--rounds 5]`.
 *
 * Each side runs in a process of its own; the sides take turns, so that a busy machine is busy for all; what counts is
 * the median over the rounds. The result is printed and kept in `bench/results.json`.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { cpus, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { type Case, median, type Ratio, type Sample } from "./case.ts"
import { cases } from "./cases/index.ts"

const { values } = parseArgs({ options: { only: { type: "string" }, rounds: { type: "string", default: "5" } } })
const wanted = values.only?.split(",")
const chosen = cases.filter(({ name }) => wanted === undefined || wanted.includes(name))
if (chosen.length === 0) throw new Error(`There are ${cases.map(({ name }) => name).join(", ")}.`)

const results = []
for (const each of chosen) results.push(await compare(each, Number(values.rounds)))
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGB: Math.round(totalmem() / 2 ** 30) }
const record = { node: process.version, platform: `${process.platform} ${process.arch}`, machine, results }
writeFileSync(join(import.meta.dirname, "results.json"), `${JSON.stringify(record, null, 2)}\n`)

async function compare(each: Case, rounds: number) {
  console.log(`\n${each.title}`)
  const folder = mkdtempSync(join(tmpdir(), "mooring-bench-"))
  let prepared = ""
  try {
    prepared = (await each.prepare?.(folder)) ?? ""
    const samples = new Map<string, Sample[]>(Object.keys(each.sides).map((side) => [side, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [side, taken] of samples) taken.push(measure(each.name, side, prepared))
    }
    const unit = each.unit ?? "ms"
    const sides = [...samples].map(([side, taken]) => ({
      side,
      [unit]: rounded(median(taken.map(({ time }) => time))),
      ...(each.memory !== false && { peakMB: median(taken.map(({ peakMB }) => peakMB)) }),
      ...(taken[0]!.version !== undefined && { version: taken[0]!.version }),
    }))
    console.table(sides)
    const ratios = each.ratios.map((ratio) => ({ ratio: ratio.title, ...judge(ratio, samples) }))
    if (ratios.length > 0) console.table(ratios)
    return { case: each.name, title: each.title, rounds, sides, ratios }
  } finally {
    await each.finish?.(prepared)
    rmSync(folder, { recursive: true, force: true })
  }
}

function measure(name: string, side: string, prepared: string): Sample {
  const args = [join(import.meta.dirname, "side.ts"), name, side, prepared]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" })
  if (status !== 0) throw new Error(`${name}, ${side}: ${stderr}`)
  return JSON.parse(stdout) as Sample
}

function judge({ over, under, of = "time", bar }: Ratio, samples: ReadonlyMap<string, readonly Sample[]>) {
  const middle = (side: string) => median(samples.get(side)!.map((sample) => sample[of]))
  const value = rounded(middle(over) / middle(under))
  if (bar === undefined) return { value }
  const [text, met] =
    "atLeast" in bar ? [`≥ ${bar.atLeast}`, value >= bar.atLeast] : [`≤ ${bar.atMost}`, value <= bar.atMost]
  return { value, bar: text, met: met ? "yes" : "no" }
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
