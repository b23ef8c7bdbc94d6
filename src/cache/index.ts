export { type CacheData, type CacheDataOptions, type CachedData, createCacheData } from "./cache-data.ts"
export {
  type CachedResource,
  type CacheResource,
  type CacheResourceOptions,
  createCacheResource,
} from "./cache-resource.ts"
export { Cache } from "./cached.ts"
export type {
  CacheKey,
  CacheRange,
  CacheStore,
  Codec,
  Entry,
  Look,
  StoreLease,
  StoreStats,
  Turn,
} from "./contract.ts"
export { sizeOfData } from "./data-size.ts"
export type { CacheEvent, CacheStats, StoreCounts } from "./events.ts"
export { type CacheScope, contentOf } from "./function-scope.ts"
export { copyData, type SharedValues } from "./plain-data.ts"
export type { ReadOptions } from "./read-options.ts"
export { redisStore } from "./redis/deferred-store.ts"
export type { Fetched, RedisOptions, RedisTls } from "./redis/options.ts"
export { type CacheServices, sessionScope } from "./services.ts"
