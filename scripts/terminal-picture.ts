/**
 * Draws what the example prints as `docs/images/demo.svg`, the README's picture. Run it with
 * `npx tsdown --no-dts && node scripts/terminal-picture.ts`.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const root = join(import.meta.dirname, "..")
const target = join(root, "docs/images/demo.svg")
/** What comes after the line with this is left out, so that the picture is no taller than a screen. */
const last = "Use execute()"

const cell = { width: 8.43, height: 18.5, font: 14 }
const margin = { x: 20, top: 44, bottom: 20 }
const colors = {
  background: "#161b22",
  border: "#3d444d",
  text: "#e6edf3",
  faint: "#8b949e",
  bold: "#ffffff",
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  34: "#79c0ff",
  36: "#76e3ea",
} as const

/** Text in one look. */
interface Run {
  readonly text: string
  readonly column: number
  readonly color: string
  readonly bold: boolean
}

const env = { ...process.env, FORCE_COLOR: "1", NO_COLOR: "", COLUMNS: "90" }
const printed = execFileSync(process.execPath, ["examples/flights/main.ts"], { cwd: root, env, encoding: "utf8" })
const lines = upTo(printed.split("\n"), last)
mkdirSync(dirname(target), { recursive: true })
writeFileSync(target, picture(["$ npm run demo", ...lines].map(runsOf)))
console.log(`${lines.length} lines drawn to ${target}`)

function upTo(all: readonly string[], text: string): readonly string[] {
  const end = all.findIndex((line) => line.includes(text))
  if (end < 0) throw new Error(`The example does not print ${JSON.stringify(text)} any more.`)
  return all.slice(0, end + 1)
}

/** A line's text by its looks. Only the colours that the example uses are known: any other is an error. */
function runsOf(line: string): Run[] {
  const runs: Run[] = []
  let column = 0
  let look: { color: string; bold: boolean } = { color: colors.text, bold: false }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins a colour.
  for (const [, code, text] of line.matchAll(/\x1b\[(\d*)m|([^\x1b]+)/g)) {
    if (text !== undefined) {
      runs.push({ text, column, ...look })
      column += [...text].length
    } else look = lookAfter(Number(code), look)
  }
  return runs.filter(({ text }) => text.trim() !== "")
}

function lookAfter(code: number, look: { color: string; bold: boolean }): { color: string; bold: boolean } {
  if (code === 0) return { color: colors.text, bold: false }
  if (code === 1) return { color: colors.bold, bold: true }
  if (code === 2) return { ...look, color: colors.faint }
  if (code === 22 || code === 39) return { color: colors.text, bold: false }
  const color = (colors as Record<string, string>)[code]
  if (color === undefined) throw new Error(`The picture does not know the colour ${code}.`)
  return { ...look, color }
}

function picture(rows: readonly Run[][]): string {
  const columns = Math.max(...rows.flat().map(({ column, text }) => column + [...text].length))
  const width = Math.ceil(columns * cell.width + 2 * margin.x)
  const height = Math.ceil(rows.length * cell.height + margin.top + margin.bottom)
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (fill, i) => `<circle cx="${22 + i * 20}" cy="21" r="6" fill="${fill}"/>`,
  )
  const texts = rows.flatMap((runs, row) => runs.map((run) => textOf(run, margin.top + (row + 0.75) * cell.height)))
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>What npm run demo prints</title>
<style>text { font: ${cell.font}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="9" fill="${colors.background}" stroke="${colors.border}"/>
${dots.join("")}
${texts.join("\n")}
</svg>
`
}

/** The length is given, so that columns stay columns in whichever font the reader has. */
function textOf({ text, column, color, bold }: Run, y: number): string {
  const indent = text.length - text.trimStart().length
  const shown = text.trim()
  const x = (margin.x + (column + indent) * cell.width).toFixed(1)
  const length = ([...shown].length * cell.width).toFixed(1)
  const weight = bold ? ' font-weight="bold"' : ""
  return `<text x="${x}" y="${y.toFixed(1)}" fill="${color}"${weight} textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(shown)}</text>`
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
}
