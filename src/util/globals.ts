/**
 * State that hot reloads and duplicate copies of the package share: one value per key on `globalThis`.
 *
 * @param key is versioned by its shape (`registry@1`), so that two versions of the package never read each other's.
 */
export function processGlobal<T extends object>(key: string, create: () => T): T {
  const symbol = Symbol.for(`mooring.${key}`)
  const globals = globalThis as unknown as Record<symbol, T | undefined>
  return (globals[symbol] ??= create())
}
