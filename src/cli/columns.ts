import stringWidth from "fast-string-width"
import { harmless } from "./print.ts"

/** Rows of cells as lines, each column as wide as its widest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(harmless))
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => stringWidth(row[column]!)))) ?? []
  return cells.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(widths[column]! - stringWidth(cell)))
      .join("  ")
      .trimEnd(),
  )
}
