import fc from "fast-check"
import { expect, test } from "vitest"
import { LruMap } from "../../src/util/lru-map.ts"

test("equals a list in the order of use under any sequence", () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e", "f")
  const step = fc.oneof(
    fc.record({ do: fc.constant("set" as const), key, size: fc.integer({ min: 0, max: 12 }) }),
    fc.record({ do: fc.constantFrom("get" as const, "peek" as const, "delete" as const), key }),
    fc.record({ do: fc.constant("clear" as const) }),
  )
  const bounds = fc.record({ maxSize: fc.integer({ min: 0, max: 20 }), maxEntries: fc.option(fc.nat(4)) })
  fc.assert(
    fc.property(bounds, fc.array(step, { maxLength: 60 }), ({ maxSize, maxEntries }, steps) => {
      const evicted: string[] = []
      const map = new LruMap<string, number>({
        maxSize,
        maxEntries: maxEntries ?? undefined,
        onEvict: (key) => evicted.push(key),
      })
      /** The least recently used first. */
      let model: { key: string; size: number; value: number }[] = []
      const gone: string[] = []
      const total = () => model.reduce((sum, { size }) => sum + size, 0)
      for (const [value, one] of steps.entries()) {
        if (one.do === "clear") {
          map.clear()
          model = []
        } else if (one.do === "set") {
          const { key, size } = one
          model = model.filter((kept) => kept.key !== key)
          const fits = size <= maxSize && (maxEntries ?? 1) >= 1
          expect(map.set(key, value, size)).toBe(fits)
          while (fits && (total() + size > maxSize || model.length >= (maxEntries ?? 99))) gone.push(model.shift()!.key)
          if (fits) model.push({ key, size, value })
        } else {
          const found = model.find(({ key }) => key === one.key)
          if (one.do === "delete") expect(map.delete(one.key)).toBe(found !== undefined)
          else expect(map[one.do](one.key)).toBe(found?.value)
          if (found && one.do !== "peek") model.splice(model.indexOf(found), 1)
          if (found && one.do === "get") model.push(found)
        }
        expect({ size: map.size, total: map.total, evicted }).toEqual({
          size: model.length,
          total: total(),
          evicted: gone,
        })
      }
      for (const { key, value } of model) expect(map.peek(key)).toBe(value)
    }),
    { numRuns: 2_000 },
  )
})
