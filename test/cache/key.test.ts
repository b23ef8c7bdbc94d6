import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { rangeKey } from "../../src/cache/key.ts"

describe("rangeKey", () => {
  it("R22 gives no two ranges one text, whatever their parts hold", () => {
    const part = fc.string({ unit: fc.constantFrom("1", "2", ":", "a", "\0"), maxLength: 4 })
    const range = fc.oneof(
      fc.record({ scope: part }),
      fc.record({ scope: part, group: part }),
      fc.record({ scope: part, group: part, id: part }),
    )
    fc.assert(
      fc.property(range, range, (a, b) => {
        expect(rangeKey(a) === rangeKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 20_000 },
    )
  })
})
