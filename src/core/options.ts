import type { Duration } from "../util/duration.ts"

/** Whom a connection is shared by: everybody in the process, or one session of `withSession`. */
export type Scope = "global" | "session"

/** How long `reset()` and `close()` wait for users of the old raw connection. */
export interface ReleaseOptions {
  /** Default 30 s. */
  timeout?: Duration
}

/** How long `isHealthy()` waits for a sign of life, the connect included. */
export interface HealthOptions {
  /** Default 30 s. */
  timeout?: Duration
}

/** How `_use` runs its work. */
export interface UseOptions {
  signal?: AbortSignal | undefined
  /** Runs the work again on a fresh raw connection after `lost` or `wait`. Only for work that may be done twice. */
  retry?: boolean
  /**
   * Whether the work may wait for a `reset()` of this connection, which then does not wait for the work. Default true;
   * false spares it a context of its own.
   */
  mayReset?: boolean
}

/** How `_cached` keeps a value. */
export interface CachedOptions {
  /** The greatest age that this caller accepts; 0, the default, stores nothing. */
  ttl?: Duration
  staleWhileRevalidate?: Duration
  staleIfError?: Duration
  /** Ignores what is stored or was begun earlier. */
  fresh?: boolean
  signal?: AbortSignal | undefined
}
