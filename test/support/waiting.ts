import { onTestFinished } from "vitest"

/** Resolves once the condition holds; rejects after `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`what was waited for did not come: ${condition}`)
    await pause(5)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The error that the work ends with; an error of its own when there is none. */
export async function failureOf<E extends Error = Error>(work: PromiseLike<unknown> | (() => unknown)): Promise<E> {
  try {
    await (typeof work === "function" ? work() : work)
  } catch (error) {
    return error as E
  }
  throw new Error("nothing was thrown")
}

/** True once the promise has settled, for looking at what is under way. */
export function settledFlag(promise: Promise<unknown>): () => boolean {
  let settled = false
  const settle = () => {
    settled = true
  }
  promise.then(settle, settle)
  return () => settled
}

/** A promise that the test settles. */
export function gate<T = void>(): { promise: Promise<T>; open(value: T): void; fail(error: unknown): void } {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  promise.catch(() => undefined)
  return { promise, open: resolve, fail: reject }
}

/** The process warnings from now on; those of Mooring's are process-wide and said once. */
export function hearWarnings(): string[] {
  const heard: string[] = []
  const listen = (warning: Error) => void heard.push(warning.message)
  process.on("warning", listen)
  onTestFinished(() => void process.off("warning", listen))
  return heard
}
