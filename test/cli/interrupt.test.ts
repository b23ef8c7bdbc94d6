import { expect, it } from "vitest"
import { petsProject, start } from "./support.ts"

const endless = "select count(*) from range(100000000000) where range % 7 = 1"
const untilItRuns = () => new Promise((resolve) => setTimeout(resolve, 2500))

it.each(["table", "ndjson"])("cancels a %s query at Ctrl-C, with exit code 130", async (format) => {
  const { child, ended } = start(petsProject(), ["query", "pets", endless, "--format", format])
  await untilItRuns()
  expect(child.exitCode).toBeNull()
  child.kill("SIGINT")
  expect(await ended).toMatchObject({ code: 130, stdout: "", stderr: "" })
})

it("ends with 143 when it is asked to end", async () => {
  const { child, ended } = start(petsProject(), ["query", "pets", endless])
  await untilItRuns()
  child.kill("SIGTERM")
  expect((await ended).code).toBe(143)
})

it("leaves no half file behind", async () => {
  const folder = petsProject()
  const { child, ended } = start(folder, ["query", "pets", endless, "--out", "rows.csv"])
  await untilItRuns()
  child.kill("SIGINT")
  expect((await ended).code).toBe(130)
  const { readdirSync } = await import("node:fs")
  expect(readdirSync(folder)).toEqual([".mooring"])
})
