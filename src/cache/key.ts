import type { CacheKey, CacheRange } from "./contract.ts"

/** One text per range. Each part carries its length, so that no part can reach into the next. */
export function rangeKey(range: CacheRange): string {
  const { scope, group, id } = range
  if (id !== undefined) return part(scope) + part(group ?? "") + part(id)
  return group === undefined ? part(scope) : part(scope) + part(group)
}

function part(text: string): string {
  return `${text.length}:${text}`
}

/** The ranges that hold a key, from the widest: an epoch of each of them is an epoch of the key. */
export function rangesOf({ scope, group, id }: CacheKey): readonly CacheRange[] {
  return [{ scope }, { scope, group }, { scope, group, id }]
}
