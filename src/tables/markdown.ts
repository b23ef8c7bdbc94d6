import { exportColumn, plainText } from "./export-text.ts"
import { isNumber, type PreviewSource } from "./preview.ts"
import { counted, escapeControls } from "./terminal.ts"

/** The first rows as a Markdown table: the text of {@link markdownLines}. */
export function toMarkdown(table: PreviewSource, options: { maxRows?: number } = {}): string {
  return [...markdownLines(table, options)].join("")
}

/**
 * The first rows as the lines of a Markdown table (GitHub's dialect). Nothing in the data ends a cell, a row or the table:
 * `|`, `\`, `<` and line breaks are escaped.
 */
export function* markdownLines(table: PreviewSource, options: { maxRows?: number } = {}): Generator<string> {
  const rowCount = Math.min(options.maxRows ?? Number.POSITIVE_INFINITY, table.numRows)
  const columns = table.columns.map(exportColumn)
  if (columns.length === 0) {
    yield "(no columns)\n"
    return
  }
  yield row(columns.map((column) => cell(column.name)))
  yield row(columns.map((column) => (isNumber(column.type) ? "---:" : "---")))
  for (let i = 0; i < rowCount; i++) {
    yield row(
      columns.map((column) => {
        const value = column.at(i)
        return value === null ? "NULL" : cell(plainText(value))
      }),
    )
  }
  if (table.numRows > rowCount) yield `\n… ${counted(table.numRows - rowCount, "more row")}\n`
}

function row(cells: string[]): string {
  return `| ${cells.join(" | ")} |\n`
}

function cell(text: string): string {
  return escapeControls(text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("<", "&lt;"))
}
