/**
 * Writes the pages of docs that follow from the code. Run it with `node scripts/reference-pages.ts`.
 * A test fails while a page on disk is another.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { errorsPage } from "./reference/errors.ts"
import { typesPage } from "./reference/types.ts"

/** The text of each page, by its path from the repository's folder. */
export function referencePages(): Record<string, string> {
  return { "docs/errors.md": errorsPage(), "docs/types.md": typesPage() }
}

if (process.argv[1] === import.meta.filename) {
  for (const [path, text] of Object.entries(referencePages())) {
    writeFileSync(join(import.meta.dirname, "..", path), text)
    console.log(`${path} written`)
  }
}
