/**
 * Named data connections.
 *
 * @module
 */
export type {
  CacheData,
  CacheDataOptions,
  CachedData,
  CachedResource,
  CacheKey,
  CacheRange,
  CacheResource,
  CacheResourceOptions,
  CacheScope,
  CacheStats,
  CacheStore,
  Codec,
  Entry,
  Fetched,
  Look,
  RedisOptions,
  RedisTls,
  StoreCounts,
  StoreLease,
  StoreStats,
  Turn,
} from "./cache/index.ts"
export { redisStore } from "./cache/index.ts"
export {
  type CacheDescription,
  cacheData,
  cacheResource,
  cacheStats,
  clearCaches,
  describeCaches,
} from "./caches.ts"
export { type CloseOnSignalsOptions, closeOnSignals, type EndSignal } from "./close-on-signals.ts"
export { loadConfigFile } from "./config-file.ts"
export { closeAll, configure } from "./configure.ts"
export { connection } from "./connection.ts"
export type { ConnectionOptions, ConnectionShape, ReservedOptions } from "./connection-types.ts"
export * as connections from "./connections.ts"
export {
  BaseConnection,
  type CacheConfiguration,
  type CachedOptions,
  type Configuration,
  endSession,
  type FailureAction,
  type HealthOptions,
  type Lease,
  type ReleaseOptions,
  type Scope,
  type SourceIdentity,
  type TypeLoader,
  type UseOptions,
  withSession,
} from "./core/index.ts"
export { type ConnectionDescription, describeConnections } from "./describe.ts"
export { type DiagnoseOptions, diagnose, type Step } from "./diagnose.ts"
export * from "./errors.ts"
export type { Register } from "./register.ts"
export { type Secrets, secrets } from "./secrets.ts"
export { type Dialect, dialects, SQLConnection, sql } from "./sql/index.ts"
export { Table } from "./tables/table.ts"
export type { ValueOptions } from "./tables/values.ts"
export type { Duration } from "./util/duration.ts"
export { type Format, formats, type TableSource, type WriteOptions, write } from "./write.ts"
