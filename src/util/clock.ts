/**
 * A clock in milliseconds since 1970 that never goes back, for ages inside this process.
 *
 * It follows the wall clock when that is ahead, as after a machine has slept, and the monotonic clock when the wall clock
 * was set back: an age is then never too small.
 */
export function steadyClock(wall: () => number = Date.now, monotonic: () => number = wholeMilliseconds): () => number {
  let ahead = Number.NEGATIVE_INFINITY
  return () => {
    const passed = monotonic()
    const time = Math.max(wall(), ahead + passed)
    ahead = time - passed
    return time
  }
}

function wholeMilliseconds(): number {
  return Math.floor(performance.now())
}
