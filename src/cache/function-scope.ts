import { MooringError } from "../errors.ts"
import { sha256 } from "../util/sha256.ts"
import { identity, stableKey } from "../util/stable-key.ts"
import type { SharedValues } from "./plain-data.ts"
import { sessionScope } from "./services.ts"

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

/** Whether a scope holds results of cached functions only: one function's, or those of one session. */
export function isFunctionScope(scope: string): boolean {
  return scope.startsWith("function ") || scope.startsWith(sessionScope(""))
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
  shared: SharedValues,
): string {
  try {
    return stableKey(keyOf ? keyOf(...args) : args, { contentOf: contentOf(shared) })
  } catch (error) {
    const name = fn.name || "A cached function"
    throw new MooringError("CACHE", `${name} was called with what cannot be told apart: ${(error as Error).message}`, {
      hint: "Give plain data or tables as arguments, or keyOf: (…) => …, which picks the plain data that the result depends on.",
      cause: error,
    })
  }
}

/** For {@link stableKey}: shared values count by their content. */
export function contentOf(shared: SharedValues): (value: object) => string | undefined {
  return (value) => (shared.keyOf && shared.accepts(value) ? shared.keyOf(value) : undefined)
}

/** @throws MooringError `BAD_CONFIG` for bounds that are no numbers, or below 0. */
export function checkBounds(name: string, bounds: { maxEntries?: number; maxBytes?: number }): void {
  for (const option of ["maxEntries", "maxBytes"] as const) {
    const bound: unknown = bounds[option]
    if (bound === undefined || (typeof bound === "number" && bound >= 0)) continue
    throw new MooringError("BAD_CONFIG", `${name} has ${option} ${String(bound)}, which is not a number of 0 or more.`)
  }
}
