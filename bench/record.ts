/** What is known of all cases: `results.json` for programs, `results.md` for people. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { CaseResult, FigureResult, SideResult } from "./compare.ts"

export const folder: string = join(import.meta.dirname, "results")
const path = join(folder, "results.json")

/** By case. */
export type Record = Readonly<{ [name: string]: CaseResult }>

/** @param names the cases that there are, in the order in which they are shown. */
export function readRecord(names: readonly string[]): Record {
  const kept = read()
  return Object.fromEntries(names.flatMap((name) => (kept[name] ? [[name, kept[name]]] : [])))
}

/** Replaces what was known of one case. */
export function keep(name: string, result: CaseResult): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, `${JSON.stringify({ ...read(), [name]: result }, null, 2)}\n`)
}

function read(): Record {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record) : {}
}

export function writeReport(record: Record): void {
  const results = Object.values(record)
  const parts = [
    "# Results of `npm run bench`",
    "Written by the run; [Performance](../../docs/performance.md) says what was measured, and why a bar was missed.",
    ...environments(results),
    "## Bars",
    table(["What", "Measured", "Bar", ""], results.flatMap(barRows)),
    ...Object.entries(record).flatMap(([name, result]) => [`## ${name}`, ...section(result)]),
  ]
  writeFileSync(join(folder, "results.md"), `${parts.join("\n\n")}\n`)
}

function environments(results: readonly CaseResult[]): string[] {
  const known = new Set(results.map(({ on }) => `${on.machine}; ${on.platform}; Node ${on.node.slice(1)}`))
  const servers = new Set(results.flatMap(({ on }) => on.server ?? []))
  const drivers = new Set(results.flatMap(({ sides }) => sides.flatMap(({ version }) => version ?? [])))
  const lines = [`Machine: ${[...known].join(" / ")}.`]
  if (servers.size > 0) lines.push(`Servers: ${[...servers].sort().join(", ")}.`)
  if (drivers.size > 0) lines.push(`Peers: ${[...drivers].sort().join("; ")}.`)
  return [lines.join("\\\n")]
}

function barRows({ title, figures, absent }: CaseResult): string[][] {
  const subject = title.split(":")[0]!
  return figures
    .filter(({ bar }) => bar !== undefined || absent !== undefined)
    .map((figure) => [`${subject}: ${figure.figure}`, amountOf(figure), figure.bar ?? "", verdict(figure)])
}

function section({ title, absent, unit, rounds, sides, figures }: CaseResult): string[] {
  if (absent !== undefined) return [`${title}.`, `Not measured: ${absent}.`]
  const memory = sides.some(({ peakMB }) => peakMB !== undefined)
  const heads = ["", `${unit}, median of ${rounds}`, "least–greatest", ...(memory ? ["peak MB"] : [])]
  const rows = sides.map((side) => sideRow(side, memory))
  const parts = [`${title}.`, table(heads, rows)]
  if (figures.length > 0) parts.push(table(["Figure", "Value", "Bar", ""], figures.map(figureRow)))
  return parts
}

function sideRow({ side, time, range, peakMB, absent }: SideResult, memory: boolean): string[] {
  if (time === undefined) return [side, `not measured: ${absent}`, "", ...(memory ? [""] : [])]
  const name = side.startsWith("mooring") ? `**${side}**` : side
  return [
    name,
    shown(time),
    range!.map(shown).join("–"),
    ...(memory ? [peakMB === undefined ? "" : shown(peakMB)] : []),
  ]
}

function figureRow(figure: FigureResult): string[] {
  return [figure.figure, amountOf(figure), figure.bar ?? "", verdict(figure)]
}

function amountOf({ value, unit }: FigureResult): string {
  if (value === undefined) return "not measured"
  return unit === "×" ? `${shown(value)}×` : `${shown(value)} ${unit}`
}

function verdict({ met }: FigureResult): string {
  return met === undefined ? "" : met ? "met" : "**missed**"
}

function shown(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 3 })
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n")
}
