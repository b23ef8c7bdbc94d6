import { existsSync, statSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { expect, test } from "vitest"
import { pages, root } from "./pages.ts"

test.each(pages)("the links of $path lead somewhere", ({ path, text }) => {
  const broken = linksOf(text).filter((link) => !leadsSomewhere(link, path))
  expect(broken).toEqual([])
})

test("every page is reached from the README", () => {
  const reached = new Set(["README.md"])
  // A set gives what is added while it is walked through.
  for (const path of reached) {
    const page = pages.find((one) => one.path === path)
    for (const link of page ? linksOf(page.text) : []) {
      const target = join(dirname(path), link.replace(/#.*/, "")).replaceAll("\\", "/")
      if (!/^\w+:/.test(link)) reached.add(target === "." ? path : target)
      if (link.endsWith("/"))
        for (const one of pages) if (dirname(one.path) === target.replace(/\/$/, "")) reached.add(one.path)
    }
  }
  expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([])
})

/** Targets of `[…](…)`, of images too, outside of code. */
function linksOf(text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "")
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
}

function leadsSomewhere(link: string, from: string): boolean {
  if (/^https:\/\//.test(link)) return true
  const [file = "", anchor] = link.split("#")
  const target = file === "" ? join(root, from) : join(root, dirname(from), file)
  if (relative(root, target).startsWith("..") || !existsSync(target)) return false
  if (anchor === undefined) return true
  if (statSync(target).isDirectory()) return false
  const page = pages.find(({ path }) => join(root, path) === target)
  return page !== undefined && anchorsOf(page.text).includes(anchor)
}

/** The anchors that GitHub makes of headings. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  )
}
