import { expect, test } from "vitest"
import { steadyClock } from "../../src/util/clock.ts"

test("never goes back when the wall clock is set back, and goes on meanwhile", () => {
  const at = { wall: 1_000_000, monotonic: 50 }
  const now = steadyClock(
    () => at.wall,
    () => at.monotonic,
  )
  expect(now()).toBe(1_000_000)
  at.wall -= 3_600_000
  at.monotonic += 10
  expect(now()).toBe(1_000_010)
  at.wall += 3_600_000
  at.monotonic += 10
  expect(now()).toBe(1_000_020)
})

test("follows the wall clock when that is ahead, as after a machine has slept", () => {
  const at = { wall: 1_000_000, monotonic: 50 }
  const now = steadyClock(
    () => at.wall,
    () => at.monotonic,
  )
  now()
  at.wall += 8 * 3_600_000
  at.monotonic += 1
  expect(now()).toBe(1_000_000 + 8 * 3_600_000)
})
