import { MooringError } from "../errors.ts"
import { sha256 } from "../util/sha256.ts"
import { identity, stableKey } from "../util/stable-key.ts"

// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant, so that only any takes every function.
export type AnyFunction = (...args: any[]) => unknown

/** Where the results of a function belong, as `cacheData` and `cacheResource` share it. */
export type CacheScope = "global" | "session"

/**
 * Names a cached function.
 *
 * Without a key it is the function object: two closures of one text may answer differently, and a hot reload begins
 * anew. With a key it is the key and the function's text, so that a hot reload, another process or a restart finds the
 * results again until the function is edited. What the function calls or closes over does not count: change the key
 * when that matters.
 */
export function functionName(fn: AnyFunction, key: string | undefined): string {
  return key === undefined ? `function #${identity(fn)}` : `function ${stableKey([key, sha256(fn.toString())])}`
}

/**
 * The key of a call's arguments.
 *
 * @param keyOf picks what of them counts; all of them by default.
 */
export function argumentsKey<Args extends unknown[]>(
  fn: AnyFunction,
  args: Args,
  keyOf: ((...args: Args) => unknown) | undefined,
): string {
  try {
    return stableKey(keyOf ? keyOf(...args) : args)
  } catch (error) {
    const name = fn.name || "A cached function"
    throw new MooringError("CACHE", `${name} was called with what cannot be told apart: ${(error as Error).message}`, {
      hint: "Give plain data as arguments, or keyOf: (…) => …, which picks the plain data that the result depends on.",
      cause: error,
    })
  }
}

/** @throws MooringError `BAD_CONFIG` for bounds that are no numbers, or below 0. */
export function checkBounds(name: string, bounds: { maxEntries?: number; maxBytes?: number }): void {
  for (const option of ["maxEntries", "maxBytes"] as const) {
    const bound: unknown = bounds[option]
    if (bound === undefined || (typeof bound === "number" && bound >= 0)) continue
    throw new MooringError("BAD_CONFIG", `${name} has ${option} ${String(bound)}, which is not a number of 0 or more.`)
  }
}
