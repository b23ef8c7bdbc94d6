import { expect, test } from "vitest"
import { Breaker } from "../../../src/cache/redis/breaker.ts"

function setup() {
  let time = 0
  const breaker = new Breaker({ silences: 3, first: 100, longest: 1_000, now: () => time, random: () => 1 })
  return { breaker, advance: (ms: number) => (time += ms) }
}

test("opens after so many silences in a row, and not before", () => {
  const { breaker } = setup()
  expect([breaker.silent(), breaker.silent()]).toEqual([false, false])
  breaker.answered()
  expect([breaker.silent(), breaker.silent(), breaker.isOpen]).toEqual([false, false, false])
  expect(breaker.silent()).toBe(true)
  expect(breaker.isOpen).toBe(true)
  expect(breaker.silent()).toBe(false)
})

test("opens at once where there is no connection, and lets one probe through when its time is over", () => {
  const { breaker, advance } = setup()
  breaker.refused()
  advance(99)
  expect(breaker.mayProbe()).toBe(false)
  advance(1)
  expect([breaker.mayProbe(), breaker.mayProbe()]).toEqual([true, false])
  breaker.answered()
  expect([breaker.isOpen, breaker.mayProbe()]).toEqual([false, false])
})

test("waits twice as long after each failed probe, up to a bound, and begins anew after an answer", () => {
  const { breaker, advance } = setup()
  const waits: number[] = []
  breaker.refused()
  for (let probe = 0; probe < 6; probe++) {
    let waited = 0
    for (; !breaker.mayProbe(); waited += 50) advance(50)
    waits.push(waited)
    breaker.refused()
  }
  expect(waits).toEqual([100, 200, 400, 800, 1_000, 1_000])
  breaker.answered()
  breaker.refused()
  advance(100)
  expect(breaker.mayProbe()).toBe(true)
})
