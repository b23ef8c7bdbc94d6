import { expect, test } from "vitest"
import { typeErrors } from "./check.ts"
import { pages } from "./pages.ts"
import { pattern } from "./pattern.ts"
import { projectsOf } from "./projects.ts"
import { follow } from "./run.ts"

const projects = pages.flatMap(projectsOf)

test("every example type-checks", { timeout: 120_000 }, () => {
  expect(typeErrors(projects)).toEqual([])
})

const toFollow = projects.filter(({ steps }) => steps.some((step) => step.kind === "commands" || "runs" in step))

test.each(toFollow)("$name runs, and prints what it says", { timeout: 120_000 }, async (project) => {
  for (const { line, printed, expected } of await follow(project)) {
    expect(printed, `line ${line}`).toMatch(pattern(expected))
  }
})

test.each(pages)("$path says of each block that is not run why", ({ blocks }) => {
  const known = ["ts", "toml", "sh", "text", "json", "sql", "yaml"]
  for (const { language, noRun, line } of blocks) {
    expect(known, `line ${line + 1}`).toContain(language)
    expect(noRun, `line ${line + 1}`).not.toBe("")
  }
})
