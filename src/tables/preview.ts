import stringWidth from "fast-string-width"
import type { Column } from "./column.ts"
import { exportColumn, plainText } from "./export-text.ts"
import { clip, counted, escapeControls, pad } from "./terminal.ts"
import { type DataType, fieldTypeName, type Schema } from "./types.ts"

/** How {@link preview} shows a table. */
export interface PreviewOptions {
  /** Rows shown, from the first. Default 20. */
  maxRows?: number
  /** Columns of the terminal. What does not fit is left out and counted. Default 80. */
  width?: number
  /** Dim types and NULLs. Default false. */
  color?: boolean
}

/** What is shown of a table. */
export interface PreviewSource {
  readonly schema: Schema
  readonly columns: readonly Column[]
  readonly numRows: number
}

const maxCellWidth = 60
const gap = " │ "

/**
 * The first rows as text for a terminal: names, types, aligned values, and how much is not shown. Nothing in the data can
 * command the terminal.
 *
 * @example console.log(preview(table, { width: process.stdout.columns, color: true }))
 */
export function preview(table: PreviewSource, options: PreviewOptions = {}): string {
  return [...previewLines(table, options)].join("").slice(0, -1)
}

/** The same as lines, each with its end. While cells are measured these are empty, so that the caller can give way. */
export function* previewLines(table: PreviewSource, options: PreviewOptions = {}): Generator<string> {
  const { maxRows = 20, width = 80, color = false } = options
  const dim = color ? dimmed : (text: string) => text
  const rowCount = Math.min(maxRows, table.numRows)
  const laid: Laid[] = []
  for (const column of table.columns) laid.push(yield* layOut(column, rowCount, width))
  const shown = fitting(laid, width)
  if (shown.length > 0) {
    yield `${header(shown)}\n${types(shown, dim)}\n${rule(shown)}\n`
    for (let i = 0; i < rowCount; i++) yield `${row(shown, i, dim)}\n`
  }
  for (const note of footer(table, rowCount, shown.length)) yield `${dim(note)}\n`
}

/** By hand: a library for one code would cost every program that imports a table 3 ms. */
function dimmed(text: string): string {
  return `\x1b[2m${text}\x1b[22m`
}

interface Laid {
  name: string
  type: string
  cells: string[]
  nulls: boolean[]
  align: "left" | "right"
  width: number
}

function* layOut(column: Column, rowCount: number, available: number): Generator<"", Laid> {
  // On a wide terminal one cell may have half of it.
  const limit = Math.max(1, Math.min(Math.max(maxCellWidth, available >> 1), available))
  const cells: string[] = []
  const nulls: boolean[] = []
  const readable = exportColumn(column)
  for (let i = 0; i < rowCount; i++) {
    const value = readable.at(i)
    nulls.push(value === null)
    cells.push(cellText(value, limit))
    if (i % 256 === 255) yield ""
  }
  const name = clip(escapeControls(column.name), limit)
  const type = clip(escapeControls(fieldTypeName(column.field)), limit)
  let width = Math.max(1, stringWidth(name), stringWidth(type))
  for (let i = 0; i < cells.length; i++) {
    width = Math.max(width, stringWidth(cells[i]!))
    if (i % 256 === 255) yield ""
  }
  return { name, type, cells, nulls, align: isNumber(column.type) ? "right" : "left", width }
}

/** One value, safe to show in a terminal, in at most `limit` columns. */
export function cellText(value: unknown, limit: number): string {
  if (value === null || value === undefined) return clip("NULL", limit)
  const text = plainText(value)
  return clip(escapeControls(text.length > limit * 16 ? text.slice(0, limit * 16) : text), limit)
}

/** Numbers are aligned by their last digit. */
export function isNumber(type: DataType): boolean {
  return type.typeId === 2 || type.typeId === 3 || type.typeId === 7
}

function fitting(columns: Laid[], width: number): Laid[] {
  let used = 0
  let count = 0
  for (const column of columns) {
    used += column.width + (count === 0 ? 2 : gap.length)
    // The first column is shown in any case.
    if (count > 0 && used > width) break
    count++
  }
  return columns.slice(0, count)
}

type Paint = (text: string) => string

function header(columns: Laid[]): string {
  return line(columns.map((column) => pad(column.name, column.width, column.align)))
}

function types(columns: Laid[], dim: Paint): string {
  return line(columns.map((column) => dim(pad(column.type, column.width, column.align))))
}

function rule(columns: Laid[]): string {
  return columns.map((column) => "─".repeat(column.width + 2)).join("┼")
}

function row(columns: Laid[], i: number, dim: Paint): string {
  return line(
    columns.map((column) => {
      const text = pad(column.cells[i]!, column.width, column.align)
      return column.nulls[i] ? dim(text) : text
    }),
  )
}

function line(cells: string[]): string {
  return ` ${cells.join(gap)}`.trimEnd()
}

function footer(table: PreviewSource, rowCount: number, columnCount: number): string[] {
  const notes: string[] = []
  const hiddenRows = table.numRows - rowCount
  const hidden = table.columns.slice(columnCount)
  if (hiddenRows > 0) notes.push(`… ${counted(hiddenRows, rowCount === 0 ? "row" : "more row")}`)
  if (hidden.length > 0) {
    const names = clip(hidden.map((column) => escapeControls(column.name)).join(", "), maxCellWidth)
    notes.push(`… ${counted(hidden.length, "more column")}: ${names}`)
  }
  if (table.numRows === 0) notes.push(table.columns.length === 0 ? "(no columns)" : "(0 rows)")
  return notes
}
