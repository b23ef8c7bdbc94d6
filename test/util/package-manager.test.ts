import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { installCommand, packageManager } from "../../src/util/package-manager.ts"

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "mooring-"))
})
afterEach(() => rmSync(dir, { recursive: true }))

test.each([
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["package-lock.json", "npm"],
  ["deno.lock", "deno"],
])("%s means %s, also from a folder below", (file, manager) => {
  const below = join(dir, "a", "b")
  mkdirSync(below, { recursive: true })
  writeFileSync(join(dir, file), "")
  expect(packageManager(below, { npm_config_user_agent: "npm/11.0.0 node/v24.0.0" })).toBe(manager)
})

test("the nearest lockfile counts", () => {
  mkdirSync(join(dir, "a"))
  writeFileSync(join(dir, "yarn.lock"), "")
  writeFileSync(join(dir, "a", "pnpm-lock.yaml"), "")
  expect(packageManager(join(dir, "a"))).toBe("pnpm")
})

test("without a lockfile it is the one that runs the process, else npm", () => {
  expect(packageManager(dir, { npm_config_user_agent: "pnpm/10.1.0 npm/? node/v24.0.0" })).toBe("pnpm")
  expect(packageManager(dir, { npm_config_user_agent: "pnpm" })).toBe("pnpm")
  expect(packageManager(dir, { npm_config_user_agent: "yarn/4.5.0 npm/? node/v24.0.0" })).toBe("yarn")
  expect(packageManager(dir, { npm_config_user_agent: "someone/1.0" })).toBe("npm")
  expect(packageManager(dir, {})).toBe("npm")
})

test("install commands can be pasted into a shell", () => {
  expect(installCommand("npm", "pg@^8.11")).toBe("npm install pg@^8.11")
  expect(installCommand("pnpm", "@duckdb/node-api@^1.5.6-r.1")).toBe("pnpm add @duckdb/node-api@^1.5.6-r.1")
  expect(installCommand("yarn", "pg@>=8 <9")).toBe('yarn add "pg@>=8 <9"')
  expect(installCommand("bun", "pg@^8 || ^9")).toBe('bun add "pg@^8 || ^9"')
  expect(installCommand("deno", "pg@^8")).toBe("deno add npm:pg@^8")
  expect(installCommand("deno", "pg@>=8 <9")).toBe('deno add "npm:pg@>=8 <9"')
})
