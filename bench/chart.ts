/** The charts of a record, as SVG. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { BarChart } from "echarts/charts"
import { GridComponent, TitleComponent } from "echarts/components"
import { type ECharts, init, use } from "echarts/core"
import { SVGRenderer } from "echarts/renderers"
import type { CaseResult, SideResult } from "./compare.ts"
import { folder, type Record } from "./record.ts"

use([BarChart, GridComponent, TitleComponent, SVGRenderer])

const font = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
const colours = { ours: "#0b6e8f", peer: "#c3ccd4", text: "#24313c", quiet: "#5f6f7c" }

/** Pixels. */
const width = 960
const barHeight = 24
const head = 60
const panelHead = 58
const names = 250
const gap = 40

/** What the bars of one column show. */
interface Measure {
  readonly of: "time" | "peakMB"
  readonly title: (unit: string) => string
  readonly left: number
  readonly width: number
}

const charts = {
  reading: {
    title: "Reading whole tables",
    subtitle: "1,000,000 rows × 8 columns, except where it says otherwise. Shorter is better.",
    measures: [
      { of: "time", title: (unit) => unit, left: names, width: 370 },
      { of: "peakMB", title: () => "peak memory, MB", left: names + 370 + gap, width: 240 },
    ],
  },
  small: {
    title: "Small work",
    subtitle: "Shorter is better.",
    measures: [{ of: "time", title: (unit) => unit, left: names + 60, width: 580 }],
  },
} as const satisfies { [name: string]: { title: string; subtitle: string; measures: readonly Measure[] } }

export function drawCharts(record: Record): void {
  for (const name of Object.keys(charts) as (keyof typeof charts)[]) {
    const shown = Object.values(record).filter(({ chart, sides }) => chart?.name === name && sides.length > 0)
    if (shown.length > 0) writeFileSync(join(folder, `${name}.svg`), draw(name, shown))
  }
}

function draw(name: keyof typeof charts, results: readonly CaseResult[]): string {
  const { title, subtitle, measures } = charts[name]
  const panels = stack(results)
  const height = panels.at(-1)!.bottom + 16
  const chart: ECharts = init(null, null, { renderer: "svg", ssr: true, width, height })
  const heading = {
    text: title,
    subtext: subtitle,
    left: 16,
    top: 16,
    padding: 0,
    textStyle: { color: colours.text, fontSize: 18 },
    subtextStyle: { color: colours.quiet, fontSize: 13 },
  }
  const parts = panels.flatMap((panel) => measures.map((measure, i) => bars(panel, measure, i === 0)))
  const titles = panels.flatMap((panel) => headings(panel, measures))
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: font },
    title: [heading, ...titles],
    grid: parts.map(({ grid }) => grid),
    xAxis: parts.map(({ xAxis }, gridIndex) => ({ ...xAxis, gridIndex })),
    yAxis: parts.map(({ yAxis }, gridIndex) => ({ ...yAxis, gridIndex })),
    series: parts.map(({ series }, i) => ({ ...series, xAxisIndex: i, yAxisIndex: i })),
  })
  const svg = chart.renderToSVGString()
  // Its timers would keep the process alive.
  chart.dispose()
  return svg
}

interface Panel {
  readonly result: CaseResult
  readonly sides: readonly SideResult[]
  readonly top: number
  readonly bottom: number
}

/** One panel for each case, one below the other. */
function stack(results: readonly CaseResult[]): Panel[] {
  let top = head
  return results.map((result) => {
    const sides = result.sides.filter(({ time }) => time !== undefined)
    const bottom = top + panelHead + sides.length * barHeight
    const panel = { result, sides, top, bottom }
    top = bottom + 12
    return panel
  })
}

function headings({ result, sides, top }: Panel, measures: readonly Measure[]) {
  const name = {
    text: result.chart!.title,
    left: 16,
    top: top + 14,
    padding: 0,
    textStyle: { color: colours.text, fontSize: 14 },
  }
  const units = measures.map(({ of, title, left }) => ({
    text: isWide(values({ sides }, of)) ? `${title(result.unit)}, logarithmic` : title(result.unit),
    left,
    top: top + 38,
    padding: 0,
    textStyle: { color: colours.quiet, fontSize: 12, fontWeight: "normal" as const },
  }))
  return [name, ...units]
}

function values({ sides }: Pick<Panel, "sides">, of: Measure["of"]): number[] {
  return sides.flatMap((side) => side[of] ?? [])
}

/** Where one bar would hide all others. */
function isWide(known: readonly number[]): boolean {
  return Math.max(...known) > 100 * Math.min(...known)
}

function isOurs(side: string | undefined): boolean {
  return side?.startsWith("mooring") === true
}

function bars({ sides, top, bottom }: Panel, { of, left, width }: Measure, named: boolean) {
  const known = values({ sides }, of)
  const greatest = Math.max(...known)
  const lowest = 10 ** Math.floor(Math.log10(Math.min(...known)) - 0.3)
  const scale = isWide(known)
    ? { type: "log" as const, min: lowest, startValue: lowest, max: greatest * 4 }
    : { type: "value" as const, max: greatest * 1.16 }
  return {
    grid: { left, width, top: top + panelHead, height: bottom - top - panelHead },
    xAxis: { ...scale, show: false },
    yAxis: {
      type: "category" as const,
      inverse: true,
      data: sides.map(({ side }) => side),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: {
        show: named,
        interval: 0,
        margin: 10,
        fontSize: 12,
        color: (side?: string) => (isOurs(side) ? colours.ours : colours.text),
      },
    },
    series: {
      type: "bar" as const,
      barWidth: 15,
      data: sides.map((side) => ({
        // ECharts draws nothing for it.
        value: side[of] ?? "-",
        itemStyle: { color: isOurs(side.side) ? colours.ours : colours.peer, borderRadius: 2 },
      })),
      label: {
        show: true,
        position: "right" as const,
        fontSize: 12,
        color: colours.text,
        formatter: ({ value }: { value: unknown }) => Number(value).toLocaleString("en", { maximumFractionDigits: 2 }),
      },
    },
  }
}
