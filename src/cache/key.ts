import type { CacheKey, CacheRange } from "./contract.ts"

/** One text per range. Each part carries its length, so that no part can reach into the next. */
export function rangeKey(range: CacheRange): string {
  const { scope, group, id } = range
  const parts = id === undefined ? (group === undefined ? [scope] : [scope, group]) : [scope, group ?? "", id]
  return parts.map((part) => `${part.length}:${part}`).join("")
}

/** The ranges that hold a key, from the widest: an epoch of each of them is an epoch of the key. */
export function rangesOf({ scope, group, id }: CacheKey): readonly CacheRange[] {
  return [{ scope }, { scope, group }, { scope, group, id }]
}
