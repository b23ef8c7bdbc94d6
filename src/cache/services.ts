import type { Cache } from "./cached.ts"
import type { CacheStore, Codec } from "./contract.ts"
import type { SharedValues } from "./plain-data.ts"

/**
 * What `cacheData` and `cacheResource` are given by the program around them. Asked for at each call, so that a test
 * can put others in place for its own async context.
 */
export interface CacheServices {
  readonly cache: Cache
  /** The values that are shared instead of copied: tables. */
  readonly shared: SharedValues
  /** The store of `persist: "disk"`. Loaded when it is first needed. */
  disk(): Promise<CacheStore>
  /** The store of `persist: "shared"`: the configured one, if there is any. */
  sharedStore(): CacheStore | undefined
  /** Turns results into bytes for a store. Loaded when it is first needed. */
  codec(): Promise<Codec<unknown>>
  /** The session of the calling async context. Throws `NO_SESSION` outside of one. */
  currentSession(): string
  /** Runs work that belongs to no session: what is cached for all must not see one caller's. */
  outsideSession<R>(work: () => R): R
}

/** The scope that holds everything of one session. Ending a session invalidates it. */
export function sessionScope(session: string): string {
  return `session ${session}`
}
