import { isMooringError } from "../errors.ts"

/**
 * An error of ours with the frames of whoever waits for it now: those are the caller's own code. To be called in an async
 * function that the caller awaits, after an await of its own: the engine knows then who waits.
 */
export function addCaller(error: unknown): unknown {
  if (!isMooringError(error) || typeof Error.captureStackTrace !== "function") return error
  const here: { stack?: string } = {}
  Error.captureStackTrace(here, addCaller)
  const { stack = "" } = error
  const known = new Set(stack.split("\n"))
  const frames = (here.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line) && !known.has(line))
  if (frames.length > 0) {
    Object.defineProperty(error, "stack", {
      value: [stack, ...frames].join("\n"),
      enumerable: false,
      configurable: true,
      writable: true,
    })
  }
  return error
}
