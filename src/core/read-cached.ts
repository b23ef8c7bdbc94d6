import { type Codec, contentOf, copyData, type ReadOptions, sizeOfData } from "../cache/index.ts"
import { type Duration, toMilliseconds } from "../util/duration.ts"
import { stableKey } from "../util/stable-key.ts"
import type { Environment } from "./environment.ts"
import type { CachedOptions } from "./options.ts"
import type { SourceScope } from "./source-scope.ts"
import { sharedTables, valueCodec } from "./table-codec.ts"

/** How a connection reads through the cache: durations as callers write them, and what SQL adds. */
export type CachedReadOptions<T> = CachedOptions &
  Partial<Pick<ReadOptions<T>, "codec" | "sizeOf" | "store" | "mayServeStaleOn">>

/** The connection that reads. */
export interface CachedHandle {
  readonly source: SourceScope
  /** @throws MooringError where it is closed, or another session's. */
  refuseIfUnusable(): void
}

/** The value kept for a source under a key, or else the result of `work`. */
export async function readCached<T>(
  environment: Environment,
  handle: CachedHandle,
  key: { readonly connection: string; readonly group: string; readonly id: unknown },
  options: CachedReadOptions<T>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  handle.refuseIfUnusable()
  const { source } = handle
  const scope = source.known ?? (await source.resolve())
  const store = source.outlivesProcess ? environment.settings.cache?.store : undefined
  const read: ReadOptions<T> = {
    connection: key.connection,
    store,
    codec: options.codec ?? (store && ((await valueCodec()) as Codec<T>)),
    sizeOf: options.sizeOf ?? sizeOfPlain,
    mayServeStaleOn: options.mayServeStaleOn,
    fresh: options.fresh,
    signal: options.signal,
    ttl: toMilliseconds(options.ttl ?? 0, "ttl"),
    staleWhileRevalidate: optionalMilliseconds(options.staleWhileRevalidate, "staleWhileRevalidate"),
    staleIfError: optionalMilliseconds(options.staleIfError, "staleIfError"),
  }
  const id = typeof key.id === "string" ? key.id : stableKey(key.id, { contentOf: contentOf(sharedTables) })
  const kept = await environment.cache.read({ scope, group: key.group, id }, read, work)
  return copyData(kept, sharedTables)
}

function sizeOfPlain(value: unknown): number {
  return sizeOfData(value, sharedTables)
}

export function optionalMilliseconds(value: Duration | undefined, what: string): number | undefined {
  return value === undefined ? undefined : toMilliseconds(value, what)
}
