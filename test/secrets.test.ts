import { format, inspect } from "node:util"
import fc from "fast-check"
import { expect, test } from "vitest"
import { secrets } from "../src/index.ts"
import { useConfiguration, useProject } from "./support/project.ts"

const canary = "cAnArY-5b1e"

function configured(): void {
  useProject()
  const connections = { pets: { url: "sqlite://", password: canary } }
  useConfiguration({ secrets: { api_key: canary, nested: { deep: canary }, connections } })
}

test.each<[string, () => unknown]>([
  ["String()", () => String(secrets)],
  ["a template", () => `${secrets}`],
  ["concatenation", () => `a${"b"}`.concat(secrets as never)],
  ["JSON", () => JSON.stringify(secrets)],
  ["JSON of what holds it", () => JSON.stringify({ list: [secrets] })],
  ["inspect", () => inspect(secrets)],
  ["inspect of what holds it", () => inspect({ list: [secrets] }, { depth: 9 })],
  ["console.log's %s", () => format("%s", secrets)],
  ["console.log's %j", () => format("%j", secrets)],
  ["an error's message", () => new Error(secrets as never).message],
])("the secrets are a sentence in %s", (_, show) => {
  configured()
  expect(show()).toContain("[secrets: read them by name, as secrets.openai_key]")
  expect(show()).not.toContain(canary)
})

test("no other way to show or copy the secrets as a whole has a value", () => {
  configured()
  const ways: (() => unknown)[] = [
    () => inspect(secrets, { showProxy: true, showHidden: true, getters: true, depth: 9 }),
    () => inspect(secrets, { customInspect: false, showHidden: true, getters: true, depth: 9 }),
    () => format("%o %O %d", secrets, secrets, secrets),
    () => Number(secrets),
    () => Object.prototype.toString.call(secrets),
  ]
  for (const way of ways) expect(inspect(way())).not.toContain(canary)
  expect(() => structuredClone(secrets)).toThrow(expect.objectContaining({ name: "DataCloneError" }))
  expect(() => structuredClone({ secrets })).toThrow(expect.not.stringContaining(canary))
})

test("each secret is read by its name, and none can be changed", () => {
  configured()
  expect(secrets.api_key).toBe(canary)
  expect(Object.keys(secrets)).toEqual(expect.arrayContaining(["api_key", "nested", "connections"]))
  expect({ ...secrets }).toMatchObject({ nested: { deep: canary } })
  expect(() => Object.assign(secrets, { api_key: "other" })).toThrow(TypeError)
  expect(() => Object.defineProperty(secrets, "api_key", { value: "other" })).toThrow(TypeError)
  expect(Reflect.deleteProperty(secrets, "api_key")).toBe(false)
  expect(secrets.api_key).toBe(canary)
})

test("a secret of any name is read by it", () => {
  useProject()
  const names = fc.sample(fc.string({ minLength: 1 }), { numRuns: 200, seed: 5 })
  const usable = names.filter((name) => !["__proto__", "constructor", "prototype", "onChange"].includes(name))
  useConfiguration({
    secrets: Object.fromEntries([...usable, "toString", "toJSON", "valueOf"].map((name) => [name, "value"])),
  })
  for (const name of [...usable, "toString", "toJSON", "valueOf"]) expect(secrets[name]).toBe("value")
})
