import type { CacheKey, CacheRange } from "./contract.ts"

/** One text per range. Each part carries its length, so that no part can reach into the next. */
export function rangeKey(range: CacheRange): string {
  const { scope, group, id } = range
  if (id !== undefined) return part(scope) + part(group ?? "") + part(id)
  return group === undefined ? part(scope) : part(scope) + part(group)
}

/** The key of work that is under way: what was begun in another epoch, here or in the store behind, has another. */
export function flightKey(key: CacheKey, epoch: string, behind: string | undefined): string {
  const epochs = behind === undefined ? `${epoch}-` : `${epoch}:${behind.length}:${behind}`
  return epochs + rangeKey(key)
}

function part(text: string): string {
  return `${text.length}:${text}`
}

/** The ranges that hold a key, from the widest: an epoch of each of them is an epoch of the key. */
export function rangesOf({ scope, group, id }: CacheKey): readonly CacheRange[] {
  return [{ scope }, { scope, group }, { scope, group, id }]
}
