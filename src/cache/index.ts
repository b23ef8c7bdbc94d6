export { type CacheData, type CacheDataOptions, type CachedData, createCacheData } from "./cache-data.ts"
export {
  type CachedResource,
  type CacheResource,
  type CacheResourceOptions,
  createCacheResource,
} from "./cache-resource.ts"
export { Cache } from "./cached.ts"
export type { CacheKey, CacheRange, CacheStore, Codec, Entry, StoreStats } from "./contract.ts"
export type { CacheEvent, CacheStats } from "./events.ts"
export type { CacheScope } from "./function-scope.ts"
export { copyData, type SharedValues, sizeOfData } from "./plain-data.ts"
export type { ReadOptions } from "./read-options.ts"
export { type CacheServices, sessionScope } from "./services.ts"
