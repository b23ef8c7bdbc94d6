import fc from "fast-check"
import { expect, test } from "vitest"
import { sourceIdentity } from "../../src/core/source-identity.ts"
import { connection } from "../../src/index.ts"
import { PetsConnection } from "../support/pets-connection.ts"
import { startPetsServer } from "../support/pets-server.ts"
import { useProject } from "../support/project.ts"

const keyOf = async (values: Record<string, unknown>, kind = "pets") => (await sourceIdentity(kind, values)).key

test("a literal credential does not count beside a user, and counts through a slow hash without one", async () => {
  const [first, second] = [{ password: "canary-1" }, { password: "canary-2" }]
  expect(await keyOf({ user: "ada", ...first })).toBe(await keyOf({ user: "ada", ...second }))
  expect(await keyOf({ username: "ada", ...first })).not.toBe(await keyOf({ username: "bob", ...first }))
  expect(await keyOf(first)).not.toBe(await keyOf(second))
  expect(await keyOf(first)).toBe(await keyOf(first))
  for (const key of [await keyOf(first), await keyOf({ user: "ada", ...first })]) expect(key).not.toContain("canary")
})

test("functions and instances count by identity, for this process only", async () => {
  const provide = () => "secret"
  const same = await sourceIdentity("pets", { provide })
  expect(same.processOnly).toBe(true)
  expect((await sourceIdentity("pets", { provide })).key).toBe(same.key)
  expect((await sourceIdentity("pets", { provide: () => "secret" })).key).not.toBe(same.key)
  expect((await sourceIdentity("pets", { nested: [{ clock: new (class Clock {})() }] })).processOnly).toBe(true)
  const plain = { when: new Date(0), bytes: Buffer.from("x"), list: [{ a: 1 }], port: 5 }
  expect((await sourceIdentity("pets", plain)).processOnly).toBe(false)
})

test("a key called __proto__ is a key like any other", async () => {
  const odd = Object.fromEntries([["__proto__", null]])
  expect((await sourceIdentity("sql", odd)).key).not.toBe((await sourceIdentity("sql", {})).key)
})

test("two configurations have one identity only if they are the same", async () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()), fc.bigInt())
  const keys = fc.constantFrom("host", "port", "database", "role", "region")
  const values = fc.dictionary(keys, value, { noNullPrototype: true })
  await fc.assert(
    fc.asyncProperty(values, values, fc.string(), fc.string(), async (a, b, kindA, kindB) => {
      const equal = kindA === kindB && isEqual(a, b)
      expect((await keyOf(a, kindA)) === (await keyOf(b, kindB))).toBe(equal)
    }),
    { numRuns: 500 },
  )
})

function isEqual(a: unknown, b: unknown): boolean {
  try {
    expect(a).toStrictEqual(b)
    return true
  } catch {
    return false
  }
}

test("a reference counts by what it refers to, so that a rotated token keeps the cache", async () => {
  const project = useProject()
  const server = await startPetsServer()
  project.write("token", "canary-token")
  project.secrets(`[connections.pets]\nport = ${server.port}\ntoken = { file = "../token" }\n`)
  const pets = await connection("pets", { type: PetsConnection })
  expect(await pets.owner("cat", "inf")).toBe("Ada")
  server.token = "rotated"
  project.write("token", "rotated")
  await pets.reset()
  server.owners.set("cat", "Eve")
  expect(await pets.owner("cat", "inf")).toBe("Ada")
  expect(await pets.owner("cat")).toBe("Eve")
})
