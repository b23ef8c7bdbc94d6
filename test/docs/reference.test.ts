import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { referencePages } from "../../scripts/reference-pages.ts"
import { dialects, errorCodes } from "../../src/index.ts"
import { pages, root } from "./pages.ts"

const written = Object.entries(referencePages())

test.each(written)("%s is what the code says; if not, run node scripts/reference-pages.ts", (path, text) => {
  expect(readFileSync(join(root, path), "utf8")).toBe(text)
})

test("every code of an error has a section", () => {
  const text = pageText("docs/errors.md")
  expect(Object.keys(errorCodes).filter((code) => !text.includes(`\n## ${code}\n`))).toEqual([])
})

test("every dialect has its types on the page, and is named in the README", () => {
  const types = pageText("docs/types.md")
  const status = pageText("README.md").split("\n## Status\n")[1]!.toLowerCase()
  for (const dialect of dialects) {
    for (const type of Object.keys(dialect.types)) expect(types).toContain(`| ${type.replaceAll("<", "&lt;")} | `)
    expect(status).toContain(`**${dialect.name}**`)
  }
})

function pageText(path: string): string {
  return pages.find((page) => page.path === path)!.text
}
