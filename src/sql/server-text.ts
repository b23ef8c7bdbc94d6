import { escapeControls } from "../tables/terminal.ts"

/** More of a database's text helps nobody, and fills logs. */
const mostCharacters = 4_000

/**
 * What a database or its driver says, as an error may have it: cut at a sane length, and without what a terminal would obey.
 * Lines and tabs stay.
 */
export function serverText(text: string): string {
  const cut = text.length > mostCharacters
  const shown = cut ? text.slice(0, mostCharacters) : text
  const safe = shown.replace(/[^\n\t]+/g, escapeControls)
  return cut ? `${safe}… (${text.length.toLocaleString("en-US")} characters)` : safe
}
