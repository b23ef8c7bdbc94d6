import { AsyncLocalStorage } from "node:async_hooks"
import { processGlobal } from "./globals.ts"

const storages = processGlobal("caller-contexts@1", () => new Set<AsyncLocalStorage<unknown>>())

/**
 * A storage for what belongs to one caller only, such as its lease or its transaction: work that several callers share
 * does not see it.
 *
 * @param key as in {@link processGlobal}: all copies of the package use one storage.
 */
export function callerContext<T>(key: string): AsyncLocalStorage<T> {
  const { storage } = processGlobal(key, () => ({ storage: new AsyncLocalStorage<T>() }))
  storages.add(storage as AsyncLocalStorage<unknown>)
  return storage
}

/** Runs work that several callers share, outside of all that belongs to one of them. */
export function outsideCallers<R>(work: () => R): R {
  for (const storage of storages) {
    if (storage.getStore() !== undefined) return storage.exit(() => outsideCallers(work))
  }
  return work()
}
