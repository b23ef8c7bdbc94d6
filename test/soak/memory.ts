/** By how much memory may grow after the first quarter; megabytes. Results that are cached come and go. */
const slack = 48

/** Whether memory stayed flat: the middle of its last quarter against that of its second one. */
export function flatness(megabytes: readonly number[]): string[] {
  const quarter = Math.floor(megabytes.length / 4)
  if (quarter === 0) return []
  const early = median(megabytes.slice(quarter, 2 * quarter))
  const late = median(megabytes.slice(-quarter))
  if (late <= early + slack) return []
  return [`heap and buffers grew from ${early.toFixed(0)} to ${late.toFixed(0)} MB.`]
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]!
}
