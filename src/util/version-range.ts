type Triple = readonly [number, number, number]

/**
 * Whether a version is in a range as package.json writes it: `^8.11`, `~1.2`, `>=1.3 <2`, `1.x`, `*`, `||` between
 * them. Pre-release tags do not count.
 *
 * @returns undefined for a range or version in another form.
 */
export function inRange(version: string, range: string): boolean | undefined {
  const triple = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version)
  if (!triple) return undefined
  const found: Triple = [Number(triple[1]), Number(triple[2]), Number(triple[3])]
  const alternatives = range.split("||").map((text) =>
    text
      .trim()
      .replace(/([<>=~^])\s+/g, "$1")
      .split(/\s+/)
      .map(boundsOf),
  )
  if (alternatives.flat().includes(undefined)) return undefined
  return alternatives.some((comparators) =>
    comparators.every((bounds) => compare(found, bounds![0]) >= 0 && compare(found, bounds![1]) < 0),
  )
}

const lowest: Triple = [0, 0, 0]
const highest: Triple = [Number.POSITIVE_INFINITY, 0, 0]

/** From the first, below the second. */
function boundsOf(comparator: string): readonly [Triple, Triple] | undefined {
  if (/^[*x]?$/i.test(comparator)) return [lowest, highest]
  const match = /^([<>]=?|[~^=])?v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.[x*])*(?:[-+][\w.+-]+)?$/i.exec(comparator)
  if (!match) return undefined
  const [, operator, ...numbers] = match
  const [major, minor, patch] = numbers.map((text) => (text === undefined ? undefined : Number(text)))
  const at: Triple = [major!, minor ?? 0, patch ?? 0]
  const nextMajor: Triple = [at[0] + 1, 0, 0]
  const nextMinor: Triple = [at[0], at[1] + 1, 0]
  const nextPatch: Triple = [at[0], at[1], at[2] + 1]
  const afterAll = minor === undefined ? nextMajor : patch === undefined ? nextMinor : nextPatch
  switch (operator) {
    case ">=":
      return [at, highest]
    case ">":
      return [afterAll, highest]
    case "<":
      return [lowest, at]
    case "<=":
      return [lowest, afterAll]
    case "~":
      return [at, minor === undefined ? nextMajor : nextMinor]
    case "^":
      if (at[0] > 0 || minor === undefined) return [at, nextMajor]
      return [at, at[1] > 0 || patch === undefined ? nextMinor : nextPatch]
    default:
      return [at, afterAll]
  }
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
