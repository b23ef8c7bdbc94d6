import { expect, test } from "vitest"
import { type Told, violations } from "./ledger.ts"
import { flatness } from "./memory.ts"
import { Random } from "./random.ts"

function look(entries: readonly string[], told: Readonly<Record<string, Told>>, total = 20_000): Promise<string[]> {
  const ask = async (sql: string) => (sql.includes("entries") ? entries.map((id) => ({ id })) : [{ total }])
  return violations(ask, new Map(Object.entries(told)))
}

test("what is as it was told breaks no promise, and what nobody could tell may be either way", async () => {
  expect(await look(["a", "c"], { a: "done", b: "absent", c: "unknown", d: "unknown" })).toEqual([])
})

test.each<[string, readonly string[], Record<string, Told>, number?]>([
  ["lost", [], { a: "done" }],
  ["doubled", ["a", "a"], { a: "done" }],
  ["doubled in the dark", ["a", "a"], { a: "unknown" }],
  ["denied", ["a"], { a: "absent" }],
  ["strange", ["a"], {}],
  ["half of a transaction", [], {}, 19_990],
])("an entry that is %s is found", async (_, entries, told, total) => {
  expect(await look(entries, told, total)).toHaveLength(1)
})

test("memory that grows is found, and memory that comes and goes is not", () => {
  const minutes = [...Array(40).keys()]
  expect(flatness(minutes.map((i) => 40 + 3 * i))).toHaveLength(1)
  expect(flatness(minutes.map((i) => 60 + 20 * (i % 2)))).toEqual([])
})

test("a seed repeats its numbers, and weights are kept", () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from({ length: 4_000 }, () =>
      random.pick([
        [3, "often"],
        [1, "seldom"],
      ] as const),
    )
  }
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  const seldom = draw(7).filter((word) => word === "seldom").length
  expect(seldom).toBeGreaterThan(800)
  expect(seldom).toBeLessThan(1_200)
})
