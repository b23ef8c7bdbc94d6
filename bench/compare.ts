import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { cpus, tmpdir, totalmem } from "node:os"
import { join } from "node:path"
import { Absent, type Case, type Figure, median, type Sample } from "./case.ts"

/** What a case came to, as it is kept. */
export interface CaseResult {
  readonly title: string
  readonly unit: string
  readonly rounds: number
  readonly chart?: Case["chart"]
  readonly on: { readonly node: string; readonly platform: string; readonly machine: string; readonly server?: string }
  /** Why it could not be measured. */
  readonly absent?: string
  readonly sides: readonly SideResult[]
  readonly figures: readonly FigureResult[]
}

/** Medians over the rounds, and the least and greatest time. */
export interface SideResult {
  readonly side: string
  readonly time?: number
  readonly range?: readonly [number, number]
  readonly peakMB?: number
  readonly version?: string
  readonly absent?: string
}

export interface FigureResult {
  readonly figure: string
  readonly value?: number
  readonly unit: string
  readonly bar?: string
  readonly met?: boolean
}

/** Measures all sides of a case, round after round. */
export async function compare(name: string, { prepare, finish, ...each }: Case, asked: number): Promise<CaseResult> {
  const rounds = asked * (each.roundsFactor ?? 1)
  const folder = mkdtempSync(join(tmpdir(), "mooring-bench-"))
  const { title, chart, unit = "ms" } = each
  const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB`
  const on = { node: process.version, platform: `${process.platform} ${process.arch}`, machine }
  const common = { title, unit, rounds, ...(chart && { chart }), on }
  let given: string | undefined
  try {
    const prepared = await prepare?.(folder)
    given = prepared?.given ?? ""
    const samples = await takeTurns(name, Object.keys(each.sides), given, rounds)
    const sides = [...samples].map(([side, taken]) => summary(side, taken))
    const figures = each.figures.map((figure) => judge(figure, sides, unit))
    return { ...common, on: { ...on, ...(prepared?.server && { server: prepared.server }) }, sides, figures }
  } catch (error) {
    if (!(error instanceof Absent)) throw error
    return { ...common, absent: error.message, sides: [], figures: [] }
  } finally {
    if (given !== undefined) await finish?.(given)
    rmSync(folder, { recursive: true, force: true })
  }
}

type Taken = Sample | { readonly absent: string }

async function takeTurns(name: string, sides: readonly string[], given: string, rounds: number) {
  const samples = new Map<string, Taken[]>(sides.map((side) => [side, []]))
  for (let round = 0; round < rounds; round++) {
    // There and back, so that no side always follows the same one.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const taken = samples.get(side)!
      if (taken.some((one) => "absent" in one)) continue
      progress(`  round ${round + 1} of ${rounds}: ${side}`)
      taken.push(await measure(name, side, given))
    }
  }
  progress("")
  return samples
}

async function measure(name: string, side: string, given: string): Promise<Taken> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "side.ts"), name, side, given])
  let [said, complained] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text) => (said += text))
  child.stderr.setEncoding("utf8").on("data", (text) => (complained += text))
  const code = await new Promise((resolve) => child.once("close", resolve))
  if (code !== 0) {
    // The other sides are measured all the same.
    console.error(`${name}, ${side}: ${complained}`)
    process.exitCode = 1
    return { absent: "it failed" }
  }
  return JSON.parse(said.trim().split("\n").at(-1)!) as Taken
}

function summary(side: string, taken: readonly Taken[]): SideResult {
  const samples: Sample[] = []
  for (const one of taken) {
    if ("absent" in one) return { side, absent: one.absent }
    samples.push(one)
  }
  const times = samples.map(({ time }) => time)
  const memory = samples.flatMap(({ peakMB }) => peakMB ?? [])
  const { version } = samples[0]!
  return {
    side,
    time: rounded(median(times)),
    range: [rounded(Math.min(...times)), rounded(Math.max(...times))],
    ...(memory.length > 0 && { peakMB: median(memory) }),
    ...(version !== undefined && { version }),
  }
}

function judge(figure: Figure, sides: readonly SideResult[], unit: string): FigureResult {
  const { over, under, as = "ratio", of = "time", bar, title } = figure
  const amount = (name: string) => sides.find(({ side }) => side === name)?.[of]
  const [upper, lower] = [amount(over), under === undefined ? undefined : amount(under)]
  const own = of === "time" ? unit : "MB"
  const told = {
    figure: title,
    unit: under !== undefined && as === "ratio" ? "×" : own,
    ...(bar && { bar: shown(bar) }),
  }
  if (upper === undefined || (under !== undefined && lower === undefined)) return told
  const value = rounded(lower === undefined ? upper : as === "ratio" ? upper / lower : upper - lower)
  if (bar === undefined) return { ...told, value }
  return { ...told, value, met: "atLeast" in bar ? value >= bar.atLeast : value <= bar.atMost }
}

function shown(bar: NonNullable<Figure["bar"]>): string {
  return "atLeast" in bar ? `≥ ${bar.atLeast}` : `≤ ${bar.atMost}`
}

/** Shows a case's result. */
export function print({ absent, unit, sides, figures }: CaseResult): void {
  if (absent !== undefined) {
    console.log(`  Not measured: ${absent}`)
    return
  }
  console.table(
    sides.map(({ side, time, range, peakMB, version, absent: why }) => ({
      side,
      [unit]: time ?? why,
      range: range?.join("–"),
      ...(peakMB !== undefined && { peakMB }),
      version,
    })),
  )
  if (figures.length === 0) return
  console.table(
    figures.map(({ figure, value, unit: of, bar, met }) => ({
      figure,
      value: value === undefined ? "not measured" : `${value} ${of}`,
      bar,
      met: met === undefined ? undefined : met ? "met" : "missed",
    })),
  )
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
  else if (text !== "") process.stderr.write(`${text}\n`)
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
